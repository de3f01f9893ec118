import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Place } from './place.ts';

const HEAD_BYTES = 64;
/** Bytes in which the header of a log is looked for. */
const HEADER_BYTES = 65_536;

/** A log that is open, and how far it was read. */
export class OpenLog {
  readonly inode: string;
  readonly #handle: FileHandle;
  #head = '';
  offset = 0;

  private constructor(handle: FileHandle, inode: string) {
    this.#handle = handle;
    this.inode = inode;
  }

  /** Opens a file; undefined while there is none of that name. */
  static async at(path: string): Promise<OpenLog | undefined> {
    try {
      const handle = await open(path, 'r');
      const { ino } = await handle.stat({ bigint: true });
      return new OpenLog(handle, String(ino));
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
      const isIt = (await log.size()) >= place.offset && (await log.head()).startsWith(place.head);
      if (isIt) return log;
      await log.close();
    }
    return undefined;
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  /** Reads on; undefined at the end of what is there. */
  async read(buffer: Buffer): Promise<Buffer | undefined> {
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.offset);
    this.offset += bytesRead;
    return bytesRead === 0 ? undefined : Buffer.from(buffer.subarray(0, bytesRead));
  }

  /** Returns how the file begins; grows until it is long enough to tell it from others. */
  async head(): Promise<string> {
    if (this.#head.length === HEAD_BYTES * 2) return this.#head;
    this.#head = (await this.#start(HEAD_BYTES)).toString('hex');
    return this.#head;
  }

  /** Returns the lines that say how the others are to be read: what a reader needs that begins later. */
  async header(): Promise<Buffer> {
    const start = await this.#start(HEADER_BYTES);
    const text = start.toString('latin1');
    if (text.startsWith('{')) return Buffer.alloc(0);
    const marked = /^(?:#[^\n]*\n)+/.exec(text)?.[0];
    return start.subarray(0, marked?.length ?? text.indexOf('\n') + 1);
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
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
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
