import { basename } from 'node:path';
import { inodeOf, laterBeside, OpenLog } from './open-log.ts';
import { PackedLog } from './packed-log.ts';
import type { Place } from './place.ts';

const CHUNK_BYTES = 262_144;
const LINE_FEED = 0x0a;
/** A line of more bytes is given on in pieces; the reader leaves it out. */
const MAX_LINE_BYTES = 1_048_576;

/** The options say where to begin, and who is told. */
export interface FollowOptions {
  readonly place: Place | undefined;
  /** Is the pause before the file is looked at again, in milliseconds. */
  readonly pauseMs: number;
  /** Is how long a log may be written to without {@link idle}, in milliseconds. */
  readonly busyMs: number;
  /** Is awaited whenever nothing more is there, and now and then. */
  idle(): Promise<void>;
  notice(text: string): void;
}

/** Says which line of what was given on ends at a place. */
interface Mark {
  readonly line: number;
  readonly place: Place;
}

/**
 * A log that is followed like `tail -F` does: over rotations, whatever the file is called afterwards, and when it is
 * cut and written anew. Only whole lines are given on.
 */
export class FollowedLog {
  readonly #path: string;
  readonly #options: FollowOptions;
  #marks: Mark[] = [];
  #line = 0;
  #rest: Buffer = Buffer.alloc(0);
  #idleAt = performance.now();
  #isStopped = false;
  #wake: () => void = () => undefined;

  constructor(path: string, options: FollowOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Gives on no more. */
  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  /** Returns the last place up to which all lines are at or before a line; undefined before the first. */
  placeAt(line: number): Place | undefined {
    const later = this.#marks.findIndex((mark) => mark.line > line);
    const count = later < 0 ? this.#marks.length : later;
    const last = this.#marks[count - 1];
    if (last !== undefined) this.#marks = this.#marks.slice(count - 1);
    return last?.place;
  }

  /** Gives on what is there, then what is written, until stopped. To be called once. */
  async *chunks(): AsyncGenerator<Buffer> {
    let log: OpenLog | PackedLog | undefined = await this.#first();
    if (log === undefined) return;
    let isLeaving = false;
    try {
      // Before anything is read: after a crash the file is found again, whatever it is called then.
      this.#marks.push({ line: 0, place: await log.place(log.offset) });
      await this.#options.idle();
      if (log.offset > 0) yield this.#counted(await log.header());
      const buffer = Buffer.alloc(CHUNK_BYTES);
      while (!this.#isStopped) {
        if (await log.wasCut()) {
          this.#options.notice(`${this.#path}: was cut, and is read from its beginning`);
          log.restart();
          this.#forgetRest();
        }
        const chunk = await log.read(buffer);
        if (chunk !== undefined) {
          const whole = await this.#whole(log, chunk);
          if (whole !== undefined) yield whole;
          await this.#due();
          continue;
        }
        const next: OpenLog | undefined = isLeaving ? await OpenLog.at(this.#path) : undefined;
        if (next !== undefined) {
          await log.close();
          log = next;
          this.#forgetRest();
        }
        isLeaving = next === undefined && (await this.#isOther(log));
        // What was written to it before it got another name is read first.
        if (!isLeaving && next === undefined) await this.#pause();
      }
    } finally {
      await log.close();
    }
  }

  /** Waits for the first file; undefined when it is stopped before. */
  async #first(): Promise<OpenLog | PackedLog | undefined> {
    const { place } = this.#options;
    const notice = (text: string): void => this.#options.notice(text);
    const known =
      place === undefined
        ? undefined
        : ((await OpenLog.of(this.#path, place)) ?? (await PackedLog.of(this.#path, place, notice)));
    if (known !== undefined) {
      await this.#tellBetween(known.path);
      return known;
    }
    if (place !== undefined) {
      notice(
        `${this.#path}: the file that was followed is gone, or was cut; what it had after its first ${place.offset} bytes is not read. Import it by hand where it is now.`,
      );
    }
    while (!this.#isStopped) {
      const log = await OpenLog.at(this.#path);
      if (log !== undefined) return log;
      await this.#sleep();
    }
    return undefined;
  }

  /** Logs that came and went while nobody followed are not read: which they are is not known for certain. */
  async #tellBetween(rotated: string): Promise<void> {
    if (rotated === this.#path) return;
    const between = await laterBeside(this.#path, rotated);
    if (between.length === 0) return;
    this.#options.notice(
      `${this.#path}: ${between.join(', ')} may have been written after ${basename(rotated)}, and is not read. Import it by hand.`,
    );
  }

  async #isOther(log: { readonly inode: string }): Promise<boolean> {
    const inode = await inodeOf(this.#path);
    return inode !== undefined && inode !== log.inode;
  }

  async #pause(): Promise<void> {
    await this.#options.idle();
    await this.#sleep();
  }

  /** A log that is never at its end has its turn as well. */
  async #due(): Promise<void> {
    if (performance.now() - this.#idleAt < this.#options.busyMs) return;
    this.#idleAt = performance.now();
    await this.#options.idle();
  }

  /** Half a line that nobody will end. */
  #forgetRest(): void {
    if (this.#rest.length > 0) {
      this.#options.notice(`${this.#path}: the last line of the file before was not ended, and is left out`);
    }
    this.#rest = Buffer.alloc(0);
  }

  /** Returns the lines that are whole now; undefined if there are none. */
  async #whole(log: OpenLog | PackedLog, chunk: Buffer): Promise<Buffer | undefined> {
    const all = Buffer.concat([this.#rest, chunk]);
    const end = all.lastIndexOf(LINE_FEED) + 1;
    if (end === 0 && all.length <= MAX_LINE_BYTES) {
      this.#rest = all;
      return undefined;
    }
    if (end === 0) {
      this.#rest = Buffer.alloc(0);
      return all;
    }
    this.#rest = all.subarray(end);
    const lines = this.#counted(all.subarray(0, end));
    const place = await log.place(log.offset - this.#rest.length);
    this.#marks.push({ line: this.#line, place });
    return lines;
  }

  #counted(lines: Buffer): Buffer {
    for (let at = lines.indexOf(LINE_FEED); at >= 0; at = lines.indexOf(LINE_FEED, at + 1)) this.#line += 1;
    return lines;
  }

  async #sleep(): Promise<void> {
    if (this.#isStopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.pauseMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
