// A node process as the coordinator sees it: start, ask, kill.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { NodeProcessOptions, Reply, Request, Status } from './messages.ts';

const PRELOAD = new URL('../../scripts/typescript.mjs', import.meta.url).href;
const PROGRAM = fileURLToPath(new URL('node-process.ts', import.meta.url));
const MAX_OUTPUT_KEPT = 4000;
const CLOSE_MS = 4000;

/** What one type of reply carries. */
export type ReplyOf<T extends Reply['type']> = Extract<Reply, { type: T }>;

/** What became of a node process. */
export type ProcessState = 'starting' | 'running' | 'killed' | 'ended';

/** A node process failed, with what it said. */
export class NodeFailed extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

interface Waiting {
  readonly type: Reply['type'];
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

/** One process of the cluster. */
export class ChildNode {
  readonly id: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<Waiting>();
  #output = '';
  #expectedEnd: ProcessState | undefined;
  state: ProcessState = 'starting';
  status: Status | undefined;
  /** Operations a second, smoothed over about a second. */
  operationsPerSecond = 0;
  #measured: { readonly position: number; readonly at: number } | undefined;

  constructor(id: string) {
    this.id = id;
    this.#child = spawn(process.execPath, ['--import', PRELOAD, PROGRAM], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child.on('message', (reply: Reply) => this.#receive(reply));
    this.#child.on('error', (error) => this.#ended(error.message));
    this.#child.on('exit', (code, signal) => this.#ended(`exit code ${code ?? signal ?? 'unknown'}`));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-MAX_OUTPUT_KEPT);
      });
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Opens the node; resolves when it listens. */
  async open(options: NodeProcessOptions): Promise<ReplyOf<'opened'>> {
    const opened = await this.ask({ type: 'open', options }, 'opened');
    this.state = 'running';
    return opened;
  }

  /** Sends a request and resolves with the next reply of a type. */
  async ask<T extends Reply['type']>(request: Request, type: T): Promise<ReplyOf<T>> {
    const reply = this.next(type);
    if (this.#child.connected) this.#child.send(request);
    return reply;
  }

  /** The next reply of a type; rejects when the process fails or ends before. */
  async next<T extends Reply['type']>(type: T): Promise<ReplyOf<T>> {
    return new Promise<ReplyOf<T>>((resolve, reject) => {
      if (this.#hasExited) reject(this.#failure('is not running'));
      else this.#waiting.add({ type, resolve: (reply) => resolve(reply as ReplyOf<T>), reject });
    });
  }

  /** Kills the process as a crash would: no handler runs, nothing is flushed. */
  async kill(): Promise<void> {
    this.#expectedEnd = 'killed';
    this.#waiting.clear();
    this.#child.kill('SIGKILL');
    if (!this.#hasExited) await once(this.#child, 'exit');
  }

  /** Ends the process: asked first, then made to. */
  async close(): Promise<void> {
    this.#expectedEnd ??= 'ended';
    if (this.#hasExited) return;
    const exited = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.send({ type: 'close' } satisfies Request);
    const impatient = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_MS);
    await exited;
    clearTimeout(impatient);
  }

  get #hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #receive(reply: Reply): void {
    if (reply.type === 'status') this.#noteStatus(reply);
    if (reply.type === 'failed') {
      this.#rejectAll(new NodeFailed(`${this.id}: ${reply.message}`, reply.hint));
    }
    for (const waiting of this.#waiting) {
      if (waiting.type !== reply.type) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(reply);
    }
  }

  #noteStatus(status: Status): void {
    this.status = status;
    const now = performance.now();
    const { position } = status;
    const before = this.#measured;
    if (before === undefined) this.#measured = { position, at: now };
    else if (now - before.at >= 500) {
      this.operationsPerSecond = Math.round(((position - before.position) * 1000) / (now - before.at));
      this.#measured = { position, at: now };
    }
  }

  #ended(how: string): void {
    this.state = this.#expectedEnd ?? 'ended';
    this.operationsPerSecond = 0;
    this.#rejectAll(this.#failure(`ended unexpectedly (${how})`));
  }

  #failure(what: string): NodeFailed {
    const output = this.#output.trim();
    return new NodeFailed(
      `The process of ${this.id} ${what}.`,
      output === '' ? 'Run it again; if it happens again, report it.' : `It said:\n${output}`,
    );
  }

  #rejectAll(error: Error): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const one of waiting) one.reject(error);
  }
}
