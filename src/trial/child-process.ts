import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TablecastError } from '../errors.ts';
import type { Reply, Request } from './messages.ts';

const MAX_OUTPUT_KEPT = 4000;

/** A process failed in a way it could name. */
export class ChildFailed extends Error {
  readonly code: string;
  readonly hint: string;

  constructor({ code, message, hint }: Extract<Reply, { type: 'failed' }>) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** A process of a comparison: takes one request after the other. */
export class ComparisonProcess {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = [];
  #output = '';

  constructor() {
    this.#child = fork(childFile(), {
      execArgv: [...process.execArgv, '--expose-gc'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#output = (this.#output + text).slice(-MAX_OUTPUT_KEPT);
    });
    this.#child.on('message', (reply: Reply) => this.#answered(reply));
    this.#child.on('error', (error) => this.#ended(error.message));
    this.#child.on('close', (code, signal) => this.#ended(`exit code ${code ?? signal ?? 'unknown'}`));
  }

  /** Sends a request and resolves with its answer. Rejects with {@link ChildFailed}, or when the process ends. */
  async ask<T extends Reply['type']>(request: Request, type: T): Promise<Extract<Reply, { type: T }>> {
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#child.connected) this.#child.send(request, (error) => error === null || reject(error));
      else reject(this.#failure('is not running'));
    });
    if (reply.type === 'failed') throw new ChildFailed(reply);
    if (reply.type !== type) throw this.#failure(`answered ${reply.type} instead of ${type}`);
    return reply as Extract<Reply, { type: T }>;
  }

  /** Ends the process, whatever it is doing; resolves when it is gone. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  #answered(reply: Reply): void {
    this.#waiting.shift()?.resolve(reply);
  }

  #ended(how: string): void {
    for (const waiting of this.#waiting.splice(0))
      waiting.reject(this.#failure(`ended unexpectedly (${how})`));
  }

  #failure(what: string): TablecastError {
    const [said = ''] = this.#output.split('\n').filter((line) => /^\w*Error\b/.test(line));
    return new TablecastError('CLOSED', `A process of the comparison ${what}. ${said}`.trim(), {
      hint: 'Run it again with fewer rows; if it comes again, report it with the seed.',
    });
  }
}

/** Returns the program beside this module, as a source or bundled into `dist/` or a folder of it. */
function childFile(): string {
  const isSource = import.meta.url.endsWith('.ts');
  const names = isSource ? ['./child.ts'] : ['./trial/child.js', '../trial/child.js', './child.js'];
  const found = names.map((name) => fileURLToPath(new URL(name, import.meta.url))).find(existsSync);
  if (found !== undefined) return found;
  throw new TablecastError('CLOSED', `The program of the comparison is not beside ${import.meta.url}.`, {
    hint: 'Install the package again; keep tablecast out of bundles.',
  });
}
