import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Place, TAIL_BYTES, tailOf } from './place.ts';

/** Bytes that say how a log begins. */
export const HEAD_BYTES = 64;
/** Bytes in which the header of a log is looked for. */
export const HEADER_BYTES = 65_536;

/** A log that is open, and how far it was read. */
export class OpenLog {
  readonly path: string;
  readonly inode: string;
  readonly #handle: FileHandle;
  #head = '';
  /** The last bytes before the offset, as they were read. */
  #tail: Buffer = Buffer.alloc(0);
  offset = 0;

  private constructor(path: string, handle: FileHandle, inode: string) {
    this.path = path;
    this.#handle = handle;
    this.inode = inode;
  }

  /** Opens a file; undefined while there is none of that name. */
  static async at(path: string): Promise<OpenLog | undefined> {
    try {
      // Before it is opened: a pipe that nobody writes into would be waited for, and a device has no end.
      const found = await stat(path);
      if (!found.isFile() && !found.isDirectory()) throw new Error('it is no regular file');
      const handle = await open(path, 'r');
      const { ino } = await handle.stat({ bigint: true });
      return new OpenLog(path, handle, String(ino));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Opens the file that a place means, by its name or by the one that it was given since; undefined if it is gone. */
  static async of(path: string, place: Place): Promise<OpenLog | undefined> {
    const folder = dirname(path);
    const others = (await readdir(folder)).filter((name) => name !== basename(path));
    for (const candidate of [path, ...others.map((name) => join(folder, name))]) {
      if ((await inodeOf(candidate)) !== place.inode) continue;
      const log = await OpenLog.at(candidate);
      if (log === undefined) continue;
      if (await log.#goTo(place)) return log;
      await log.close();
    }
    return undefined;
  }

  /** Goes on at a place; false when the file is not the one that had it. */
  async #goTo({ offset, head, tail }: Place): Promise<boolean> {
    if ((await this.#handle.stat()).size < offset || !(await this.head()).startsWith(head)) return false;
    const bytes = await this.#before(offset);
    if (tail !== '' && tailOf(bytes) !== tail) return false;
    this.offset = offset;
    this.#tail = bytes;
    return true;
  }

  /** Returns whether the file is shorter than what was read of it, or has something else there. */
  async wasCut(): Promise<boolean> {
    if ((await this.#handle.stat()).size < this.offset) return true;
    return !(await this.#before(this.offset)).equals(this.#tail);
  }

  /** Returns the place behind so many bytes. */
  async place(offset: number): Promise<Place> {
    const tail = tailOf(await this.#before(offset));
    return { inode: this.inode, offset, head: await this.head(), tail };
  }

  async #before(offset: number): Promise<Buffer> {
    const length = Math.min(offset, TAIL_BYTES);
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await this.#handle.read(buffer, 0, length, offset - length);
    return buffer.subarray(0, bytesRead);
  }

  /** Reads on; undefined at the end of what is there. */
  async read(buffer: Buffer): Promise<Buffer | undefined> {
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.offset);
    if (bytesRead === 0) return undefined;
    this.offset += bytesRead;
    const chunk = Buffer.from(buffer.subarray(0, bytesRead));
    this.#tail = lastOf(this.#tail, chunk);
    return chunk;
  }

  /** Returns how the file begins; grows until it is long enough to tell it from others. */
  async head(): Promise<string> {
    if (this.#head.length === HEAD_BYTES * 2) return this.#head;
    this.#head = (await this.#start(HEAD_BYTES)).toString('hex');
    return this.#head;
  }

  /** Returns the lines that say how the others are to be read: what a reader needs that begins later. */
  async header(): Promise<Buffer> {
    return headerOf(await this.#start(HEADER_BYTES));
  }

  async #start(bytes: number): Promise<Buffer> {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await this.#handle.read(buffer, 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  }

  /** The file was cut, and is written anew. */
  restart(): void {
    this.offset = 0;
    this.#head = '';
    this.#tail = Buffer.alloc(0);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Returns the last bytes of both, as many as a place is known by. */
export function lastOf(before: Buffer, chunk: Buffer): Buffer {
  const all = chunk.length >= TAIL_BYTES ? chunk : Buffer.concat([before, chunk]);
  return Buffer.from(all.subarray(Math.max(0, all.length - TAIL_BYTES)));
}

/** Returns the lines of a beginning that say how the others are to be read. */
export function headerOf(start: Buffer): Buffer {
  const text = start.toString('latin1');
  if (text.startsWith('{')) return Buffer.alloc(0);
  const marked = /^(?:#[^\n]*\n)+/.exec(text)?.[0];
  return start.subarray(0, marked?.length ?? text.indexOf('\n') + 1);
}

/** Returns what names a file on its disk; undefined if there is none. */
export async function inodeOf(path: string): Promise<string | undefined> {
  try {
    const { ino } = await stat(path, { bigint: true });
    return String(ino);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Lists files beside a log that are called alike and were written after one of them was, by name, up to 5. */
export async function laterBeside(path: string, rotated: string): Promise<readonly string[]> {
  const [stem = ''] = basename(path).split('.');
  const folder = dirname(path);
  const { mtimeMs: since } = await stat(rotated);
  const names = (await readdir(folder)).filter((name) => {
    const isAlike =
      name.startsWith(stem) && /^[-.\d]/.test(name.slice(stem.length)) && /\.(log|gz)$/.test(name);
    return isAlike && name !== basename(path) && name !== basename(rotated);
  });
  const later = await Promise.all(
    names.map(
      async (name) => ((await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0) > since,
    ),
  );
  return names
    .filter((_, at) => later[at] === true)
    .toSorted()
    .slice(0, 5);
}
