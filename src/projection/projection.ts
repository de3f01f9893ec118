import { TablecastError } from '../errors.ts';
import type { Dictionary } from '../log/dictionary.ts';
import { MAX_AHEAD_MS, stampToMs } from '../log/hybrid-clock.ts';
import { CLEAR, DELETE, EXPIRE, SET } from '../log/operation.ts';
import { Marks } from '../log/marks.ts';
import type { DecodedRun } from '../log/run.ts';
import { VersionVector } from '../log/version-vector.ts';
import type { ConflictMode } from '../modes/conflict-mode.ts';
import type { Schema, Value } from '../schema/index.ts';
import type { ChangeKind, OperationFacts } from './change.ts';
import type { ProjectionContext } from './context.ts';
import type { Deadlines } from './deadlines.ts';
import { checkRun, learnRun } from './intake.ts';
import { Lives } from './lives.ts';
import { LocalAuthor } from './local-author.ts';
import { Reporter } from './reporter.ts';
import { type Dot, MovingDot, Rows } from './rows.ts';
import { markRemembered } from './tombstones.ts';
import { Undo } from './undo.ts';
import { Versions } from './versions.ts';

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
  readonly lives: Lives;
  readonly versions: Versions;
  readonly #context: ProjectionContext;
  #author: LocalAuthor | undefined;
  /** Everything this node writes the table as, by number of the origin. */
  readonly #authors = new Map<number, LocalAuthor>();
  #deadlines: Deadlines | undefined;
  #undo: Undo | undefined;
  #slotKeepers = 0;
  #compactAt = REMOVED_KEPT;

  constructor(schema: Schema, mode: ConflictMode, context: ProjectionContext) {
    this.schema = schema;
    this.#context = context;
    this.rows = new Rows(schema);
    this.lives = new Lives(context.origins, this.held);
    this.versions = new Versions(mode, this.rows, context.origins);
    this.reporter = new Reporter(this.rows, this, context);
  }

  get mode(): ConflictMode {
    return this.versions.mode;
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
    this.#authors.clear();
    this.#author = this.authorFor(origin, () => position);
  }

  /**
   * The author of operations that this node writes for somebody without a log of his own, going on after
   * what is held of that origin. No other node may write as `origin`. A new author asks for the position
   * that its first operation can have at the earliest; no run may be open then.
   */
  authorFor(origin: string, begin: () => number): LocalAuthor {
    const known = this.#authors.get(this.#context.origins.intern(origin));
    if (known !== undefined) return known;
    const author = new LocalAuthor(this, this.#context, { origin, position: begin() });
    this.#authors.set(author.origin, author);
    return author;
  }

  /** Whether this node writes the table as an origin. */
  writes(origin: number): boolean {
    return this.#authors.has(origin);
  }

  /** Turns expiry on; rows that are there already are taken in. */
  useDeadlines(deadlines: Deadlines): void {
    this.#deadlines = deadlines;
    for (const slot of this.rows.live()) deadlines.note(slot);
  }

  /** Whether this node wrote the table since it began its present life. */
  get wrote(): boolean {
    for (const author of this.#authors.values()) if (author.wrote) return true;
    return false;
  }

  /** What is held of each origin, own operations included. */
  vector(): VersionVector {
    for (const author of this.#authors.values()) author.countHeld();
    return this.held;
  }

  // Local operations ------------------------------------------------------------------------------------

  /** Writes a canonical value to a slot. */
  set(slot: number, value: Value, author: LocalAuthor = this.#author as LocalAuthor): void {
    const position = author.place();
    const { rows, reporter } = this;
    this.#undo?.remember(slot);
    const { wanted } = reporter;
    const kind = rows.has(slot) ? 'changed' : 'new';
    const previous = wanted ? rows.value(slot) : undefined;
    const dot = author.set(slot, value);
    rows.put(slot, value, dot);
    this.#deadlines?.note(slot);
    if (wanted) reporter.effect(kind, slot, previous, reporter.facts(position, SET, dot, { slot, value }));
  }

  /** Removes a slot's row and tells whether there was one; the operation is written either way. */
  delete(slot: number, author: LocalAuthor = this.#author as LocalAuthor): boolean {
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
  expire(slot: number, author: LocalAuthor = this.#author as LocalAuthor): void {
    const position = author.place();
    this.#takeAway('expired', slot, author.expire(slot), { kind: EXPIRE, position });
  }

  // Batches ------------------------------------------------------------------------------------------------

  beginUndo(): void {
    this.#undo = new Undo(this.rows, this.versions);
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
    if (held === 0 && this.lives.isForgotten(origin)) return run.count;
    if (run.firstSequence > held + 1) return undefined;
    return Math.min(run.count, held - run.firstSequence + 1);
  }

  /** Makes room in the version vector for a life that is not in it yet. */
  beginLife(origin: number): void {
    for (const old of this.lives.begin(origin)) {
      this.contexts.delete(old);
      this.dictionaries.delete(old);
    }
  }

  /** Checks a run from elsewhere, changing nothing. Throws `OPERATION_INVALID`. */
  check(run: DecodedRun): void {
    checkRun(this, run, this.#context.origins);
    this.checkTime(run.stamps?.[run.count - 1] ?? run.firstStamp, run.origin);
  }

  /** Throws `CLOCK_AHEAD` for a time too far ahead to let it decide which write is the last. */
  checkTime(stamp: number, origin: string): void {
    if (this.mode.comparesVersions && this.#context.clock.tooFarAhead(stamp))
      throw clockAhead(this.schema.name, origin, stampToMs(stamp));
  }

  /** Lets what is written from now on be stamped later than `stamp`. */
  observe(stamp: number): void {
    const { clock } = this.#context;
    // Where times decide nothing, a clock gone wrong elsewhere must not carry this node's along.
    if (this.mode.comparesVersions || !clock.tooFarAhead(stamp)) clock.observe(stamp);
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
    const { origins } = this.#context;
    const origin = origins.intern(run.origin);
    const end = at.end ?? run.count;
    if (this.held.get(origin) === 0) this.beginLife(origin);
    this.marks.note(origin, run.firstSequence, at.position);
    const dictionary = learnRun(this, run, { origin, origins, position: at.position });
    const seen = this.contextOf(origin);
    for (const entry of run.context) seen.advance(dictionary.origins[entry.origin] as number, entry.sequence);
    this.observe(run.stamps?.[end - 1] ?? run.firstStamp);
    this.#fold(
      run,
      { skip, end },
      { origin, dictionary, seen, base: at.live && this.reporter.listening ? at.position - skip : undefined },
    );
    this.held.advance(origin, run.firstSequence + end - 1);
    this.noteSeen(origin);
  }

  /** Whether the writes of a run can be put as they are, without a look at any of them. */
  #plain(run: DecodedRun, on: RunContext): boolean {
    const quiet = on.base === undefined && !this.mode.comparesVersions && this.schema.expiry === undefined;
    return quiet && run.kinds === undefined && (this.schema.isSet || run.values.numbers !== undefined);
  }

  #fold(run: DecodedRun, range: { skip: number; end: number }, on: RunContext): void {
    const { schema } = this;
    if (this.#plain(run, on)) {
      this.rows.putRun({
        from: range.skip,
        end: range.end,
        slots: on.dictionary.view,
        ids: run.ids,
        values: schema.isSet ? undefined : run.values.numbers,
        origin: on.origin,
        firstSequence: run.firstSequence,
        stamps: run.stamps,
        stamp: run.firstStamp,
      });
      return;
    }
    const { isSet } = schema;
    const { ids, kinds, stamps } = run;
    const { numbers, cells } = run.values;
    const dot = new MovingDot(on.origin);
    let cellAt = 0;
    let expiredAt = 0;
    for (let index = 0; index < range.end; index++) {
      const kind = kinds === undefined ? SET : (kinds[index] as number);
      const cell = kind === SET && !isSet ? cellAt++ : -1;
      const write = kind === EXPIRE ? expiredAt++ : -1;
      if (index < range.skip) continue;
      const stamp = stamps === undefined ? run.firstStamp : (stamps[index] as number);
      dot.sequence = run.firstSequence + index;
      dot.stamp = stamp;
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
    if (this.versions.takeExpired(dot)) return this.#writeExpired(slot, value, dot, live);
    const takesEffect = this.accepts(slot, dot);
    if (live === undefined) {
      if (takesEffect) rows.put(slot, value, dot);
      if (takesEffect) this.#deadlines?.note(slot);
      return;
    }
    const facts = reporter.facts(live.position, SET, dot, { slot, value });
    reporter.operation(facts);
    if (this.#tookOver(slot, dot)) return;
    const present = rows.has(slot);
    const previous = rows.value(slot);
    if (!takesEffect) return this.#overruled(slot, facts);
    this.#reportUnseen(slot, facts, live);
    rows.put(slot, value, dot);
    this.#deadlines?.note(slot);
    reporter.change(present ? 'changed' : 'new', slot, previous, facts);
  }

  #reportUnseen(slot: number, facts: OperationFacts, { seen }: Live): void {
    const { reporter, versions } = this;
    if (reporter.conflicts.observed) reporter.unseen(slot, facts, { seen, clear: versions.latestClear });
  }

  /** A write whose expiry came before it: it replaces what was there, and is over. */
  #writeExpired(slot: number, value: Value, dot: Dot, live: Live | undefined): void {
    const { rows, reporter } = this;
    const previous = rows.has(slot) ? { value: rows.value(slot) } : undefined;
    const takesEffect = this.accepts(slot, dot);
    if (live === undefined) {
      if (takesEffect) rows.remove(slot, dot);
      return;
    }
    const facts = reporter.facts(live.position, SET, dot, { slot, value });
    reporter.operation(facts);
    if (!takesEffect) return this.#overruled(slot, facts);
    this.#reportUnseen(slot, facts, live);
    rows.remove(slot, dot);
    if (previous !== undefined)
      reporter.change('expired', slot, previous.value, { ...facts, value: undefined });
  }

  /**
   * Whether the row came with a checkpoint from an operation of the same author that is not older:
   * the checkpoint was ahead of its own vector, and what it told must not be told again.
   */
  #tookOver(slot: number, dot: Dot): boolean {
    return this.rows.origin(slot) === dot.origin && this.rows.sequence(slot) >= dot.sequence;
  }

  #remove(slot: number, dot: Dot, live: Live | undefined): void {
    if (live !== undefined && this.#tookOver(slot, dot)) {
      this.reporter.operation(this.reporter.facts(live.position, DELETE, dot, { slot, value: undefined }));
      return;
    }
    if (live !== undefined && this.rows.has(slot)) {
      const facts = this.reporter.facts(live.position, DELETE, dot, { slot, value: undefined });
      if (this.accepts(slot, dot)) this.reporter.unseen(slot, facts, live);
      else this.#overruled(slot, facts);
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
      return;
    }
    if (
      write.origin !== dot.origin &&
      this.held.get(write.origin) < write.sequence &&
      !this.writes(write.origin)
    )
      this.versions.expireAhead({ text: rows.text(slot), ...write });
    if (at !== undefined)
      reporter.operation(reporter.facts(at.position, EXPIRE, dot, { slot, value: undefined }));
  }

  #overruled(slot: number, facts: OperationFacts): void {
    if (!this.reporter.conflicts.observed) return;
    const dot = this.versions.standing(slot);
    this.reporter.overruled(slot, facts, { dot, seen: this.contextOf(dot.origin) });
  }

  // What every kind of operation ends in --------------------------------------------------------------------

  /** Whether a version takes effect on what a slot holds. */
  accepts(slot: number, dot: Dot): boolean {
    return this.versions.accepts(slot, dot);
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
    const expired = change === 'expired';
    const takesEffect = expired || this.accepts(slot, dot);
    // An expired row leaves no later version behind than the write that expired: nobody took it away.
    const by = expired ? rows.dot(slot) : dot;
    if (takesEffect) rows.remove(slot, by);
    if (at === undefined || !reporter.wanted) return;
    const facts = reporter.facts(at.position, at.kind, dot, { slot, value: undefined });
    if (present && takesEffect) reporter.effect(change, slot, previous, facts);
    else reporter.operation(facts);
  }

  #clearRows(dot: Dot, live: Live | undefined): void {
    const { rows, reporter } = this;
    const facts = live === undefined ? undefined : reporter.facts(live.position, CLEAR, dot);
    // A subscriber that writes must not find the table half cleared.
    reporter.hold();
    if (facts !== undefined) reporter.operation(facts);
    for (const slot of Array.from(rows.live())) {
      if (!this.accepts(slot, dot)) continue;
      this.#undo?.remember(slot);
      const previous = rows.value(slot);
      if (facts !== undefined && live !== undefined && dot.origin !== this.own)
        reporter.unseen(slot, facts, live);
      rows.remove(slot, dot);
      if (facts !== undefined) reporter.change('cleared', slot, previous, facts);
    }
    this.versions.noteCleared(dot);
    reporter.release();
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
      reporter.unseen(slot, facts, live);
    rows.put(slot, value, dot);
    rows.setCreated(slot, row.created);
    this.#deadlines?.note(slot);
    if (facts !== undefined) reporter.effect(kind, slot, previous, facts);
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

  /** Notes that more is held of an origin, so that the next run of each author tells others. */
  noteSeen(origin: number): void {
    for (const author of this.#authors.values()) author.noteSeen(origin);
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
    const authors = [...this.#authors.values()];
    if (authors.some((author) => author.running) || this.#slotKeepers > 0) return;
    if (rows.removedCount < this.#compactAt || rows.removedCount < rows.size) return;
    const foreign = [...this.dictionaries.values()].filter(
      (dictionary) => !authors.some((author) => author.writesWith(dictionary)),
    );
    const referenced = new Uint8Array(rows.slots);
    for (const author of authors) author.mark(referenced);
    for (const dictionary of foreign) dictionary.mark(referenced);
    if (this.mode.comparesVersions) markRemembered(this, referenced, this.#context.clock.stamp());
    const renumbered = rows.compact(referenced);
    // What had to stay is not looked at again before there is much more of it.
    this.#compactAt = Math.max(REMOVED_KEPT, rows.removedCount * 1.5);
    for (const author of authors) author.renumber(renumbered);
    for (const dictionary of foreign) dictionary.renumber(renumbered);
    this.#deadlines?.renumber(renumbered);
  }
}

function clockAhead(table: string, origin: string, timeMs: number): TablecastError {
  const time = new Date(timeMs).toISOString();
  return new TablecastError(
    'CLOCK_AHEAD',
    `Table ${table}: an operation of ${origin} is dated ${time}, more than ${MAX_AHEAD_MS / 60_000} minutes ahead of this node's clock.`,
    {
      hint: 'Correct the clocks (NTP). In this mode the later write stands, so one clock ahead would win against everybody.',
      details: { table, origin, time },
      retryable: true,
    },
  );
}
