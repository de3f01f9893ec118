import type { Dictionary } from '../log/dictionary.ts';
import { CLEAR, DELETE, EXPIRE, SET } from '../log/operation.ts';
import { Marks } from '../log/marks.ts';
import type { DecodedRun } from '../log/run.ts';
import { VersionVector } from '../log/version-vector.ts';
import type { ConflictMode, Version } from '../modes/conflict-mode.ts';
import type { Schema, Value } from '../schema/index.ts';
import type { ChangeKind, OperationFacts } from './change.ts';
import type { ProjectionContext } from './context.ts';
import type { Deadlines } from './deadlines.ts';
import { checkRun, learnRun } from './intake.ts';
import { LocalAuthor } from './local-author.ts';
import { Reporter } from './reporter.ts';
import { type Dot, Rows } from './rows.ts';
import { Undo } from './undo.ts';

/** Removed keys are forgotten when there are more than this many and more than there are rows. */
const REMOVED_KEPT = 65_536;

/** Where an operation stands that subscribers are told of, and what its author had seen. */
export interface Live {
  readonly position: number;
  readonly seen: VersionVector;
}

/** What is common to the operations of one run. */
interface RunContext {
  readonly origin: number;
  readonly dictionary: Dictionary;
  readonly seen: VersionVector;
  /** Position of the operation at index 0, were it applied; undefined when nobody is told. */
  readonly base: number | undefined;
}

/**
 * One table: the fold of its operations into rows. Live and on replay the same code runs; what
 * subscribers see is a by-product.
 */
export class Projection {
  readonly schema: Schema;
  readonly rows: Rows;
  readonly reporter: Reporter;
  /** Per origin, the highest sequence held; own operations count when their run is finished, see {@link vector}. */
  readonly held: VersionVector = new VersionVector();
  /** Per origin, what its author had seen of others when it wrote its latest operation held here. */
  readonly contexts: Map<number, VersionVector> = new Map();
  readonly dictionaries: Map<number, Dictionary> = new Map();
  readonly marks: Marks = new Marks();
  readonly #context: ProjectionContext;
  readonly #mode: ConflictMode;
  #author: LocalAuthor | undefined;
  #deadlines: Deadlines | undefined;
  #undo: Undo | undefined;
  #slotKeepers = 0;

  constructor(schema: Schema, mode: ConflictMode, context: ProjectionContext) {
    this.schema = schema;
    this.#mode = mode;
    this.#context = context;
    this.rows = new Rows(schema);
    this.reporter = new Reporter(schema, this.rows, context);
  }

  get mode(): ConflictMode {
    return this.#mode;
  }

  get store(): 'memory' | 'sqlite' {
    return this.schema.backend;
  }

  /** Number of the origin this node writes this table as; -1 while it does not. */
  get own(): number {
    return this.#author?.origin ?? -1;
  }

  /** From now on this node writes as `origin`, going on after what it holds of it. */
  writeAs(origin: string, position: number): void {
    this.#author = new LocalAuthor(this, this.#context, { origin, position });
  }

  /** Turns expiry on; rows that are there already are taken in. */
  useDeadlines(deadlines: Deadlines): void {
    this.#deadlines = deadlines;
    for (const slot of this.rows.live.values()) deadlines.note(slot);
  }

  /** Whether this node wrote the table since it began its present life. */
  get wrote(): boolean {
    return this.#author?.wrote === true;
  }

  /** What is held of each origin, own operations included. */
  vector(): VersionVector {
    this.#author?.countHeld();
    return this.held;
  }

  // Local operations ------------------------------------------------------------------------------------

  /** Writes a canonical value to a slot. */
  set(slot: number, value: Value): void {
    const author = this.#author as LocalAuthor;
    const position = author.place();
    const { rows, reporter } = this;
    this.#undo?.remember(slot);
    const { wanted } = reporter;
    const kind = rows.has(slot) ? 'changed' : 'new';
    const previous = wanted ? rows.value(slot) : undefined;
    const dot = author.set(slot, value);
    rows.put(slot, value, dot);
    this.#deadlines?.note(slot);
    if (wanted) this.#tell(kind, slot, previous, reporter.facts(position, SET, dot, { slot, value }));
  }

  /** Removes a slot's row and tells whether there was one; the operation is written either way. */
  delete(slot: number): boolean {
    const author = this.#author as LocalAuthor;
    const position = author.place();
    const present = this.rows.has(slot);
    this.#takeAway('removed', slot, author.remove(DELETE, slot), { kind: DELETE, position });
    return present;
  }

  /** Removes every row with one operation. */
  clear(): void {
    const author = this.#author as LocalAuthor;
    const position = author.place();
    this.#clearRows(author.remove(CLEAR, -1), { position, seen: this.held });
  }

  /** Removes a slot's row because its time is over; the operation names the very write it expires. */
  expire(slot: number): void {
    const author = this.#author as LocalAuthor;
    const position = author.place();
    this.#takeAway('expired', slot, author.expire(slot), { kind: EXPIRE, position });
  }

  // Batches ------------------------------------------------------------------------------------------------

  beginUndo(): void {
    this.#undo = new Undo(this.rows);
  }

  endUndo(): void {
    this.#undo = undefined;
  }

  /** Puts every row back to where it was at {@link beginUndo}. */
  undo(): void {
    for (const slot of this.#undo?.takeBack() ?? []) this.#deadlines?.note(slot);
    this.#undo = undefined;
  }

  // Runs of others, and replay ---------------------------------------------------------------------------

  /** How many of a run's first operations are held already; undefined when one before it is missing. */
  overlap(
    run: { readonly firstSequence: number; readonly count: number },
    origin: number,
  ): number | undefined {
    const held = this.vector().get(origin);
    if (run.firstSequence > held + 1) return undefined;
    return Math.min(run.count, held - run.firstSequence + 1);
  }

  /** Checks a run from elsewhere, changing nothing. Throws `OPERATION_INVALID`. */
  check(run: DecodedRun): void {
    checkRun(this, run, this.#context.origins);
  }

  /**
   * Folds the operations of a checked run from index `skip` up to `end` (by default all) into the
   * rows. `position` is that of the first operation applied; unless `live`, nobody is told.
   */
  apply(
    run: DecodedRun,
    skip: number,
    at: { readonly position: number; readonly live: boolean; readonly end?: number | undefined },
  ): void {
    const { origins, clock } = this.#context;
    const origin = origins.intern(run.origin);
    const end = at.end ?? run.count;
    this.marks.note(origin, run.firstSequence, at.position);
    const dictionary = learnRun(this, run, { origin, origins, position: at.position });
    const seen = this.contextOf(origin);
    for (const entry of run.context) seen.advance(dictionary.origins[entry.origin] as number, entry.sequence);
    clock.observe(run.stamps?.[end - 1] ?? run.firstStamp);
    this.#fold(
      run,
      { skip, end },
      { origin, dictionary, seen, base: at.live ? at.position - skip : undefined },
    );
    this.held.advance(origin, run.firstSequence + end - 1);
    this.#author?.noteSeen(origin);
  }

  #fold(run: DecodedRun, range: { skip: number; end: number }, on: RunContext): void {
    const { schema } = this;
    const { isSet } = schema;
    const { ids, kinds, stamps } = run;
    const { numbers, cells } = run.values;
    let cellAt = 0;
    let expiredAt = 0;
    for (let index = 0; index < range.end; index++) {
      const kind = kinds === undefined ? SET : (kinds[index] as number);
      const cell = kind === SET && !isSet ? cellAt++ : -1;
      const write = kind === EXPIRE ? expiredAt++ : -1;
      if (index < range.skip) continue;
      const stamp = stamps === undefined ? run.firstStamp : (stamps[index] as number);
      const dot = { origin: on.origin, sequence: run.firstSequence + index, stamp };
      const live = on.base === undefined ? undefined : { position: on.base + index, seen: on.seen };
      if (kind === CLEAR) {
        this.#clearRows(dot, live);
        continue;
      }
      const slot = on.dictionary.slot(ids[index] as number);
      if (kind === SET) {
        const value =
          cell < 0
            ? undefined
            : numbers === undefined
              ? schema.fromColumn(cells?.[cell] ?? 0)
              : numbers[cell];
        this.#write(slot, value, dot, live);
      } else if (kind === DELETE) {
        this.#remove(slot, dot, live);
      } else {
        this.#expireWrite(slot, dot, live, {
          origin: on.dictionary.origins[run.expired[write * 2] as number] as number,
          sequence: run.expired[write * 2 + 1] as number,
        });
      }
    }
  }

  #write(slot: number, value: Value, dot: Dot, live: Live | undefined): void {
    const { rows, reporter } = this;
    const takesEffect = this.accepts(slot, dot);
    if (live === undefined) {
      if (takesEffect) rows.put(slot, value, dot);
      if (takesEffect) this.#deadlines?.note(slot);
      return;
    }
    const present = rows.has(slot);
    const previous = rows.value(slot);
    const facts = reporter.facts(live.position, SET, dot, { slot, value });
    reporter.operation(facts);
    if (!takesEffect) return;
    if (present) reporter.unseen(slot, facts, live.seen);
    rows.put(slot, value, dot);
    this.#deadlines?.note(slot);
    reporter.change(present ? 'changed' : 'new', slot, previous, facts);
  }

  #remove(slot: number, dot: Dot, live: Live | undefined): void {
    if (live !== undefined && this.rows.has(slot) && this.accepts(slot, dot)) {
      const facts = this.reporter.facts(live.position, DELETE, dot, { slot, value: undefined });
      this.reporter.unseen(slot, facts, live.seen);
    }
    this.#takeAway(
      'removed',
      slot,
      dot,
      live === undefined ? undefined : { kind: DELETE, position: live.position },
    );
  }

  #expireWrite(
    slot: number,
    dot: Dot,
    live: Live | undefined,
    write: { readonly origin: number; readonly sequence: number },
  ): void {
    const { rows, reporter } = this;
    const at = live === undefined ? undefined : { kind: EXPIRE, position: live.position };
    if (rows.has(slot) && rows.origin(slot) === write.origin && rows.sequence(slot) === write.sequence) {
      this.#takeAway('expired', slot, dot, at);
    } else if (at !== undefined) {
      reporter.operation(reporter.facts(at.position, EXPIRE, dot, { slot, value: undefined }));
    }
  }

  // What every kind of operation ends in --------------------------------------------------------------------

  /** Whether a version takes effect on what a slot holds. */
  accepts(slot: number, dot: Dot): boolean {
    const { rows } = this;
    if (!this.#mode.comparesVersions || rows.sequence(slot) === 0) return true;
    const present = { origin: rows.origin(slot), sequence: rows.sequence(slot), stamp: rows.stamp(slot) };
    return this.#mode.supersedes(this.#version(dot), this.#version(present));
  }

  #version(dot: Dot): Version {
    return { stamp: dot.stamp, origin: this.#context.origins.at(dot.origin).text, sequence: dot.sequence };
  }

  #takeAway(
    change: ChangeKind,
    slot: number,
    dot: Dot,
    at: { readonly kind: number; readonly position: number } | undefined,
  ): void {
    const { rows, reporter } = this;
    this.#undo?.remember(slot);
    const present = rows.has(slot);
    const previous = rows.value(slot);
    const takesEffect = this.accepts(slot, dot);
    if (takesEffect) rows.remove(slot, dot);
    if (at === undefined || !reporter.wanted) return;
    const facts = reporter.facts(at.position, at.kind, dot, { slot, value: undefined });
    reporter.operation(facts);
    if (present && takesEffect) reporter.change(change, slot, previous, facts);
  }

  #clearRows(dot: Dot, live: Live | undefined): void {
    const { rows, reporter } = this;
    const facts = live === undefined ? undefined : reporter.facts(live.position, CLEAR, dot);
    if (facts !== undefined) reporter.operation(facts);
    for (const slot of Array.from(rows.live.values())) {
      if (!this.accepts(slot, dot)) continue;
      this.#undo?.remember(slot);
      const previous = rows.value(slot);
      if (facts !== undefined && live !== undefined && dot.origin !== this.own)
        reporter.unseen(slot, facts, live.seen);
      rows.remove(slot, dot);
      if (facts !== undefined) reporter.change('cleared', slot, previous, facts);
    }
  }

  #tell(kind: ChangeKind, slot: number, previous: Value, facts: OperationFacts): void {
    this.reporter.operation(facts);
    this.reporter.change(kind, slot, previous, facts);
  }

  // Checkpoints ------------------------------------------------------------------------------------------------

  /** Puts a row of a checkpoint in place; tells of it when `live` says where it stands in the log. */
  adoptRow(slot: number, row: { value: Value; dot: Dot; created: number }, live: Live | undefined): void {
    const { rows, reporter } = this;
    const kind = rows.has(slot) ? 'changed' : 'new';
    const previous = rows.value(slot);
    const { value, dot } = row;
    const facts = live === undefined ? undefined : reporter.facts(live.position, SET, dot, { slot, value });
    if (facts !== undefined && live !== undefined && kind === 'changed')
      reporter.unseen(slot, facts, live.seen);
    rows.put(slot, value, dot);
    rows.setCreated(slot, row.created);
    this.#deadlines?.note(slot);
    if (facts !== undefined) this.#tell(kind, slot, previous, facts);
  }

  /** Takes away a row that a checkpoint says is gone. */
  adoptRemoval(slot: number, dot: Dot, live: Live | undefined): void {
    const { rows, reporter } = this;
    const present = rows.has(slot);
    const previous = rows.value(slot);
    rows.remove(slot, dot);
    if (live === undefined) return;
    const facts = reporter.facts(live.position, DELETE, dot, { slot, value: undefined });
    reporter.operation(facts);
    if (present) reporter.change('removed', slot, previous, facts);
  }

  /** What an origin's author is known to have seen. */
  contextOf(origin: number): VersionVector {
    const known = this.contexts.get(origin);
    if (known !== undefined) return known;
    const context = new VersionVector();
    this.contexts.set(origin, context);
    return context;
  }

  /** Notes that a checkpoint raised what is held of an origin, so that the next run tells others. */
  noteSeen(origin: number): void {
    this.#author?.noteSeen(origin);
  }

  // Housekeeping -----------------------------------------------------------------------------------------------

  /** Keeps slots as they are numbered until the returned function is called. */
  keepSlots(): () => void {
    this.#slotKeepers++;
    return () => {
      this.#slotKeepers--;
    };
  }

  /** Forgets removed keys that nothing refers to any more, when they have become many. */
  compact(): void {
    const { rows } = this;
    const author = this.#author;
    if (author?.running === true || this.#slotKeepers > 0) return;
    if (rows.removedCount < REMOVED_KEPT || rows.removedCount < rows.live.size) return;
    const foreign = [...this.dictionaries.values()].filter(
      (dictionary) => author?.writesWith(dictionary) !== true,
    );
    const referenced = new Uint8Array(rows.slots);
    author?.mark(referenced);
    for (const dictionary of foreign) dictionary.mark(referenced);
    const renumbered = rows.compact(referenced);
    author?.renumber(renumbered);
    for (const dictionary of foreign) dictionary.renumber(renumbered);
    this.#deadlines?.renumber(renumbered);
  }
}
