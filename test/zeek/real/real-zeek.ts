import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { count, string, type ZeekData } from '../../../src/transport/zeek/data/zeek-data.ts';
import {
  connectZeek,
  type ZeekClient,
  type ZeekEvent,
  writeEvent,
} from '../../../src/transport/zeek/index.ts';
import { testEnvironment } from '../../transport/zeek/test-environment.ts';
import type { ZeekUnderTest } from '../cluster.ts';

const packageScript = fileURLToPath(new URL('../../../zeek/tablecast.zeek', import.meta.url));
const tableScript = fileURLToPath(new URL('e2e.zeek', import.meta.url));
const START_MS = 20_000;

interface Question {
  readonly rows: Map<string, unknown>;
  readonly isSet: boolean;
  answered(rows: ReadonlyMap<string, unknown>): void;
}

/** One Zeek process with the WebSocket server on loopback, the script package and the tables of the scenarios. */
export class RealZeek implements ZeekUnderTest {
  readonly url: string;
  readonly nodes: readonly string[] = ['zeek'];
  readonly #binary: string;
  readonly #port: number;
  readonly #directory: string;
  readonly #client: ZeekClient;
  readonly #questions = new Map<string, Question>();
  #process: ChildProcess | undefined;
  #asked = 0;

  private constructor(binary: string, port: number, directory: string) {
    this.#binary = binary;
    this.#port = port;
    this.#directory = directory;
    this.url = `ws://127.0.0.1:${port}`;
    this.#spawn();
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

  static async start(binary: string): Promise<RealZeek> {
    const directory = await mkdtemp(join(tmpdir(), 'tablecast-e2e-'));
    const zeek = new RealZeek(binary, await freePort(), directory);
    await zeek.#connected();
    return zeek;
  }

  #spawn(): void {
    const server = ['frameworks/cluster/backend/broker', 'frameworks/cluster/websocket/server'];
    this.#process = spawn(this.#binary, [...server, packageScript, tableScript], {
      cwd: this.#directory,
      stdio: 'inherit',
      env: {
        ...process.env,
        ZEEK_WEBSOCKET_LISTEN_ADDRESS: '127.0.0.1',
        ZEEK_WEBSOCKET_LISTEN_PORT: String(this.#port),
      },
    });
  }

  async #connected(): Promise<void> {
    const deadline = Date.now() + START_MS;
    while (this.#client.state.kind !== 'connected') {
      if (Date.now() > deadline) throw new Error(`Zeek did not take a client within ${START_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 20));
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

  async #ask(event: string, table: string, args: readonly ZeekData[]): Promise<ReadonlyMap<string, unknown>> {
    await this.#connected();
    const nonce = `${++this.#asked}`;
    const answer = new Promise<ReadonlyMap<string, unknown>>((answered) => {
      this.#questions.set(nonce, { rows: new Map(), isSet: table === 'E2e::hosts', answered });
    });
    const all = [string(nonce), string(table), ...args];
    this.#client.send(writeEvent({ topic: 'e2e/cmd/', name: `E2e::${event}`, args: all }));
    return answer;
  }

  async put(_: string, table: string, { key, value = 0 }: { key: string; value?: number }): Promise<void> {
    await this.#ask('put', table, [string(key), count(value)]);
  }

  async remove(_: string, table: string, key: string): Promise<void> {
    await this.#ask('take', table, [string(key)]);
  }

  rows(_: string, table: string): Promise<ReadonlyMap<string, unknown>> {
    return this.#ask('show', table, []);
  }

  async restart(): Promise<void> {
    await this.#end();
    this.#spawn();
    await this.#connected();
  }

  async #end(): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null) return;
    const exit = once(running, 'exit');
    running.kill('SIGKILL');
    await exit;
    const deadline = Date.now() + START_MS;
    while (this.#client.state.kind === 'connected' && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    await this.#client.close();
    await this.#end();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
