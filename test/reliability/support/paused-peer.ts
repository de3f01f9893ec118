import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What a peer that does not read cost. */
export interface PausedReport {
  /** Bytes the writer had in use after a collection during the pause, beyond those before it. */
  readonly keptBytes: number;
  /** Its resident memory at its peak, beyond what it was before the pause: garbage of 60 MB of writes included. */
  readonly peakBytes: number;
  /** The writer lost the paused peer. */
  readonly cutOff: boolean;
  /** In the end the peer had the same rows. */
  readonly equal: boolean;
}

class Lines {
  readonly seen: string[] = [];
  readonly #child: ChildProcess;
  #waiters: (() => void)[] = [];

  constructor(child: ChildProcess) {
    this.#child = child;
    child.once('exit', () => {
      for (const waiter of this.#waiters.splice(0)) waiter();
    });
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.seen.push(line);
      for (const waiter of this.#waiters.splice(0)) waiter();
    });
  }

  /** The first line that begins so, or that is exactly so. */
  async until(condition: (line: string) => boolean): Promise<string> {
    for (;;) {
      const found = this.seen.find(condition);
      if (found !== undefined) return found;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error('a child ended early');
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }
}

/** Stops a peer with SIGSTOP while the other side writes, lets it go on, and waits until it has everything. */
export async function pausePeer(
  program: (name: string) => string,
  options: { readonly scratch: string; readonly megabytes: number; readonly pausedMs: number },
): Promise<PausedReport> {
  const directory = mkdtempSync(join(options.scratch, 'paused-'));
  const start = (name: string, ...args: string[]) =>
    spawn(process.execPath, [program(name), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const writer = start('overload-child', directory, String(options.megabytes));
  const written = new Lines(writer);
  let reader: ChildProcess | undefined;
  try {
    const address = (await written.until((line) => line.startsWith('address '))).slice(8);
    reader = start('reader-child', address);
    const read = new Lines(reader);
    await read.until((line) => line.startsWith('rows '));
    reader.kill('SIGSTOP');
    const stopped = performance.now();
    writer.stdin?.write('go\n');
    const grown = await written.until((line) => line.startsWith('grown '));
    const digest = await written.until((line) => line.startsWith('rows '));
    const rest = options.pausedMs - (performance.now() - stopped);
    if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
    reader.kill('SIGCONT');
    await read.until((line) => line === digest);
    const cutOff = written.seen.includes('event peer-lost');
    writer.stdin?.write('end\n');
    await once(writer, 'exit');
    const [keptBytes = 0, peakBytes = 0] = grown.slice(6).split(' ').map(Number);
    return { keptBytes, peakBytes, cutOff, equal: true };
  } finally {
    for (const child of [reader, writer]) child?.kill('SIGKILL');
  }
}
