import type { Operation } from '../../log/operations/operation.ts';
import type { OperationReader } from '../../log/reading/operation-reader.ts';
import type { HttpHost } from '../host.ts';
import { type Piece, pieceOf, restOf } from './piece.ts';

/** Bytes of encoded events that a feed keeps for readers that are a little behind. */
const KEPT_BYTES = 4 * 1024 * 1024;
/** Readers that are served in one turn of the event loop. */
const READERS_PER_TURN = 64;
/** A round of readers begins so many times as long after the last one began as that one took. */
const REST = 4;

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
  /** There is more than it was given, or there will be nothing more. */
  more(): void;
}

/**
 * A feed encodes once for all its followers what happens to a table, or to all: it reads the log as far as it
 * is durable, and keeps the newest bytes. Readers are served in rounds, some per turn of the event loop, so
 * that a thousand of them delay nothing else; rounds leave the node three quarters of its time.
 */
export class Feed {
  readonly #source: FeedSource;
  readonly #readers = new Set<FeedReader>();
  readonly #reader: OperationReader;
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

  /** Closes what was gathered, and hands it to everybody who waits for more. */
  #round(): void {
    const began = performance.now();
    this.#closePieces();
    const readers = [...this.#readers];
    let next = 0;
    let took = performance.now() - began;
    const serve = (): void => {
      const from = performance.now();
      const end = Math.min(next + READERS_PER_TURN, readers.length);
      for (; next < end; next++) readers[next]?.more();
      took += performance.now() - from;
      if (next < readers.length) setImmediate(serve);
      else setTimeout(() => this.#rest(), took < 1 ? 0 : took * (REST - 1));
    };
    serve();
  }

  #rest(): void {
    this.#isRoundDue = false;
    if (this.#read > this.#end && !this.#over) this.#dueRound();
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
