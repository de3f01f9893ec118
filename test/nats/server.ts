import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { freePort } from '../support/free-port.ts';

/** Says why tests with a real server cannot run; undefined when they can. */
export const missing: string | undefined =
  spawnSync('nats-server', ['--version']).error === undefined
    ? undefined
    : 'nats-server is not on the PATH: apt-get install nats-server';

if (missing !== undefined) {
  if (process.env['CI'] !== undefined) throw new Error(missing);
  process.stderr.write(`Tests with a real NATS server are left out: ${missing}\n`);
}

/** One nats-server of a test, in a directory and at a port of its own. */
export class NatsServer {
  readonly port: number;
  /** Where it stores; a disk may be mounted there before it begins. */
  readonly store: string;
  readonly #directory: string;
  #config: string;
  readonly #environment: Readonly<Record<string, string>>;
  #process: ChildProcess | undefined;

  private constructor(
    port: number,
    directory: string,
    config: string,
    environment: Readonly<Record<string, string>>,
  ) {
    this.port = port;
    this.store = join(directory, 'store');
    this.#directory = directory;
    this.#config = config;
    this.#environment = environment;
  }

  static async start(config = '', environment: Readonly<Record<string, string>> = {}): Promise<NatsServer> {
    const server = await NatsServer.prepared(config, environment);
    await server.begin();
    return server;
  }

  /** Makes one that is not begun. */
  static async prepared(
    config: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<NatsServer> {
    const directory = await mkdtemp(join(tmpdir(), 'tablecast-nats-'));
    return new NatsServer(await freePort(), directory, config, environment);
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Is its process; 0 while it is down. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts it, again with what it had stored. */
  async begin(): Promise<void> {
    const file = await this.#write();
    const child = spawn('nats-server', ['-c', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...this.#environment },
    });
    this.#process = child;
    let log = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (bytes: Buffer) => {
        log += String(bytes);
        if (log.includes('Server is ready')) resolve();
      });
      child.once('exit', (code) =>
        reject(new Error(`nats-server ended with ${String(code)}: ${log.slice(-500)}`)),
      );
    });
  }

  async #write(): Promise<string> {
    const file = join(this.#directory, 'server.conf');
    const own = `listen: "127.0.0.1:${this.port}"\njetstream { store_dir: "${this.store}" }`;
    await writeFile(file, `${this.#config}\n${own}\n`);
    return file;
  }

  /** Changes its configuration while it runs; resolves when it is in force. */
  async reload(config: string): Promise<void> {
    this.#config = config;
    await this.#write();
    const child = this.#process;
    const stderr = child?.stderr ?? undefined;
    if (stderr === undefined) throw new Error('it does not run');
    const isDone = new Promise<void>((resolve) => {
      let log = '';
      stderr.on('data', (bytes: Buffer) => {
        log += String(bytes);
        if (log.includes('Reloaded server configuration')) resolve();
      });
    });
    child?.kill('SIGHUP');
    await isDone;
  }

  /** Ends it, and takes away what it had stored. */
  async lose(): Promise<void> {
    await this.kill();
    await rm(this.store, { recursive: true });
  }

  /** Ends it between two instructions. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
