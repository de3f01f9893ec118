import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { builtCommand } from '../cli/support/built-command.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The library as it is published starts in half the time; `npm start` runs from the sources in a test of its own. */
const BUILT = {
  NODE_OPTIONS: `--import ${new URL('built-library.mjs', import.meta.url).href}`,
  TABLECAST_BUILT_LIBRARY: new URL('../', pathToFileURL(await builtCommand())).href,
};

/** What a finished example printed, and how it ended. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An example in a process of its own, run as the README says, with the library built. */
export class RunningExample {
  readonly #child: ChildProcess;
  readonly #stdout: string[] = [];
  readonly #stderr: string[] = [];
  readonly finished: Promise<Finished>;

  constructor(file: string, args: readonly string[] = [], environment: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(
      process.execPath,
      ['--import', './scripts/typescript.mjs', `examples/${file}`, ...args],
      { cwd: ROOT, env: { ...process.env, ...BUILT, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#stdout.push(text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#stderr.push(text));
    this.finished = once(this.#child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.#stderr.join(''),
    }));
  }

  get stdout(): string {
    return this.#stdout.join('');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when the output matches; rejects when the process ends before. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    let ended = false;
    const end = this.finished.finally(() => {
      ended = true;
    });
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) return match;
      if (ended) throw new Error(`ended without ${String(pattern)}:\n${this.stdout}${this.#stderr.join('')}`);
      await Promise.race([once(this.#child.stdout ?? this.#child, 'data'), end]);
    }
  }
}

/** Runs an example to its end. */
export async function runExample(file: string, args: readonly string[] = []): Promise<Finished> {
  return new RunningExample(file, args).finished;
}
