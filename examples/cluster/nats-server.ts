// A NATS server for one run of the demonstration, in a process of its own.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { NodeFailed } from './child-node.ts';

const PRELOAD = new URL('../../scripts/typescript.mjs', import.meta.url).href;
const PROGRAM = fileURLToPath(new URL('nats-process.ts', import.meta.url));
const HINT =
  'Install nats-server (Debian: apt-get install nats-server; others: https://nats.io), or leave out --nats: ' +
  'the nodes connect with each other then, and need no server.';

/** Sent by the process of a server. */
export type ServerReply =
  | { readonly type: 'ready'; readonly servers: string; readonly pid: number }
  | { readonly type: 'failed'; readonly message: string };

/** A server that runs. */
export class DemonstrationServer {
  readonly servers: string;
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #directory: string;

  private constructor(
    process: ChildProcess,
    directory: string,
    { servers, pid }: Extract<ServerReply, { type: 'ready' }>,
  ) {
    this.#process = process;
    this.#directory = directory;
    this.servers = servers;
    this.pid = pid;
  }

  /** Starts one with JetStream that keeps its streams in a directory. Rejects where there is none. */
  static async start(directory: string): Promise<DemonstrationServer> {
    const child = spawn(process.execPath, ['--import', PRELOAD, PROGRAM, directory], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const [reply] = (await once(child, 'message')) as [ServerReply];
    if (reply.type === 'ready') return new DemonstrationServer(child, directory, reply);
    child.disconnect();
    throw new NodeFailed(`--nats needs nats-server: ${reply.message}.`, HINT);
  }

  /** Ends it and removes its streams: each node has all of them in its log. Idempotent. */
  async close(): Promise<void> {
    const child = this.#process;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      if (child.connected) child.disconnect();
      await exited;
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}
