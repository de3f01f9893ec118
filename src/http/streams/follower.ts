import type { Operation } from '../../log/operations/operation.ts';
import type { EventStream } from './event-stream.ts';
import type { Feed, FeedSource } from './feed.ts';
import type { Places } from '../places.ts';
import { within } from '../within.ts';

/** Operations that are encoded for one reader in one turn of the event loop. */
const PER_TURN = 128;
/**
 * Bounds how long a reader that is far behind may keep its place at the log without taking anything, in
 * milliseconds.
 */
const PLACE_MS = 2000;

/** The parts are what a follower reads from. */
export interface FollowerParts {
  readonly source: FeedSource;
  readonly feed: Feed;
  readonly places: Places;
}

/**
 * One reader of a stream at its own pace: takes the bytes of the feed as long as it is near, and reads the log by
 * itself while it is further behind. Its state is a position.
 */
export class Follower {
  readonly #parts: FollowerParts;
  readonly #stream: EventStream;
  #cursor: number;

  constructor(parts: FollowerParts, stream: EventStream, cursor: number) {
    this.#parts = parts;
    this.#stream = stream;
    this.#cursor = cursor;
  }

  /** Up to here its reader was given everything. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Follows until the reader leaves, the node closes, or the log does not reach back any more. */
  async run(): Promise<void> {
    const { feed } = this.#parts;
    try {
      while (!this.#stream.over && !feed.over) {
        if (this.#cursor < feed.start) await this.#catchUp(feed);
        else await this.#keepUp(feed);
      }
    } catch {
      // A log that was trimmed meanwhile: who asks again with the last id is told so.
    } finally {
      this.#stream.end();
    }
  }

  /** Takes what the feed has, until this reader is too far behind for it. */
  #keepUp(feed: Feed): Promise<void> {
    const stream = this.#stream;
    return new Promise((resolve) => {
      const reader = {
        more: (): number => {
          const bytes = this.#give(feed);
          if (!stream.over && !feed.over && this.#cursor >= feed.start) return bytes;
          stream.onReady = undefined;
          feed.remove(reader);
          resolve();
          return 0;
        },
      };
      stream.onReady = () => feed.want(reader);
      feed.add(reader);
      feed.want(reader);
    });
  }

  /** Writes one piece, if the reader takes it; returns the bytes of it. */
  #give(feed: Feed): number {
    if (!this.#stream.isReady || this.#cursor < feed.start) return 0;
    const piece = feed.next(this.#cursor);
    if (piece === undefined) return 0;
    this.#cursor = piece.to;
    if (piece.bytes.length > 0) this.#stream.write(piece.bytes);
    return Math.max(1, piece.bytes.length);
  }

  /** Reads the log up to where the feed begins; gives its place up while its reader takes nothing. */
  async #catchUp(feed: Feed): Promise<void> {
    await this.#stream.drained();
    const leave = await this.#parts.places.enter();
    try {
      const { host, table } = this.#parts.source;
      const reader = host.reader({ after: this.#cursor, table });
      while (this.#cursor < feed.start && !this.#stream.over && !feed.over) {
        const operations = await reader.next();
        if (operations === undefined) {
          // All that the feed begins behind was appended before.
          this.#cursor = Math.max(this.#cursor, feed.start);
          return;
        }
        if (!(await this.#tell(operations, feed.start))) return;
      }
    } finally {
      leave();
    }
  }

  /** Tells operations up to a position; false when the reader took so long that it has to ask for its place again. */
  async #tell(operations: readonly Operation[], until: number): Promise<boolean> {
    for (let at = 0; at < operations.length; at += PER_TURN) {
      const some = operations
        .slice(at, at + PER_TURN)
        .filter(({ position }) => position > this.#cursor && position <= until);
      const last = some.at(-1);
      if (last === undefined) continue;
      this.#stream.write(some.map((operation) => this.#parts.source.encode(operation) ?? '').join(''));
      this.#cursor = last.position;
      if (this.#stream.isReady) await nextTurn();
      else if (!(await within(PLACE_MS, this.#stream.drained()))) return false;
      if (this.#stream.over) return false;
    }
    return true;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
