import type { Origins } from '../../log/operations/origin.ts';
import { encodeAdoption } from '../../log/runs/segment.ts';
import type { Work } from '../../work/slices.ts';
import { putPart } from './bulk-load.ts';
import { tellOutcome } from './adoption-teller.ts';
import { CheckpointEntries } from './checkpoint-entries.ts';
import type { DecodedCheckpoint } from './checkpoint-reader.ts';
import { checkpointChunks } from './checkpoint-writer.ts';
import { Learning, vectorOf } from './learning.ts';
import { afterLearning } from './learned-view.ts';
import type { WholeTable } from '../whole-table.ts';
import type { Dot } from '../rows/dot.ts';
import type { RowsFork } from '../rows/rows-fork.ts';
import { Rows } from '../rows/rows.ts';
import type { WriteWatch } from '../rows/undo.ts';
import { type ExpiredAhead, Versions } from '../rows/versions.ts';
import { learnRemovals } from './overtaken-header.ts';

/** Entries handled in a step of work. */
const ENTRIES_PER_STEP = 64;
/** Most slots written meanwhile that are looked at again in the turn in which the rows change. */
const MOST_AT_ONCE = 2048;
/** Units of work that a chunk of the record takes. */
const UNITS_PER_CHUNK = 4096;

/** Says in bits what a slot is to an adoption. */
const TAKEN = 1;
const REMOVED = 2;
/** Taken or removed by the record, but what this node wrote meanwhile stands. */
const OVERRULED = 4;

/**
 * A checkpoint of another node on its way into a table, in steps: what comes of it is worked out on a copy,
 * while the table is read and written by this node, and then takes the table's place at once. For tables
 * without a document, of a mode that the other node is in as well. Nothing may be received meanwhile, and
 * slots must keep their numbers.
 */
export class GradualAdoption implements WriteWatch {
  readonly #table: WholeTable;
  readonly #origins: Origins;
  readonly #checkpoint: DecodedCheckpoint;
  readonly #learning: Learning;
  readonly #entries: CheckpointEntries;
  readonly #epoch: WholeTable['inForce']['epoch'];
  readonly #clear: Dot | undefined;
  readonly #watch: WriteWatch | undefined;
  /** Slots that this node wrote since the copy was begun. */
  readonly #touched = new Set<number>();
  readonly #cleared: Dot | undefined;
  readonly #ahead: ExpiredAhead[] = [];
  readonly #expired = new Map<number, ExpiredAhead>();
  /** The copy; afterwards what was there before. */
  #rows: Rows;
  #fork: RowsFork | undefined;
  #versions: Versions;
  /** Slot of each entry, and per slot its last entry, plus 1. */
  #slots: Int32Array = new Int32Array(0);
  #last: Int32Array = new Int32Array(0);
  #marks: Uint8Array = new Uint8Array(0);
  readonly #taken: number[] = [];
  readonly #removed: number[] = [];
  /** Names what took them away, as the log says, where {@link #removerOf} does not tell. */
  readonly #removedBy = new Map<number, Dot>();
  /** Says whether the table had no slots, so that the copy has its own. */
  #isFresh = false;
  #isStale = false;
  #record: Uint8Array = new Uint8Array(0);

  constructor(table: WholeTable, origins: Origins, checkpoint: DecodedCheckpoint) {
    this.#table = table;
    this.#origins = origins;
    this.#checkpoint = checkpoint;
    this.#learning = new Learning(table, origins, checkpoint.header);
    this.#entries = new CheckpointEntries(checkpoint.rows, table.schema, origins);
    this.#slots = new Int32Array(this.#entries.count);
    this.#rows = table.rows;
    this.#versions = table.versions;
    this.#epoch = table.inForce.epoch;
    this.#clear = table.versions.latestClear;
    const { cleared } = checkpoint.header;
    if (cleared !== undefined) {
      const [origin, sequence, stamp] = cleared;
      this.#cleared = { origin: origins.intern(origin), sequence, stamp };
    }
    this.#watch = table.effects.watch;
    table.effects.watch = this;
  }

  /** Call in any case when it is over. */
  end(): void {
    if (this.#table.effects.watch === this) this.#table.effects.watch = this.#watch;
  }

  remember(slot: number): void {
    this.#touched.add(slot);
    this.#watch?.remember(slot);
  }

  /** Says whether something happened meanwhile after which it has to begin anew. */
  get isStale(): boolean {
    const { versions, inForce } = this.#table;
    return this.#isStale || inForce.epoch !== this.#epoch || versions.latestClear !== this.#clear;
  }

  /** Counts the rows it changes. */
  get count(): number {
    return this.#taken.length + this.#removed.length;
  }

  /** Is what the log keeps of it. */
  get record(): Uint8Array {
    return this.#record;
  }

  // Preparing --------------------------------------------------------------------------------------------

  /** Works out what comes of the checkpoint, whose bytes are given; the table stays as it is. */
  *prepare(chunks: readonly Uint8Array[]): Work {
    if (!(yield* this.#fillAside())) yield* this.#mergeAside();
    const rows = this.#isFresh ? this.#rows : this.#table.rows;
    yield* this.#learning.prepare(this.#checkpoint, this.#slots, rows);
    const { name } = this.#table.schema;
    const whole =
      this.count === this.#slots.length &&
      this.#removedBy.size === 0 &&
      this.#removed.every((slot) => this.#isEntry(slot));
    this.#record = yield* encodeAdoption(name, whole ? chunks : yield* this.#changedRows());
    while (this.#touched.size > MOST_AT_ONCE && !this.isStale) yield* this.#lookAgain();
  }

  #isEntry(slot: number): boolean {
    return (this.#last[slot] ?? 0) > 0 || this.#isFresh;
  }

  /** The short way for a table that has never held anything: rows of its own, column by column. */
  *#fillAside(): Work<boolean> {
    const { rows: live, schema, versions, inForce, held } = this.#table;
    const { header, rows: parts } = this.#checkpoint;
    const isUntouched = live.slots === 0 && versions.cleared === undefined && held.vector().size === 0;
    if (
      !isUntouched ||
      inForce.documents !== undefined ||
      header.cleared !== undefined ||
      header.expired?.length
    )
      return false;
    const rows = new Rows(schema);
    rows.bulk.reserve(this.#slots.length);
    for (const [number, part] of parts.entries()) {
      const { first, origins } = this.#entries.placeOf(number);
      if (!rows.bulk.append(part.texts)) return false;
      putPart(rows, part, { first, schema, origins });
      this.#table.times.observeAll(part, origins);
      noteSlots(first, first + part.texts.length, {
        slots: this.#slots,
        list: part.removed ? this.#removed : this.#taken,
      });
      yield 1 + part.texts.length / 2;
    }
    this.#rows = rows;
    this.#isFresh = true;
    return true;
  }

  *#mergeAside(): Work {
    const live = this.#table.rows;
    this.#taken.length = 0;
    this.#removed.length = 0;
    this.#removedBy.clear();
    let count = 0;
    for (const { texts } of this.#checkpoint.rows)
      for (const text of texts) {
        this.#slots[count++] = live.slotOf(text);
        if (count % ENTRIES_PER_STEP === 0) yield ENTRIES_PER_STEP;
      }
    const { header } = this.#checkpoint;
    for (const [text] of header.overtakingRemovals ?? []) live.slotOf(text);
    this.#last = new Int32Array(live.slots);
    this.#marks = new Uint8Array(live.slots);
    for (let index = 0; index < count; index++) {
      this.#last[this.#slots[index] as number] = index + 1;
      if (index % ENTRIES_PER_STEP === 0) yield 1;
    }
    ({ rows: this.#rows, fork: this.#fork } = yield* live.fork());
    learnRemovals(this.#rows, this.#origins, header);
    this.#versions = new Versions(this.#table.inForce.mode, this.#rows, {
      origins: this.#origins,
      overtakings: this.#table.held.overtakings,
    });
    this.#versions.before = this.#table.versions.before;
    this.#versions.cleared = this.#table.versions.cleared;
    yield* this.#noteExpired();
    yield* this.#mergeRows();
  }

  *#noteExpired(): Work {
    const { rows } = this.#table;
    for (const [text, origin, sequence] of this.#checkpoint.header.expired ?? []) {
      const write = { text, origin: this.#origins.intern(origin), sequence };
      const slot = rows.find(text);
      if (slot !== undefined && rows.origin(slot) === write.origin && rows.sequence(slot) === sequence)
        this.#expired.set(slot, write);
      else this.#ahead.push(write);
      yield 1;
    }
  }

  *#mergeRows(): Work {
    const live = this.#table.rows;
    for (let index = 0; index < this.#slots.length; index++) {
      const slot = this.#slots[index] as number;
      if (this.#last[slot] === index + 1) this.#note(slot, this.#settle(slot));
      this.#table.times.observe(this.#entries.at(index).dot);
      if (index % ENTRIES_PER_STEP === 0) yield ENTRIES_PER_STEP;
    }
    if (this.#cleared !== undefined) this.#table.times.observe(this.#cleared);
    let count = 0;
    for (const slot of live.live()) {
      if ((this.#last[slot] ?? 0) === 0) this.#note(slot, this.#settle(slot));
      if (++count % ENTRIES_PER_STEP === 0) yield ENTRIES_PER_STEP / 2;
    }
  }

  #note(slot: number, effect: number): void {
    if (slot < this.#marks.length) this.#marks[slot] = effect;
    if (effect === TAKEN) this.#taken.push(slot);
    else if (effect === REMOVED) {
      this.#removed.push(slot);
      const by = this.#rows.dot(slot);
      if (!isSame(by, this.#removerOf(slot, this.#table.rows))) this.#removedBy.set(slot, by);
    }
  }

  /**
   * Returns what took a slot's row away unless something else is noted: the entry, or else the write whose
   * row it was.
   */
  #removerOf(slot: number, before: Rows): Dot {
    const index = this.#indexOf(slot);
    const entry = index < 0 || index >= this.#slots.length ? undefined : this.#entries.at(index);
    return entry?.removed === true ? entry.dot : before.dot(slot);
  }

  /** Works out what becomes of a slot, from what is there now; returns what the checkpoint does to it. */
  #settle(slot: number): number {
    const rows = this.#rows;
    const versions = this.#versions;
    this.#fork?.copySlot(slot);
    const index = (this.#last[slot] ?? 0) - 1;
    const entry = index < 0 ? undefined : this.#entries.at(index);
    const isSeen = this.#learning.theirs.get(rows.origin(slot)) >= rows.sequence(slot);
    let effect = 0;
    if (entry !== undefined && this.#isNew(entry.dot) && versions.accepts(slot, entry.dot)) {
      if (entry.removed) {
        // Where times do not decide, a replay takes only the row away whose write is named, and what had not been seen stays.
        const isFree = versions.mode.comparesVersions || !rows.has(slot);
        if (isFree) rows.remove(slot, entry.dot);
        else if (isSeen) rows.remove(slot, rows.dot(slot));
        effect = isFree || isSeen ? REMOVED : 0;
      } else {
        this.#fork?.place(slot, entry);
        effect = TAKEN;
      }
    }
    if (!rows.has(slot)) return effect;
    // Rows whose write the checkpoint has seen and which it no longer has.
    const isNamed = entry !== undefined && !entry.removed;
    const isGone = !isNamed && isSeen;
    const by = isGone || this.#isExpired(slot) ? rows.dot(slot) : this.#cleared;
    if (by === undefined || (by === this.#cleared && !versions.accepts(slot, by))) return effect;
    rows.remove(slot, by);
    return REMOVED;
  }

  #isNew({ origin, sequence }: Dot): boolean {
    return this.#table.held.vector().get(origin) < sequence;
  }

  #isExpired(slot: number): boolean {
    const write = this.#expired.get(slot);
    return write?.origin === this.#rows.origin(slot) && write.sequence === this.#rows.sequence(slot);
  }

  *#changedRows(): Work<Uint8Array[]> {
    const view = afterLearning(this.#table, this.#origins, {
      header: this.#checkpoint.header,
      learning: this.#learning,
      rows: this.#rows,
      cleared: this.#cleared,
      ahead: this.#ahead,
    });
    const chunks: Uint8Array[] = [];
    const part = { rows: this.#taken, removed: this.#removed };
    for (const chunk of checkpointChunks(view, this.#origins, part)) {
      chunks.push(chunk);
      yield UNITS_PER_CHUNK;
    }
    return chunks;
  }

  /** Works out anew what becomes of the slots that this node wrote meanwhile. */
  *#lookAgain(): Work {
    const slots = [...this.#touched];
    this.#touched.clear();
    for (const [index, slot] of slots.entries()) {
      this.#settleAgain(slot);
      if (index % ENTRIES_PER_STEP === 0) yield ENTRIES_PER_STEP;
    }
  }

  #settleAgain(slot: number): void {
    // Rows made apart have slots of their own.
    if (this.#isFresh) {
      this.#isStale = true;
      return;
    }
    const before = (this.#marks[slot] ?? 0) & ~OVERRULED;
    // What is written meanwhile does not change what the log says of a removal.
    if (before === REMOVED && !this.#removedBy.has(slot)) this.#removedBy.set(slot, this.#rows.dot(slot));
    const effect = this.#settle(slot);
    if (effect === before) this.#mark(slot, before);
    // The record says nothing of it.
    else if (before === 0) this.#isStale = true;
    else this.#mark(slot, before | OVERRULED);
  }

  #mark(slot: number, mark: number): void {
    if (slot < this.#marks.length) this.#marks[slot] = mark;
  }

  // Taking it over ---------------------------------------------------------------------------------------

  /** Lets what was worked out take the table's place; false, and nothing changed, when it has to begin anew. */
  take(position: number): boolean {
    const table = this.#table;
    for (const slot of this.#touched) this.#settleAgain(slot);
    if (this.isStale || (this.#isFresh && table.rows.slots > 0)) return false;
    this.end();
    if (this.count > 0) table.revision++;
    table.rows.bulk.become(this.#rows.bulk);
    const { epoch } = this.#checkpoint.header;
    this.#learning.take(position);
    if (epoch !== undefined) table.inForce.tookEffect(vectorOf(this.#origins, epoch.base));
    if (this.#cleared !== undefined) table.versions.noteCleared(this.#cleared);
    for (const write of this.#ahead) table.versions.expireAhead(write);
    return true;
  }

  /** Makes sure that what was taken over expires. */
  *noteDeadlines(): Work {
    const { deadlines } = this.#table.effects;
    if (deadlines === undefined) return;
    for (const [index, slot] of this.#taken.entries()) {
      deadlines.note(slot);
      if (index % ENTRIES_PER_STEP === 0) yield ENTRIES_PER_STEP / 4;
    }
  }

  /** Tells of what it changed, in the order of the log, some rows per step; call after {@link take}. */
  tell(position: number): Generator<void, void, undefined> {
    const outcome = {
      taken: this.#taken,
      removed: this.#removed,
      before: this.#rows,
      isFresh: this.#isFresh,
      contexts: this.#learning.contexts,
      entryOf: (slot: number) => this.#entries.at(this.#indexOf(slot)),
      removerOf: (slot: number) => this.#removedBy.get(slot) ?? this.#removerOf(slot, this.#rows),
      isOverruled: (slot: number) => this.#isOverruled(slot),
    };
    return tellOutcome(this.#table, outcome, position);
  }

  #indexOf(slot: number): number {
    return this.#isFresh ? slot : (this.#last[slot] as number) - 1;
  }

  #isOverruled(slot: number): boolean {
    return !this.#isFresh && ((this.#marks[slot] ?? 0) & OVERRULED) !== 0;
  }
}

function isSame(one: Dot, other: Dot): boolean {
  return one.origin === other.origin && one.sequence === other.sequence;
}

/** Lets the entries from `first` up to `end` stand in slots of the same numbers. */
function noteSlots(first: number, end: number, on: { slots: Int32Array; list: number[] }): void {
  for (let slot = first; slot < end; slot++) {
    on.slots[slot] = slot;
    on.list.push(slot);
  }
}
