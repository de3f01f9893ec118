import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { gunzipped } from '../formats/gunzip.ts';
import { HEAD_BYTES, HEADER_BYTES, headerOf, lastOf } from './open-log.ts';
import { type Place, tailOf } from './place.ts';

/**
 * A log that was packed with gzip after it was rotated, read on behind a place. Its place stays where it is until the
 * next log: after another crash the rest is read once more.
 */
export class PackedLog {
  readonly path: string;
  /** Is the number of no file: that of the log it was made of may be another's by now. */
  readonly inode = '';
  readonly offset: number;
  readonly #place: Place;
  readonly #start: Buffer;
  readonly #content: AsyncIterator<Buffer>;
  readonly #notice: (text: string) => void;
  #next: Buffer | undefined;

  private constructor(
    path: string,
    place: Place,
    { start, rest, content, notice }: Found & { readonly notice: (text: string) => void },
  ) {
    this.path = path;
    this.offset = place.offset;
    this.#place = place;
    this.#start = start;
    this.#next = rest;
    this.#content = content;
    this.#notice = notice;
  }

  /** Opens the packed file that has a place, among those beside a log that are called alike; undefined if none has. */
  static async of(
    path: string,
    place: Place,
    notice: (text: string) => void,
  ): Promise<PackedLog | undefined> {
    // How a log begins is alike in all of them.
    if (place.tail === '' || place.offset === 0) return undefined;
    for (const candidate of await packedBeside(path)) {
      const found = await behind(candidate, place);
      if (found !== undefined) return new PackedLog(candidate, place, { ...found, notice });
    }
    return undefined;
  }

  header(): Promise<Buffer> {
    return Promise.resolve(headerOf(this.#start));
  }

  /** Reads on; undefined at the end, and where the file is damaged, which is told. */
  async read(): Promise<Buffer | undefined> {
    const first = this.#next;
    this.#next = undefined;
    if (first !== undefined && first.length > 0) return first;
    try {
      const { value, done } = await this.#content.next();
      return done === true ? undefined : value;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#notice(`${this.path}: is damaged (${why}); what it has behind that is not read`);
      return undefined;
    }
  }

  /** Nobody writes to a packed file. */
  wasCut(): Promise<boolean> {
    return Promise.resolve(false);
  }

  place(): Promise<Place> {
    return Promise.resolve(this.#place);
  }

  restart(): void {
    throw new Error('a packed log is not cut');
  }

  async close(): Promise<void> {
    await this.#content.return?.();
  }
}

interface Found {
  /** The beginning of the file. */
  readonly start: Buffer;
  /** Bytes behind the place that were read already. */
  readonly rest: Buffer;
  readonly content: AsyncIterator<Buffer>;
}

/** Lists the packed files beside a log that are called alike, the newest first. */
async function packedBeside(path: string): Promise<readonly string[]> {
  const [stem = ''] = basename(path).split('.');
  const folder = dirname(path);
  const names = (await readdir(folder)).filter((name) => name.startsWith(stem) && name.endsWith('.gz'));
  const files = await Promise.all(
    names.map(async (name) => {
      const file = join(folder, name);
      return { file, at: (await stat(file).catch(() => undefined))?.ctimeMs ?? 0 };
    }),
  );
  return files.toSorted((a, b) => b.at - a.at).map(({ file }) => file);
}

/** Reads a packed file up to a place; undefined when it has not that place. */
async function behind(file: string, { offset, head, tail }: Place): Promise<Found | undefined> {
  const content = gunzipped(createReadStream(file));
  let [start, last]: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)];
  let read = 0;
  try {
    while (read < offset) {
      const { value: chunk, done } = await content.next();
      if (done === true) return undefined;
      const before = chunk.subarray(0, offset - read);
      if (start.length < HEADER_BYTES) start = Buffer.concat([start, chunk]).subarray(0, HEADER_BYTES);
      if (start.length >= HEAD_BYTES && !start.toString('hex', 0, HEAD_BYTES).startsWith(head)) break;
      last = lastOf(last, before);
      read += before.length;
      if (read < offset) continue;
      if (tailOf(last) === tail) return { start, rest: chunk.subarray(before.length), content };
    }
  } catch {
    // Of a file that is damaged before the place, another may be the right one.
  }
  await content.return(undefined);
  return undefined;
}
