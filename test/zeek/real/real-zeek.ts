import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
import type { ServerPlace, ZeekUnderTest } from '../cluster.ts';
import { filesOf, nodesOf, PORTS_SCRIPT, TLS_SCRIPT, tlsFilesOf, type ZeekSetup } from './setups.ts';
import { ZeekProcess } from './zeek-process.ts';
import { freePort } from '../../support/free-port.ts';

const packageScript = fileURLToPath(new URL('../../../zeek/tablecast.zeek', import.meta.url));
const tableScript = fileURLToPath(new URL('e2e.zeek', import.meta.url));
const START_MS = 60_000;
/** An answer of which something was lost on its way is asked for again after that time, and so often. */
const ANSWER_MS = 5000;
const MAX_TRIES = 6;
/** A burst takes longer on a busy machine; asked again, Zeek would do all of it again. */
const FILLED_MS = 240_000;

interface Place extends ServerPlace {
  readonly port: number;
  readonly directory: string;
}

interface Question {
  readonly rows: Map<string, unknown>;
  readonly isSet: boolean;
  told: number;
  answered(rows: ReadonlyMap<string, unknown>): void;
}

/** A Zeek with the script package and the tables of the scenarios; its first node runs the WebSocket server. */
export class RealZeek implements ZeekUnderTest {
  readonly url: string;
  readonly nodes: readonly string[];
  readonly #binary: string;
  readonly #setup: ZeekSetup;
  readonly #port: number;
  readonly #directory: string;
  readonly #isSecure: boolean;
  readonly #client: ZeekClient;
  readonly #questions = new Map<string, Question>();
  readonly #processes = new Map<string, ZeekProcess>();
  #asked = 0;

  private constructor(binary: string, setup: ZeekSetup, { port, directory, onWorker, tls }: Place) {
    this.#binary = binary;
    this.#setup = setup;
    this.nodes = nodesOf(setup, onWorker);
    this.#port = port;
    this.#directory = directory;
    this.#isSecure = tls !== undefined;
    this.url = `${tls === undefined ? 'ws' : 'wss'}://127.0.0.1:${port}`;
    this.#client = connectZeek(
      {
        url: this.url,
        topics: ['e2e/out/'],
        environment: testEnvironment,
        tls: tls && { ca: tls.ca, ...tls.client },
        timings: { firstRetryMs: 50, maxRetryMs: 200 },
      },
      { event: (event) => this.#heard(event), state: () => {}, drain: () => {}, problem: () => {} },
    );
  }

  static async start(binary: string, setup: ZeekSetup, place: ServerPlace = {}): Promise<RealZeek> {
    const directory = await mkdtemp(join(tmpdir(), 'tablecast-e2e-'));
    const port = await freePort();
    const certificates = place.tls === undefined ? [] : tlsFilesOf(place.tls, port);
    for (const [name, text] of [...filesOf(setup, await freePorts(3)), ...certificates])
      await writeFile(join(directory, name), text);
    const zeek = new RealZeek(binary, setup, { ...place, port, directory });
    for (const node of zeek.#all) zeek.#spawn(node);
    try {
      await zeek.#ready();
    } catch (error) {
      await zeek.stop();
      throw error;
    }
    return zeek;
  }

  /** Also those that hold no tables. */
  get #all(): readonly string[] {
    return this.#setup === 'zeromq-cluster' ? ['logger', ...this.nodes, 'proxy'] : this.nodes;
  }

  get #isCluster(): boolean {
    return this.#setup.endsWith('-cluster');
  }

  #spawn(node: string): void {
    const backend = this.#setup.startsWith('zeromq') ? 'zeromq' : 'broker';
    const args = [`frameworks/cluster/backend/${backend}`, packageScript, tableScript];
    if (this.#setup === 'zeromq-cluster') args.splice(1, 0, join(this.#directory, PORTS_SCRIPT));
    if (this.#setup === 'zeromq') args.push('Cluster::Backend::ZeroMQ::run_proxy_thread=T');
    const serving = this.#isSecure
      ? join(this.#directory, TLS_SCRIPT)
      : 'frameworks/cluster/websocket/server';
    if (node === this.nodes[0]) args.splice(1, 0, serving);
    const { CLUSTER_NODE: _, ...environment } = process.env;
    const env = {
      ...environment,
      ...(this.#isCluster ? { CLUSTER_NODE: node } : {}),
      ZEEK_WEBSOCKET_LISTEN_ADDRESS: '127.0.0.1',
      ZEEK_WEBSOCKET_LISTEN_PORT: String(this.#port),
    };
    const started = new ZeekProcess(node, { binary: this.#binary, args, cwd: this.#directory, env });
    this.#processes.set(node, started);
  }

  /** Rejects as soon as a process has ended that should run. */
  #orLost<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, ...Array.from(this.#processes.values(), ({ lost }) => lost)]);
  }

  get #words(): string {
    return [...this.#processes].map(([node, { words }]) => `${node}: ${words}`).join('\n');
  }

  /** Resolves when every node answers. */
  async #ready(): Promise<void> {
    const deadline = Date.now() + START_MS;
    for (const node of this.nodes) {
      let answered = false;
      while (!answered) {
        if (Date.now() > deadline)
          throw new Error(`Zeek's ${node} did not answer within ${START_MS} ms.\n${this.#words}`);
        answered = (await this.#orLost(this.#askOnce(node, 'show', ['E2e::short'], 200))) !== undefined;
      }
    }
  }

  #heard({ name, args }: ZeekEvent): void {
    const [nonce, first, second] = args;
    const question = nonce?.type === 'string' ? this.#questions.get(nonce.data) : undefined;
    if (question === undefined || nonce?.type !== 'string') return;
    if (name === 'E2e::listed' && first?.type === 'vector' && second?.type === 'vector') {
      for (const [at, key] of first.data.entries()) {
        const value = second.data[at];
        if (key.type !== 'string' || value?.type !== 'count') continue;
        question.rows.set(key.data, question.isSet ? true : Number(value.data));
        question.told += 1;
      }
    }
    if (name !== 'E2e::finished' || first?.type !== 'count') return;
    // A part that was lost is asked for again, with the whole.
    if (question.told === Number(first.data)) question.answered(question.rows);
  }

  async #ask(
    node: string,
    event: string,
    args: readonly [string, ...ZeekData[]],
    patienceMs = ANSWER_MS,
  ): Promise<ReadonlyMap<string, unknown>> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const answer = await this.#orLost(this.#askOnce(node, event, args, patienceMs));
      if (answer !== undefined) return answer;
    }
    throw new Error(`Zeek's ${node} does not answer to ${event}.\n${this.#words}`);
  }

  /** Resolves with undefined when no whole answer comes in time. Each question can be asked twice. */
  async #askOnce(
    node: string,
    event: string,
    [table, ...args]: readonly [string, ...ZeekData[]],
    patienceMs: number,
  ): Promise<ReadonlyMap<string, unknown> | undefined> {
    const nonce = `${++this.#asked}`;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const answer = new Promise<ReadonlyMap<string, unknown> | undefined>((answered) => {
      const isSet = table === 'E2e::hosts';
      this.#questions.set(nonce, { rows: new Map(), isSet, told: 0, answered });
      timer = setTimeout(answered, patienceMs, undefined);
    });
    const all = [string(node), string(nonce), string(table), ...args];
    this.#client.send(writeEvent({ topic: 'e2e/cmd/', name: `E2e::${event}`, args: all }));
    return answer.finally(() => {
      clearTimeout(timer);
      this.#questions.delete(nonce);
    });
  }

  async put(node: string, table: string, row: { key: string; value?: number }): Promise<void> {
    await this.#ask(node, 'put', [table, string(row.key), count(row.value ?? 0)]);
  }

  async remove(node: string, table: string, key: string): Promise<void> {
    await this.#ask(node, 'take', [table, string(key)]);
  }

  async fill(node: string, table: string, rows: number): Promise<void> {
    await this.#ask(node, 'fill', [table, count(rows)], FILLED_MS);
  }

  async lose(node: string, every: number): Promise<void> {
    await this.#ask(node, 'lose', ['E2e::counts', count(every)]);
  }

  rows(node: string, table: string): Promise<ReadonlyMap<string, unknown>> {
    return this.#ask(node, 'show', [table]);
  }

  async restart(node?: string): Promise<void> {
    const which = node === undefined ? this.#all : [node];
    for (const name of which) await this.#end(name);
    for (const name of which) this.#spawn(name);
    await this.#ready();
  }

  async #end(node: string): Promise<void> {
    await this.#processes.get(node)?.end();
    this.#processes.delete(node);
    if (node !== this.nodes[0]) return;
    const deadline = Date.now() + START_MS;
    while (this.#client.state.kind === 'connected' && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    await this.#client.close();
    for (const node of this.#all) await this.#end(node);
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function freePorts(howMany: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < howMany) ports.add(await freePort());
  return [...ports];
}
