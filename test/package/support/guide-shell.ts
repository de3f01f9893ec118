import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Says that a step is over, and with which status. */
const END = 'tablecast-guide-step';

/** A shell that a reader of a guide types into: what it started and which variables it has stay from step to step. */
export class GuideShell {
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;
  #output = '';
  #heard: () => void = () => undefined;

  /** Its `tablecast` is these words. */
  constructor(folder: string, command: readonly string[]) {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'tablecast'), `#!/bin/sh\nexec ${command.join(' ')} "$@"\n`);
    chmodSync(join(bin, 'tablecast'), 0o755);
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('TABLECAST_'));
    const env = {
      ...Object.fromEntries(inherited),
      PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
      NO_COLOR: '1',
    };
    // A group of its own: what it started ends with it.
    this.#child = spawn('sh', ['-s'], { cwd: folder, env, detached: true });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#heard();
      });
    this.#ended = new Promise((_, reject) => {
      this.#child.once('exit', (code) =>
        reject(new Error(`the shell ended with ${String(code)}: ${this.#output}`)),
      );
    });
    this.#ended.catch(() => undefined);
  }

  /** Types lines in; resolves with what they printed, rejects when they fail. */
  async run(lines: string): Promise<string> {
    this.#output = '';
    this.#child.stdin?.write(`{\n${lines}\n} < /dev/null; echo "${END} $?"\n`);
    const pattern = new RegExp(`^${END} (\\d+)\\n`, 'm');
    for (;;) {
      const found = pattern.exec(this.#output);
      const printed = this.#output.slice(0, found?.index).trimEnd();
      if (found?.[1] === '0') return printed;
      if (found !== null) throw new Error(`${lines} ended with ${found[1] ?? ''}: ${printed}`);
      await Promise.race([this.#ended, new Promise<void>((resolve) => (this.#heard = resolve))]);
    }
  }

  /** Ends it and all that runs in it. */
  end(): void {
    const { pid } = this.#child;
    this.#child.removeAllListeners('exit');
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Everything had ended.
    }
  }
}
