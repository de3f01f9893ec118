import type { Operation } from '../../log/operations/operation.ts';
import type { LogReader } from '../../log/reading/operation-reader.ts';
import type { HttpHost } from '../host.ts';
import { type Piece, pieceOf, restOf } from './piece.ts';

/** Bytes of encoded events that a feed keeps for readers that are a little behind. */
const KEPT_BYTES = 4 * 1024 * 1024;
/** Bytes that readers are given in one turn of the event loop, with what a write costs beside its bytes. */
const BYTES_PER_TURN = 1024 * 1024;
const BYTES_PER_WRITE = 8192;
/** Readers for which events are gathered a millisecond longer, and how long at most. */
const READERS_PER_MS = 20;
const LONGEST_REST_MS = 50;

/** A source says what a feed tells, and of what. */
export interface FeedSource {
  readonly host: HttpHost;
  /** Only of this table; of all without one. */
  readonly table: string | undefined;
  /** The text of an operation's event; undefined for one that is not told. */
  encode(operation: Operation): string | undefined;
}

/** A reader, as its feed sees it. */
export interface FeedReader {
  /** Takes what comes next, if it takes anything now; returns how many bytes that was, 0 when it waits. */
  more(this: void): number;
}

/**
 * A feed encodes once for all its followers what happens to a table, or to all: it reads the log as far as it
 * is durable, and keeps the newest bytes. Readers are served in turn, as many bytes in each turn of the event
 * loop as delay nothing else, however many they are.
 */
export class Feed {
  readonly #source: FeedSource;
  readonly #readers = new Set<FeedReader>();
  /** Those who may take more now, in turn. */
  readonly #due = new Set<FeedReader>();
  #isServing = false;
  readonly #reader: LogReader;
  readonly #unwatch: () => void;
  #pieces: Piece[] = [];
  #bytes = 0;
  /** Events of the piece that is not closed yet. */
  #gathered: { readonly position: number; readonly text: string }[] = [];
  #start: number;
  #read: number;
  #end: number;
  #over = false;
  #wake: () => void = () => undefined;
  #isRoundDue = false;

  constructor(source: FeedSource) {
    const { host, table } = source;
    this.#source = source;
    this.#start = host.told(table);
    this.#read = this.#start;
    this.#end = this.#start;
    this.#reader = host.reader({ after: this.#start, table });
    this.#unwatch = host.watch(() => this.#wake());
    void this.#follow().finally(() => this.stop());
  }

  /** Behind this position it has everything up to {@link end}. */
  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** Says whether nothing more comes. */
  get over(): boolean {
    return this.#over;
  }

  add(reader: FeedReader): void {
    this.#readers.add(reader);
  }

  remove(reader: FeedReader): void {
    this.#readers.delete(reader);
    this.#due.delete(reader);
  }

  /** Gives a reader its turn. */
  want(reader: FeedReader): void {
    this.#due.add(reader);
    if (this.#isServing) return;
    this.#isServing = true;
    setImmediate(() => this.#serve());
  }

  /** Returns what comes next behind a position that is not before {@link start}; undefined when that is all. */
  next(after: number): Piece | undefined {
    if (after >= this.#end) return undefined;
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#pieces[middle] as Piece).to > after) high = middle;
      else low = middle + 1;
    }
    const piece = this.#pieces[low];
    return piece === undefined ? undefined : restOf(piece, after);
  }

  /** Ends it, and tells its readers. Idempotent. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#unwatch();
    this.#wake();
    for (const reader of this.#readers) reader.more();
  }

  async #follow(): Promise<void> {
    const { host, table } = this.#source;
    while (!this.#over) {
      const operations = await this.#reader.next();
      if (operations === undefined) {
        if (host.ended) return;
        if (!this.#reader.caughtUp) continue;
        // What others than this feed's tables wrote counts as read as well.
        this.#read = Math.max(this.#read, host.told(table));
        this.#dueRound();
        await this.#woken();
        continue;
      }
      const last = operations.at(-1)?.position ?? this.#read;
      while (host.told(table) < last && !host.ended && !this.#over) await this.#woken();
      if (host.told(table) < last) return;
      for (const operation of operations) {
        const text = operation.position > this.#read ? this.#source.encode(operation) : undefined;
        if (text !== undefined) this.#gathered.push({ position: operation.position, text });
      }
      this.#read = Math.max(this.#read, last);
      this.#dueRound();
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  #dueRound(): void {
    if (this.#isRoundDue) return;
    this.#isRoundDue = true;
    setImmediate(() => this.#round());
  }

  /** Closes what was gathered, and gives everybody a turn; the more there are, the longer is gathered again. */
  #round(): void {
    this.#closePieces();
    for (const reader of this.#readers) this.want(reader);
    setTimeout(
      () => {
        this.#isRoundDue = false;
        if (this.#read > this.#end && !this.#over) this.#dueRound();
      },
      Math.min(LONGEST_REST_MS, this.#readers.size / READERS_PER_MS),
    );
  }

  /** Serves readers in turn, as many as one turn of the event loop has room for. */
  #serve(): void {
    let left = BYTES_PER_TURN;
    for (const reader of this.#due) {
      this.#due.delete(reader);
      const bytes = reader.more();
      // At the end, behind all others.
      if (bytes > 0) this.#due.add(reader);
      left -= bytes + BYTES_PER_WRITE;
      if (left <= 0) break;
    }
    this.#isServing = this.#due.size > 0;
    if (this.#isServing) setImmediate(() => this.#serve());
  }

  #closePieces(): void {
    const pieces = pieceOf(this.#gathered, this.#end, this.#read);
    this.#gathered = [];
    this.#end = this.#read;
    for (const piece of pieces) {
      this.#pieces.push(piece);
      this.#bytes += piece.bytes.length;
    }
    let gone = 0;
    while (this.#bytes > KEPT_BYTES && gone < this.#pieces.length - 1) {
      const { bytes, to } = this.#pieces[gone++] as Piece;
      this.#bytes -= bytes.length;
      this.#start = to;
    }
    if (gone > 0) this.#pieces.splice(0, gone);
  }
}
