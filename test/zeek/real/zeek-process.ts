import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Characters of what a process said last that are kept. */
const MAX_WORDS = 4000;

/** One Zeek process, with the last of what it said. */
export class ZeekProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  /** Rejects when the process ends before it is told to, with what it said. */
  readonly lost: Promise<never>;
  #words = '';
  #isEnding = false;

  constructor(
    name: string,
    start: { binary: string; args: readonly string[]; cwd: string; env: NodeJS.ProcessEnv },
  ) {
    const { binary, args, cwd, env } = start;
    this.#name = name;
    this.#child = spawn(binary, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (said: string) => {
        this.#words = (this.#words + said).slice(-MAX_WORDS);
      });
    }
    this.lost = new Promise<never>((_, reject) => {
      this.#child.on('error', (error) =>
        reject(new Error(`Zeek's ${name} cannot be started: ${error.message}`)),
      );
      this.#child.on('close', (code, signal) => {
        if (!this.#isEnding) reject(new Error(this.#ended(code, signal)));
      });
    });
    // Whoever waits for something is told; at other times nobody may be waiting.
    this.lost.catch(() => undefined);
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): string {
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    return `Zeek's ${this.#name} has ended ${how}, though nobody asked it to. It said last:\n${this.words}`;
  }

  /** What it said last. */
  get words(): string {
    return this.#words.trim();
  }

  /** Ends it at once. */
  async end(): Promise<void> {
    this.#isEnding = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined)
      return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }
}
