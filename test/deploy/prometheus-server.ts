import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { endProcess } from '../support/end-process.ts';

/** Whether the tests are run: there is a Prometheus, or its absence is a failure. */
export const hasPrometheus: boolean =
  spawnSync('promtool', ['--version']).status === 0 || process.env['TABLECAST_NEEDS_PROMETHEUS'] === '1';

/** What a Prometheus answers to a query. */
interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly data?: { readonly result: readonly unknown[] };
}

/** A rule as a Prometheus tells of it. */
interface Rule {
  readonly name: string;
  readonly query: string;
  readonly health: string;
  readonly lastError?: string;
  readonly state: string;
}

/** A Prometheus of Debian's that scrapes nodes of this test. */
export class PrometheusServer {
  readonly #address: string;

  private constructor(address: string) {
    this.#address = address;
  }

  /** Starts one that loads the rules and scrapes the targets every second; it ends with the test. */
  static async start(rules: string, targets: readonly string[]): Promise<PrometheusServer> {
    const directory = mkdtempSync(join(tmpdir(), 'tablecast-prometheus-'));
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'tablecast', static_configs: [{ targets }] }],
    };
    // JSON is YAML.
    writeFileSync(join(directory, 'prometheus.yml'), JSON.stringify(config));
    const child = spawn('prometheus', [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
    ]);
    onTestFinished(async () => {
      await endProcess(child);
      rmSync(directory, { recursive: true, force: true });
    });
    const server = new PrometheusServer(await listening(child));
    await server.#ready();
    return server;
  }

  /** Waits until it answers queries: it listens before it has opened its database, and says 503 till then. */
  async #ready(): Promise<void> {
    for (;;) {
      const { status } = await fetch(`${this.#address}/-/ready`);
      if (status === 200) return;
      if (status !== 503) throw new Error(`Prometheus says ${status} when it is asked whether it is ready`);
      await setTimeout(100);
    }
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#address}/api/v1/${path}`);
    return (await response.json()) as T;
  }

  query(query: string): Promise<Answer> {
    return this.#get(`query?query=${encodeURIComponent(query)}`);
  }

  /** The rules, once each was evaluated. */
  async rules(): Promise<readonly Rule[]> {
    for (;;) {
      const { data } = await this.#get<{ data: { groups: readonly { rules: readonly Rule[] }[] } }>('rules');
      const all = data.groups.flatMap(({ rules }) => rules);
      if (all.every(({ health }) => health !== 'unknown')) return all;
      await setTimeout(100);
    }
  }

  /** Asks until a query has as many results, or fails: on a busy machine a scrape may come too late. */
  async until(query: string, results: number): Promise<Answer> {
    for (;;) {
      const answer = await this.query(query);
      if (answer.status !== 'success' || (answer.data?.result.length ?? 0) >= results) return answer;
      await setTimeout(100);
    }
  }
}

/** The address that it says it listens on. Its words are read to the end: it would die of a pipe that nobody reads. */
function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`Prometheus ended:\n${said}`)));
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      const [, address] = /msg="Listening on" address=(\S+)/.exec(said) ?? [];
      if (address !== undefined) resolve(`http://${address}`);
    });
  });
}
