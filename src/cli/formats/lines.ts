import { isUtf8 } from 'node:buffer';
import { decodeLine } from './text-bytes.ts';

const NEWLINE = 0x0a;

/** Lines that follow each other, without their line feed. */
export interface LineBatch {
  /** Number of the first line, from 1. */
  readonly first: number;
  /** As {@link decodeLine} gives them. Undefined stands for a line longer than the limit; its content is dropped. */
  readonly lines: readonly (string | undefined)[];
  /** False when the input ended before the line feed of the last line. */
  readonly isEnded: boolean;
}

/** The bytes of a line whose end has not come yet, at most `limit` of them. */
class PartialLine {
  readonly #limit: number;
  #bytes: Buffer = Buffer.alloc(4096);
  #length = 0;
  #overlong = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#length === 0 && !this.#overlong;
  }

  add(chunk: Buffer): void {
    const needed = this.#length + chunk.length;
    if (this.#overlong || needed > this.#limit) {
      this.#overlong = true;
      return;
    }
    if (needed > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#length);
    this.#length = needed;
  }

  /** Ends the line: its text, or undefined when it was too long. */
  take(): string | undefined {
    const text = this.#overlong ? undefined : decodeLine(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    this.#overlong = false;
    return text;
  }
}

function wholeLines(block: Buffer, maxLineBytes: number): (string | undefined)[] {
  if (block.length <= maxLineBytes && isUtf8(block)) return block.toString('utf8').split('\n');
  const lines: (string | undefined)[] = [];
  for (let from = 0; from <= block.length;) {
    const newline = block.indexOf(NEWLINE, from);
    const to = newline === -1 ? block.length : newline;
    lines.push(to - from > maxLineBytes ? undefined : decodeLine(block.subarray(from, to)));
    from = to + 1;
  }
  return lines;
}

function withoutMark(lines: (string | undefined)[], first: number): (string | undefined)[] {
  const head = lines[0];
  if (first === 1 && head?.startsWith('\uFEFF') === true) lines[0] = head.slice(1);
  return lines;
}

/**
 * Cuts bytes into lines at line feeds; a carriage return stays, a byte order mark goes.
 * Holds one chunk and at most `maxLineBytes` of an unfinished line.
 */
export async function* splitLines(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<LineBatch> {
  const partial = new PartialLine(maxLineBytes);
  let first = 1;
  for await (const chunk of chunks) {
    const start = chunk.indexOf(NEWLINE);
    if (start === -1) {
      partial.add(chunk);
      continue;
    }
    const end = chunk.lastIndexOf(NEWLINE);
    partial.add(chunk.subarray(0, start));
    const rest = start === end ? [] : wholeLines(chunk.subarray(start + 1, end), maxLineBytes);
    const lines = withoutMark([partial.take(), ...rest], first);
    yield { first, lines, isEnded: true };
    first += lines.length;
    partial.add(chunk.subarray(end + 1));
  }
  if (!partial.isEmpty) yield { first, lines: withoutMark([partial.take()], first), isEnded: false };
}
