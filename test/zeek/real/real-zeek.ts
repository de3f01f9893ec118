import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { count, string, type ZeekData } from '../../../src/zeek/protocol/data/zeek-data.ts';
import {
  connectZeek,
  type ZeekClient,
  type ZeekEvent,
  writeEvent,
} from '../../../src/zeek/protocol/index.ts';
import { testEnvironment } from '../protocol/test-environment.ts';
import type { ZeekUnderTest } from '../cluster.ts';

const packageScript = fileURLToPath(new URL('../../../zeek/tablecast.zeek', import.meta.url));
const tableScript = fileURLToPath(new URL('e2e.zeek', import.meta.url));
const START_MS = 60_000;

interface Place {
  readonly port: number;
  readonly directory: string;
}

interface Question {
  readonly rows: Map<string, unknown>;
  readonly isSet: boolean;
  answered(rows: ReadonlyMap<string, unknown>): void;
}

/** How the Zeek under test is made up. */
export type ZeekSetup = 'broker' | 'zeromq' | 'broker-cluster';

/** A Zeek with the script package and the tables of the scenarios; its first node runs the WebSocket server. */
export class RealZeek implements ZeekUnderTest {
  readonly url: string;
  readonly nodes: readonly string[];
  readonly #binary: string;
  readonly #setup: ZeekSetup;
  readonly #port: number;
  readonly #directory: string;
  readonly #client: ZeekClient;
  readonly #questions = new Map<string, Question>();
  readonly #processes = new Map<string, ChildProcess>();
  #asked = 0;

  private constructor(binary: string, setup: ZeekSetup, { port, directory }: Place) {
    this.#binary = binary;
    this.#setup = setup;
    this.nodes = setup === 'broker-cluster' ? ['manager', 'worker'] : ['zeek'];
    this.#port = port;
    this.#directory = directory;
    this.url = `ws://127.0.0.1:${port}`;
    this.#client = connectZeek(
      {
        url: this.url,
        topics: ['e2e/out/'],
        environment: testEnvironment,
        timings: { firstRetryMs: 50, maxRetryMs: 200 },
      },
      { event: (event) => this.#heard(event), state: () => {}, drain: () => {}, problem: () => {} },
    );
  }

  static async start(binary: string, setup: ZeekSetup): Promise<RealZeek> {
    const directory = await mkdtemp(join(tmpdir(), 'tablecast-e2e-'));
    await writeFile(join(directory, 'cluster-layout.zeek'), layout(await freePort()));
    const zeek = new RealZeek(binary, setup, { port: await freePort(), directory });
    for (const node of zeek.nodes) zeek.#spawn(node);
    await zeek.#ready();
    return zeek;
  }

  #spawn(node: string): void {
    const backend = this.#setup === 'zeromq' ? 'zeromq' : 'broker';
    const scripts = [`frameworks/cluster/backend/${backend}`, packageScript, tableScript];
    if (backend === 'zeromq') scripts.push('Cluster::Backend::ZeroMQ::run_proxy_thread=T');
    if (node === this.nodes[0]) scripts.splice(1, 0, 'frameworks/cluster/websocket/server');
    const { CLUSTER_NODE: _, ...environment } = process.env;
    this.#processes.set(
      node,
      spawn(this.#binary, scripts, {
        cwd: this.#directory,
        stdio: 'inherit',
        env: {
          ...environment,
          ...(this.#setup === 'broker-cluster' ? { CLUSTER_NODE: node } : {}),
          ZEEK_WEBSOCKET_LISTEN_ADDRESS: '127.0.0.1',
          ZEEK_WEBSOCKET_LISTEN_PORT: String(this.#port),
        },
      }),
    );
  }

  /** Resolves when every node answers. */
  async #ready(): Promise<void> {
    const deadline = Date.now() + START_MS;
    for (const node of this.nodes) {
      let answered = false;
      while (!answered) {
        if (Date.now() > deadline) throw new Error(`Zeek's ${node} did not answer within ${START_MS} ms`);
        answered = await Promise.race([
          this.#ask(node, 'show', ['E2e::short']).then(() => true),
          new Promise<false>((resolve) => setTimeout(resolve, 200, false)),
        ]);
      }
    }
  }

  #heard({ name, args }: ZeekEvent): void {
    const [nonce, key, value] = args;
    const question = nonce?.type === 'string' ? this.#questions.get(nonce.data) : undefined;
    if (question === undefined || nonce?.type !== 'string') return;
    if (name === 'E2e::listed' && key?.type === 'string' && value?.type === 'count') {
      question.rows.set(key.data, question.isSet ? true : Number(value.data));
    }
    if (name !== 'E2e::finished') return;
    this.#questions.delete(nonce.data);
    question.answered(question.rows);
  }

  async #ask(
    node: string,
    event: string,
    [table, ...args]: readonly [string, ...ZeekData[]],
  ): Promise<ReadonlyMap<string, unknown>> {
    const nonce = `${++this.#asked}`;
    const answer = new Promise<ReadonlyMap<string, unknown>>((answered) => {
      this.#questions.set(nonce, { rows: new Map(), isSet: table === 'E2e::hosts', answered });
    });
    const all = [string(node), string(nonce), string(table), ...args];
    this.#client.send(writeEvent({ topic: 'e2e/cmd/', name: `E2e::${event}`, args: all }));
    return answer;
  }

  async put(node: string, table: string, row: { key: string; value?: number }): Promise<void> {
    await this.#ask(node, 'put', [table, string(row.key), count(row.value ?? 0)]);
  }

  async remove(node: string, table: string, key: string): Promise<void> {
    await this.#ask(node, 'take', [table, string(key)]);
  }

  rows(node: string, table: string): Promise<ReadonlyMap<string, unknown>> {
    return this.#ask(node, 'show', [table]);
  }

  async restart(node?: string): Promise<void> {
    const which = node === undefined ? this.nodes : [node];
    for (const name of which) await this.#end(name);
    for (const name of which) this.#spawn(name);
    await this.#ready();
  }

  async #end(node: string): Promise<void> {
    const running = this.#processes.get(node);
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exit = once(running, 'exit');
    running.kill('SIGKILL');
    await exit;
    if (node !== this.nodes[0]) return;
    const deadline = Date.now() + START_MS;
    while (this.#client.state.kind === 'connected' && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    await this.#client.close();
    for (const node of this.nodes) await this.#end(node);
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** A manager, which logs, and a worker. */
function layout(port: number): string {
  return `redef Cluster::manager_is_logger = T;
redef Cluster::nodes = {
	["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=${port}/tcp],
	["worker"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=0/tcp, $manager="manager"],
};
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
