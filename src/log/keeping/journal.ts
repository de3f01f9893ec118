import type { BackendName } from '../../schema/schema.ts';
import { type ErrorDetails, TablecastError } from '../../errors.ts';
import type { Stretch } from '../runs/segment.ts';

/** A segment of this many operations is sealed at once. */
const MAX_SEGMENT_OPERATIONS = 8192;
/** As is one of this many characters of keys and values: its runs travel in one frame. */
const MAX_SEGMENT_CHARACTERS = 512 * 1024;
/** Most operations of one batch: it travels in one frame, which a receiver takes in at one go. */
export const MAX_BATCH_OPERATIONS = 16_384;
/** Most runs of one batch, at least one for each table: the same. */
export const MAX_BATCH_RUNS = 1088;
/** Most characters of keys and values in one batch, which must fit into one frame. */
const MAX_BATCH_CHARACTERS: number = 1024 * 1024;
/** Bounds what the operations on documents in one batch may weigh together: see {@link RunAuthor.runWeight}. */
const MAX_BATCH_WEIGHT = 20_480;
/** A segment of this weight is sealed at the next run. */
const MAX_SEGMENT_WEIGHT = 8192;
/** Most that the operations on documents in one frame weigh: a batch, or a segment and the run that filled it. */
export const MAX_FRAME_WEIGHT = 24_576;
/** Most bytes of one batch, encoded: a character of its texts may take three. */
const MAX_BATCH_BYTES: number = 3 * 1024 * 1024;

/** Gives local operations their place in the log. */
export interface Journal {
  /** Returns the next position; makes sure that the author has an open run with room for one operation. */
  next(author: RunAuthor): number;
  /** Closes the author's open run: what is written next is not taken together with what is in it. */
  close(author: RunAuthor): void;
}

/** A table as the journal sees it: something that writes runs. */
export interface RunAuthor {
  readonly store: BackendName;
  /** Says whether the open run takes no further operation. */
  readonly runFull: boolean;
  /** Characters of keys and values in the open run. */
  readonly runCharacters: number;
  /**
   * Says how long a receiver will take to apply the open run to a document, at most, in plain operations; 0
   * for a table without one. A counter that is begun, and a change, count for some, and a `clear` for the
   * rows that it removes.
   */
  readonly runWeight: number;
  /** Opens a run whose first operation will stand at a position. */
  beginRun(position: number): void;
  /** Closes the run and gives its bytes. */
  finishRun(): FinishedRun;
  /**
   * Forgets the open run and those finished since, as if their operations had not been written;
   * `firstSequence` is that of the first of them, undefined when that one is still open.
   */
  discardRuns(firstSequence: number | undefined): void;
}

/** A run this node wrote. */
export interface FinishedRun {
  readonly table: string;
  readonly origin: string;
  readonly firstSequence: number;
  readonly count: number;
  readonly bytes: Uint8Array;
  /** Is what it came to weigh: see {@link RunAuthor.runWeight}. */
  readonly weight: number;
}

/** The part of a sealed segment that one store keeps. */
export interface SealedPart {
  readonly store: BackendName;
  readonly position: number;
  readonly span: number;
  readonly runs: readonly FinishedRun[];
  readonly order: readonly Stretch[] | undefined;
}

/** The parts are what the journal needs of the log it belongs to. */
export interface JournalParts {
  /** Names the stores of the node, in the order in which they take their parts of a segment. */
  readonly storeNames: Iterable<BackendName>;
  /** Throws when a store takes no operations at present. */
  admit(store: BackendName): void;
  /** The first operation after a pause was written. */
  opened(): void;
  /** The segment is as large as it should get. */
  filled(): void;
}

interface OpenRun {
  readonly author: RunAuthor;
  finished: FinishedRun | undefined;
}

/** Collects local operations of all tables, in the order in which they happen, into one segment. */
export class OpenSegment implements Journal {
  readonly #parts: JournalParts;
  #runs: OpenRun[] = [];
  #order: Stretch[] = [];
  readonly #current = new Map<RunAuthor, number>();
  #last: RunAuthor | undefined;
  #lastRun = -1;
  #stretch = 0;
  /** Characters of finished runs and of stretches that are over, and those that the open stretch began with. */
  #characters = 0;
  #before = 0;
  /** The same of their weight. */
  #weight = 0;
  #weightBefore = 0;
  #first = 1;
  #atomic = false;
  #refusal: Error | undefined;
  /** The last position given out. */
  position = 0;

  constructor(parts: JournalParts) {
    this.#parts = parts;
  }

  next(author: RunAuthor): number {
    if (author !== this.#last || author.runFull) this.#turnTo(author);
    else if (this.position - this.#first >= MAX_SEGMENT_OPERATIONS && !this.#atomic) this.#startOver(author);
    this.#stretch++;
    return ++this.position;
  }

  close(author: RunAuthor): void {
    const known = this.#current.get(author);
    if (known === undefined) return;
    this.#endStretch();
    (this.#runs[known] as OpenRun).finished = author.finishRun();
    this.#current.delete(author);
    if (this.#last === author) this.#last = undefined;
  }

  get empty(): boolean {
    return this.#runs.length === 0;
  }

  #turnTo(author: RunAuthor): void {
    if (this.#refusal !== undefined) throw this.#refusal;
    this.#parts.admit(author.store);
    this.#endStretch();
    if (this.#atomic && (this.#operations >= MAX_BATCH_OPERATIONS || this.#characters > MAX_BATCH_CHARACTERS))
      throw this.#batchTooLarge(this.#outgrown());
    const isFilled = this.#characters >= MAX_SEGMENT_CHARACTERS || this.#weight >= MAX_SEGMENT_WEIGHT;
    if (isFilled && !this.#atomic) this.#parts.filled();
    const known = this.#current.get(author);
    const isOpen = known !== undefined && !author.runFull;
    if (isOpen) {
      this.#lastRun = known;
    } else {
      if (known !== undefined) (this.#runs[known] as OpenRun).finished = author.finishRun();
      else if (this.#runs.length === 0) this.#start();
      this.#lastRun = this.#runs.length;
      this.#runs.push({ author, finished: undefined });
      this.#current.set(author, this.#lastRun);
      author.beginRun(this.position + 1);
    }
    this.#last = author;
    this.#before = author.runCharacters;
    this.#weightBefore = isOpen ? author.runWeight : 0;
  }

  #startOver(author: RunAuthor): void {
    this.#parts.filled();
    this.#turnTo(author);
  }

  #start(): void {
    this.#first = this.position + 1;
    this.#parts.opened();
  }

  #endStretch(): void {
    if (this.#stretch > 0) this.#order.push({ run: this.#lastRun, count: this.#stretch });
    if (this.#last !== undefined) this.#characters += this.#last.runCharacters - this.#before;
    this.#before = this.#last?.runCharacters ?? 0;
    if (this.#last !== undefined) this.#weight += this.#last.runWeight - this.#weightBefore;
    this.#weightBefore = this.#last?.runWeight ?? 0;
    this.#stretch = 0;
  }

  /** From now on the segment is not sealed until {@link endBatch}; it must be empty. */
  beginBatch(): void {
    this.#atomic = true;
  }

  endBatch(): void {
    this.#atomic = false;
  }

  /** Counts the operations in the segment. */
  get #operations(): number {
    return this.#runs.length === 0 ? 0 : this.position - this.#first + 1;
  }

  /** Closes the runs of a batch. Throws `LIMIT_EXCEEDED` when together they are too long for a frame. */
  closeBatch(): void {
    this.#endStretch();
    if (this.#operations > MAX_BATCH_OPERATIONS || this.#characters > MAX_BATCH_CHARACTERS)
      throw this.#batchTooLarge(this.#outgrown());
    let bytes = 0;
    let weight = 0;
    for (const run of this.#runs) {
      run.finished ??= run.author.finishRun();
      bytes += run.finished.bytes.length;
      weight += run.finished.weight;
    }
    if (weight > MAX_BATCH_WEIGHT) throw this.#batchTooLarge({ limit: MAX_BATCH_WEIGHT, weight });
    if (this.#runs.length > MAX_BATCH_RUNS)
      throw this.#batchTooLarge({ limit: MAX_BATCH_RUNS, tables: this.#current.size });
    if (bytes > MAX_BATCH_BYTES) throw this.#batchTooLarge({ limit: MAX_BATCH_BYTES, bytes });
  }

  /** Says which of what is counted at each write went beyond its limit. */
  #outgrown(): ErrorDetails<'LIMIT_EXCEEDED'> {
    const isText = this.#characters > MAX_BATCH_CHARACTERS;
    return { limit: isText ? MAX_BATCH_CHARACTERS : MAX_BATCH_OPERATIONS, characters: this.#characters };
  }

  #batchTooLarge(size: ErrorDetails<'LIMIT_EXCEEDED'>): TablecastError {
    return new TablecastError(
      'LIMIT_EXCEEDED',
      `A batch of more than ${MAX_BATCH_OPERATIONS} operations, some ${MAX_BATCH_RUNS} tables or 1 MiB of text.`,
      {
        hint: 'Nothing of the batch was kept. Write smaller batches: a batch travels as one frame.',
        details: { ...size, operations: this.#operations },
      },
    );
  }

  /** From now on every write throws `error`; the segment must have been sealed. */
  refuse(error: Error): void {
    this.#refusal = error;
  }

  /** Closes the segment; undefined when nothing was written. */
  seal(): readonly SealedPart[] {
    const [first] = this.#runs;
    if (first === undefined) return [];
    if (this.#runs.length === 1) return [this.#whole(first)];
    this.#endStretch();
    for (const run of this.#runs) run.finished ??= run.author.finishRun();
    const parts = Array.from(this.#parts.storeNames, (store) => this.#part(store)).flat();
    this.#reset();
    return parts;
  }

  /** Forgets everything since the segment was opened. */
  discard(): void {
    const authors = new Map<RunAuthor, number | undefined>();
    for (const { author, finished } of this.#runs) {
      if (!authors.has(author)) authors.set(author, finished?.firstSequence);
    }
    for (const [author, firstSequence] of authors) author.discardRuns(firstSequence);
    if (this.#runs.length > 0) this.position = this.#first - 1;
    this.#reset();
  }

  #reset(): void {
    this.#runs = [];
    this.#order = [];
    this.#current.clear();
    this.#last = undefined;
    this.#stretch = 0;
    this.#characters = 0;
    this.#before = 0;
    this.#weight = 0;
    this.#weightBefore = 0;
  }

  /** A segment of one run, as most are. */
  #whole({ author, finished }: OpenRun): SealedPart {
    const run = finished ?? author.finishRun();
    const span = this.position - this.#first + 1;
    this.#reset();
    return { store: author.store, position: this.#first, span, runs: [run], order: undefined };
  }

  #part(store: BackendName): SealedPart[] {
    const numbers = new Map<number, number>();
    const runs: FinishedRun[] = [];
    for (const [index, run] of this.#runs.entries()) {
      if (run.author.store !== store || run.finished === undefined) continue;
      numbers.set(index, runs.length);
      runs.push(run.finished);
    }
    if (runs.length === 0) return [];
    const order = this.#order.map(({ run, count }) => ({ run: numbers.get(run) ?? -1, count }));
    const simple = order.length === runs.length && order.every((stretch, index) => stretch.run === index);
    const span = this.position - this.#first + 1;
    return [{ store, position: this.#first, span, runs, order: simple ? undefined : order }];
  }
}
