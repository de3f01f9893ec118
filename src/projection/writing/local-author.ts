import { AuthorDictionary, Dictionary } from '../../log/runs/dictionary.ts';
import type { Epoch } from '../../log/operations/epoch.ts';
import type { BackendName } from '../../schema/schema.ts';
import { type FinishedRun, MAX_BATCH_OPERATIONS, type RunAuthor } from '../../log/keeping/journal.ts';
import type { ContextEntry } from '../../log/runs/run.ts';
import { RunWriter } from '../../log/runs/run-writer.ts';
import type { Schema, Value } from '../../schema/index.ts';
import { CHANGE_WEIGHT, weightOf } from '../folding/document-weight.ts';
import type { DocumentFold } from '../folding/document-fold.ts';
import type { ProjectionContext } from '../context.ts';
import type { Held } from '../held/held.ts';
import type { OwnPast } from './own-past.ts';
import { type Dot, MovingDot } from '../rows/dot.ts';
import type { Rows } from '../rows/rows.ts';
import type { TableTimes } from '../times/table-times.ts';

/** A run that weighs this much beyond its operations takes no further one. */
const MAX_EXTRA_WEIGHT = 4096;
/** A dictionary of this many keys is never too large to go on with. */
const CHAPTER_KEYS = 65_536;
/** A dictionary that names more origins than this is not gone on with: readers take only so many. */
const CHAPTER_ORIGINS = 4096;

/** The table is what the author shares with the projection it writes for. */
export interface AuthoredTable {
  readonly schema: Schema;
  readonly rows: Rows;
  readonly held: Held;
  readonly times: TableTimes;
  readonly inForce: {
    readonly epoch: Epoch;
    /** In a mode with documents, what runs of this node go into. */
    readonly documents: DocumentFold | undefined;
    readonly past: OwnPast;
  };
}

/** Writes operations on one table into runs, under one origin: this node's present life, or what it writes for. */
export class LocalAuthor implements RunAuthor {
  readonly store: BackendName;
  /** Number of the origin written as. */
  readonly origin: number;
  readonly #text: string;
  readonly #table: AuthoredTable;
  readonly #context: ProjectionContext;
  readonly #dictionary: AuthorDictionary;
  readonly #run: RunWriter;
  #running = false;
  /** Position of the open run's first operation. */
  #position = 0;
  /** The dictionary of an earlier session, until the first run is certain to stay. */
  #earlier: Dictionary | undefined;
  /** The dictionary names keys of discarded runs, so that the next run needs a new chapter. */
  #discarded = false;
  /** Is true while something is written again after a switch of mode, which has runs of its own. */
  #copying = false;
  #copied = false;
  /** Is what the open run weighs beyond its operations: see {@link RunAuthor.runWeight}. */
  #extraWeight = 0;
  #sequence: number;
  /** The highest sequence this author's origin had when it began. */
  readonly startedAt: number;
  readonly #dot: MovingDot;
  #news = new Set<number>();
  /** Is what the open run tells of others. */
  #told: (readonly [origin: number, sequence: number])[] = [];
  #announced: ContextEntry[] = [];

  constructor(table: AuthoredTable, context: ProjectionContext, life: { origin: string; position: number }) {
    this.#table = table;
    this.#context = context;
    this.store = table.schema.backend;
    this.#run = new RunWriter(table.schema.column);
    this.#text = life.origin;
    this.origin = context.origins.intern(life.origin);
    this.#dot = new MovingDot(this.origin);
    this.#sequence = table.held.sequences.get(this.origin);
    this.startedAt = this.#sequence;
    // The dictionary of an earlier session stays until the first run, in case this life turns out to be behind.
    const before = table.held.dictionaries.get(this.origin);
    this.#dictionary = new AuthorDictionary(new Dictionary(0));
    this.#dictionary.dictionary.starts.push(...(before?.starts ?? []));
    this.#dictionary.beginChapter((before?.chapter ?? -1) + 1, life.position);
    this.#noteAllSeen();
  }

  // Operations: each takes its place in the journal, then enters the run ---------------------------------

  /** Takes the next position; call once before each of the methods below. */
  place(): number {
    return this.#context.journal.next(this);
  }

  set(slot: number, value: Value): Dot {
    const { schema } = this.#table;
    const dot = this.#nextDot();
    this.#run.addSet(this.#keyId(slot), schema.isSet ? undefined : schema.toColumn(value), dot.stamp);
    return dot;
  }

  remove(kind: number, slot: number): Dot {
    const dot = this.#nextDot();
    this.#run.addRemoval(kind, slot < 0 ? 0 : this.#keyId(slot), dot.stamp);
    return dot;
  }

  /** An addition to a counter, in a mode with documents. */
  increment(slot: number, by: number): Dot {
    const dot = this.#nextDot();
    this.#run.addIncrement(this.#keyId(slot), by, dot.stamp);
    return dot;
  }

  /** An `expire` of the write that stands in a slot. */
  expire(slot: number): Dot {
    const { rows } = this.#table;
    const write = { origin: this.#originId(rows.origin(slot)), sequence: rows.sequence(slot) };
    const dot = this.#nextDot();
    this.#run.addExpire(this.#keyId(slot), write, dot.stamp);
    return dot;
  }

  /** A touch of what stands in a slot. */
  touch(slot: number): Dot {
    const origin = this.#originId(this.#table.rows.origin(slot));
    const dot = this.#nextDot();
    this.#run.addTouch(this.#keyId(slot), origin, dot.stamp);
    return dot;
  }

  #nextDot(): Dot {
    const dot = this.#dot;
    const stamp = this.#table.times.clock.stamp();
    // Within a run times do not decrease, whatever the machine's clock does.
    if (stamp > dot.stamp) dot.stamp = stamp;
    dot.sequence = ++this.#sequence;
    return dot;
  }

  #keyId(slot: number): number {
    return this.#dictionary.keyId(slot, this.#table.rows, this.#run);
  }

  #originId(origin: number): number {
    return this.#dictionary.originId(origin, this.#context.origins.at(origin).text, this.#run);
  }

  // Runs -----------------------------------------------------------------------------------------------

  /** Says whether anything was written since this author began. */
  get wrote(): boolean {
    return this.#sequence > this.startedAt;
  }

  get running(): boolean {
    return this.#running;
  }

  get runFull(): boolean {
    return this.#run.full || this.#copied || this.#extraWeight >= MAX_EXTRA_WEIGHT;
  }

  get runWeight(): number {
    if (this.#table.inForce.documents === undefined || !this.#running) return 0;
    return CHANGE_WEIGHT + this.#run.count + this.#extraWeight;
  }

  /** The operation written last weighs more for others than a plain one, by so much. */
  weigh(extra: number): void {
    this.#extraWeight += extra;
  }

  get runCharacters(): number {
    return this.#run.characters;
  }

  /** Closes the open run, if there is one: what is written next is not taken together with what is in it. */
  closeRun(): void {
    this.#context.journal.close(this);
  }

  /** Marks what is written meanwhile as written before, and passed over by a switch, and closes its run; no run may be open. */
  writeCopies(write: () => void): void {
    this.#copying = true;
    try {
      write();
    } finally {
      this.#copying = false;
      this.#copied = this.#running;
    }
  }

  beginRun(position: number): void {
    this.#copied = false;
    this.#extraWeight = 0;
    const { rows } = this.#table;
    const { dictionaries, marks, sequences: held } = this.#table.held;
    const { dictionary } = this.#dictionary;
    if (held.get(this.origin) === 0) this.#table.held.beginLife(this.origin);
    const tooLong =
      dictionary.size > Math.max(CHAPTER_KEYS, 2 * rows.size) || dictionary.origins.length > CHAPTER_ORIGINS;
    if (this.#discarded || tooLong) {
      this.#dictionary.beginChapter(dictionary.chapter + 1, position);
      this.#discarded = false;
    }
    if (!this.wrote) this.#earlier = dictionaries.get(this.origin);
    else if (this.#sequence > this.startedAt + MAX_BATCH_OPERATIONS) this.#earlier = undefined;
    dictionaries.set(this.origin, dictionary);
    this.#position = position;
    marks.note(this.origin, this.#sequence + 1, position);
    this.#table.held.sessions.note(this.origin, this.#sequence + 1, this.#context.session);
    this.#table.times.clock.look();
    this.#dot.stamp = 0;
    this.#announced = [];
    const { epoch } = this.#table.inForce;
    this.#run.epoch = epoch.counter === 0 ? undefined : epoch;
    this.#run.begin(this.#sequence + 1, dictionary.state, this.#announced);
    this.#told = Array.from(this.#news, (origin) => [origin, this.#seenOf(origin)] as const).filter(
      ([, sequence]) => sequence > 0,
    );
    this.#news.clear();
    for (const [origin, sequence] of this.#told) {
      this.#announced.push({ origin: this.#originId(origin), sequence });
      this.#table.held.overtakings.note({
        by: this.origin,
        from: this.#sequence + 1,
        origin,
        through: sequence,
      });
    }
    this.#running = true;
  }

  /** Returns what is held of another origin, and what those had seen of it whose operations are held. */
  #seenOf(origin: number): number {
    const { sequences: held, overtakings } = this.#table.held;
    return Math.max(held.get(origin), overtakings.concerns(origin) ? overtakings.through(origin) : 0);
  }

  finishRun(): FinishedRun {
    const { schema } = this.#table;
    const { sequences: held } = this.#table.held;
    this.#running = false;
    held.advance(this.origin, this.#sequence);
    this.#table.held.noteSeen(this.origin);
    const seen = this.#table.held.contextOf(this.origin);
    for (const [origin, sequence] of this.#told) seen.advance(origin, sequence);
    const weight = this.#writeDocument();
    const bytes = this.#run.encode(schema.name, this.#text, this.#context.session);
    const { firstSequence, count } = this.#run;
    return { table: schema.name, origin: this.#text, firstSequence, count, bytes, weight };
  }

  /** Puts the open run into the document; returns what it weighs. */
  #writeDocument(): number {
    const { rows } = this.#table;
    const { documents } = this.#table.inForce;
    if (documents === undefined) return 0;
    const { dictionary } = this.#dictionary;
    const copies = this.#copying || this.#copied;
    if (copies) this.#table.inForce.past.noteCopy(this.#text, this.#run.firstSequence);
    const { operations, ...section } = documents.write(this.#run.view(), {
      origin: this.#text,
      position: this.#position,
      textOf: (id) => rows.text(dictionary.slot(id)),
      idOf: (text) => this.#keyId(rows.slotOf(text)),
    });
    this.#run.document = { ...section, copies };
    return weightOf({ count: this.#run.count, operations, document: section });
  }

  discardRuns(firstSequence: number | undefined): void {
    this.#running = false;
    this.#sequence = (firstSequence ?? this.#run.firstSequence) - 1;
    this.#table.held.sequences.set(this.origin, this.#sequence);
    this.#table.held.marks.forgetFrom(this.origin, this.#sequence + 1);
    // What the forgotten runs told of others has reached nobody: the next run tells it again.
    this.#noteAllSeen();
    this.#discarded = true;
    // Nothing was written after all, so that this life may still turn out to be behind.
    if (this.wrote) return;
    if (this.#earlier === undefined) this.#table.held.dictionaries.delete(this.origin);
    else this.#table.held.dictionaries.set(this.origin, this.#earlier);
  }

  /** Brings the version vector up to date with operations that are not in a finished run yet. */
  countHeld(): void {
    this.#table.held.sequences.advance(this.origin, this.#sequence);
  }

  /** Notes that more is held of another origin, so that the next run tells others what its author had seen. */
  noteSeen(origin: number): void {
    if (origin !== this.origin) this.#news.add(origin);
  }

  #noteAllSeen(): void {
    for (const [origin] of this.#table.held.sequences.entries()) this.noteSeen(origin);
    for (const origin of this.#table.held.overtakings.origins()) this.noteSeen(origin);
  }

  /** Returns whether a dictionary is the one this author writes with. */
  writesWith(dictionary: Dictionary): boolean {
    return dictionary === this.#dictionary.dictionary;
  }

  /** Marks the slots that the open chapter names. */
  mark(referenced: Uint8Array): void {
    this.#dictionary.dictionary.mark(referenced);
    // No batch is under way that could be taken back, and slots get other numbers.
    if (this.wrote) this.#earlier = undefined;
  }

  /** Follows a renumbering of the table's slots. */
  renumber(renumbered: Int32Array): void {
    this.#dictionary.renumber(renumbered);
  }
}
