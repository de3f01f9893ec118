import { TablecastError, isTablecastError } from '../errors.ts';
import type { Dictionary } from '../log/dictionary.ts';
import { type Epoch, compareEpochs } from '../log/epoch.ts';
import { MAX_AHEAD_MS, stampToMs } from '../log/hybrid-clock.ts';
import { CLEAR, DELETE, EXPIRE, SET, SWITCH } from '../log/operation.ts';
import { Marks } from '../log/marks.ts';
import type { DecodedRun } from '../log/run.ts';
import { VersionVector } from '../log/version-vector.ts';
import type { ConflictMode } from '../modes/conflict-mode.ts';
import type { Schema, Value } from '../schema/index.ts';
import type { ProjectionContext } from './context.ts';
import type { Deadlines } from './deadlines.ts';
import { Effects, type Live } from './effects.ts';
import { checkRun, learnRun } from './intake.ts';
import { Lives } from './lives.ts';
import { LocalAuthor } from './local-author.ts';
import { Reporter } from './reporter.ts';
import { type Dot, MovingDot, Rows } from './rows.ts';
import { markRemembered } from './tombstones.ts';
import { Orphans, firstEpoch } from './switching.ts';
import { Undo } from './undo.ts';
import { Versions } from './versions.ts';

/** Removed keys are forgotten when there are more than this many and more than there are rows. */
const REMOVED_KEPT = 65_536;

/** What is common to the operations of one run. */
interface RunContext {
  readonly origin: number;
  readonly dictionary: Dictionary;
  readonly seen: VersionVector;
  /** Position of the operation at index 0, were it applied; undefined when nobody is told. */
  readonly base: number | undefined;
  /** Written under an earlier mode: nothing takes effect. */
  readonly stale: boolean;
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
  readonly effects: Effects;
  /** The switch of mode in force. */
  epoch: Epoch;
  /**
   * Per origin, the highest sequence that took effect under it: what others wrote beyond, under an
   * earlier one, they write again. Undefined before any switch, when everything held took effect.
   */
  #effective: VersionVector | undefined;
  readonly orphans: Orphans = new Orphans();
  readonly #context: ProjectionContext;
  #author: LocalAuthor | undefined;
  /** Everything this node writes the table as, by number of the origin. */
  readonly #authors = new Map<number, LocalAuthor>();
  #slotKeepers = 0;
  #compactAt = REMOVED_KEPT;

  constructor(schema: Schema, mode: ConflictMode, context: ProjectionContext) {
    this.schema = schema;
    this.#context = context;
    this.rows = new Rows(schema);
    this.lives = new Lives(context.origins, this.held);
    this.epoch = firstEpoch(mode.name);
    this.versions = new Versions(mode, this.rows, context.origins);
    this.reporter = new Reporter(this.rows, this, context);
    this.effects = new Effects(this, context.origins);
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
    this.effects.deadlines = deadlines;
    for (const slot of this.rows.live()) deadlines.note(slot);
  }

  /** What was held of this node's own origin before it wrote anything as it. */
  get startedAt(): number {
    return this.#author?.startedAt ?? 0;
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
    this.effects.undo?.remember(slot);
    const { wanted } = reporter;
    const kind = rows.has(slot) ? 'changed' : 'new';
    const previous = wanted ? rows.value(slot) : undefined;
    const dot = author.set(slot, value);
    rows.put(slot, value, dot);
    this.effects.deadlines?.note(slot);
    if (wanted) reporter.effect(kind, slot, previous, reporter.facts(position, SET, dot, { slot, value }));
  }

  /** Removes a slot's row and tells whether there was one; the operation is written either way. */
  delete(slot: number, author: LocalAuthor = this.#author as LocalAuthor): boolean {
    const position = author.place();
    const present = this.rows.has(slot);
    this.effects.takeAway('removed', slot, author.remove(DELETE, slot), { kind: DELETE, position });
    return present;
  }

  /** Removes every row with one operation. */
  clear(): void {
    const author = this.#author as LocalAuthor;
    const position = author.place();
    this.effects.clearRows(author.remove(CLEAR, -1), { position, seen: this.held });
  }

  /** Removes a slot's row because its time is over; the operation names the very write it expires. */
  expire(slot: number, author: LocalAuthor = this.#author as LocalAuthor): void {
    const position = author.place();
    this.effects.takeAway('expired', slot, author.expire(slot), { kind: EXPIRE, position });
  }

  // Switching ------------------------------------------------------------------------------------------------

  /** Whether an origin is a life of this node, past or present. */
  isOwn(origin: number): boolean {
    return this.writes(origin) || this.#context.isOwn?.(origin) === true;
  }

  /** Whether a run can be applied only after a switch of mode that is not made here yet. */
  isAhead(run: { readonly epoch: Epoch | undefined }): boolean {
    return run.epoch !== undefined && compareEpochs(run.epoch, this.epoch) > 0;
  }

  /** A conflict mode by its name. Throws `DECLARATION_INVALID` for one this version does not have. */
  modeOf(mode: Epoch['mode']): ConflictMode {
    return this.#context.modeOf({ name: this.schema.name, mode });
  }

  #precedes(run: { readonly epoch: Epoch | undefined }): boolean {
    return compareEpochs(run.epoch ?? firstEpoch(this.epoch.mode), this.epoch) < 0;
  }

  /**
   * Switches the conflict mode for the whole cluster: one operation, whose base is the rows as they
   * are here. Call between runs. Throws `DECLARATION_INVALID` for a mode this version does not have.
   */
  switchMode(mode: Epoch['mode']): void {
    this.modeOf(mode);
    const author = this.#author as LocalAuthor;
    const before = this.epoch;
    const base = this.effective();
    const { text } = this.#context.origins.at(author.origin);
    // The run that the operation opens must be written under the new mode already.
    this.epoch = { counter: before.counter + 1, origin: text, mode };
    let position = 0;
    try {
      position = author.place();
    } catch (error) {
      this.epoch = before;
      throw error;
    }
    const dot = { ...author.remove(SWITCH, -1) };
    this.#switchHere(this.epoch, base, dot.stamp);
    this.reporter.operation({ ...this.reporter.facts(position, SWITCH, dot), value: mode });
  }

  /** What took effect of each origin under the present mode, or before the switch to it. */
  effective(): VersionVector {
    const held = this.vector();
    if (this.#effective === undefined) return held.copy();
    const effective = this.#effective.copy();
    // Of this node everything took effect, once what a switch passed over is written again.
    if (this.orphans.size === 0)
      for (const origin of this.#authors.keys()) effective.advance(origin, held.get(origin));
    return effective;
  }

  /** Takes in what took effect elsewhere under the same switch. */
  tookEffect(effective: VersionVector): void {
    this.#effective?.merge(effective);
  }

  #switchHere(epoch: Epoch, base: VersionVector, stamp: number): void {
    this.enter(epoch, base);
    for (const slot of this.rows.removals()) this.rows.forget(slot);
    // A clock gone wrong meant nothing until now; from now on it must not win for ever.
    if (this.mode.comparesVersions) this.rows.limitStamps(stamp);
  }

  /** Goes over to the mode of a switch, with the rows as they are. */
  enter(epoch: Epoch, base: VersionVector): void {
    this.epoch = { counter: epoch.counter, origin: epoch.origin, mode: epoch.mode };
    this.#effective = base;
    this.versions.reset(this.modeOf(epoch.mode));
  }

  /** Makes a switch of another node: like {@link enter}, and notes what this node has to write again. */
  switchTo(epoch: Epoch, base: VersionVector): void {
    this.orphans.note(this, base);
    this.enter(epoch, base);
  }

  /** Writes again what a switch passed over of this node's own; while the log takes nothing, it stays to be written. */
  carryOver(): void {
    if (this.#author === undefined || this.orphans.size === 0) return;
    try {
      this.orphans.carryOver(this);
    } catch (error) {
      if (!isTablecastError(error)) throw error;
    }
  }

  // Batches ------------------------------------------------------------------------------------------------

  beginUndo(): void {
    this.effects.undo = new Undo(this.rows, this.versions);
  }

  endUndo(): void {
    this.effects.undo = undefined;
  }

  /** Puts every row back to where it was at {@link beginUndo}. */
  undo(): void {
    for (const slot of this.effects.undo?.takeBack() ?? []) this.effects.deadlines?.note(slot);
    this.effects.undo = undefined;
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
      for (const seen of this.contexts.values()) seen.set(old, 0);
    }
    // Every life has seen what every other had: kept for all of them, that would be the square of their number.
    for (const over of this.lives.over(origin)) this.contexts.delete(over);
  }

  /** Checks a run from elsewhere, changing nothing. Throws `OPERATION_INVALID`. */
  check(run: DecodedRun): void {
    checkRun(this, run, this.#context.origins);
    if (this.mode.comparesVersions) this.checkTime(run.stamps?.[run.count - 1] ?? run.firstStamp, run.origin);
  }

  /** Throws `CLOCK_AHEAD` for a time too far ahead to let it decide which write is the last. */
  checkTime(stamp: number, origin: string): void {
    if (this.#context.clock.tooFarAhead(stamp)) throw clockAhead(this.schema.name, origin, stampToMs(stamp));
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
    const base = at.live && this.reporter.listening ? at.position - skip : undefined;
    const stale = this.#precedes(run);
    if (!stale || base !== undefined)
      this.#fold(run, { skip, end }, { origin, dictionary, seen, base, stale });
    if (this.orphans.size > 0 && this.isOwn(origin) && !stale)
      for (let index = skip; index < end; index++)
        this.orphans.done(this.rows.text(dictionary.slot(run.ids[index] as number)));
    this.held.advance(origin, run.firstSequence + end - 1);
    if (!stale) this.#effective?.advance(origin, run.firstSequence + end - 1);
    this.noteSeen(origin);
  }

  /** Whether the writes of a run can be put as they are, without a look at any of them. */
  #plain(run: DecodedRun, on: RunContext): boolean {
    const quiet = on.base === undefined && !this.mode.comparesVersions && this.schema.expiry === undefined;
    return quiet && run.kinds === undefined && (this.schema.isSet || run.values.numbers !== undefined);
  }

  #fold(run: DecodedRun, range: { skip: number; end: number }, on: RunContext): void {
    const { schema } = this;
    if (!on.stale && this.#plain(run, on)) {
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
      if (kind === CLEAR || kind === SWITCH) {
        this.#foldWhole(kind, dot, { live, run, stale: on.stale });
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
        if (on.stale) this.effects.passOver(SET, dot, live as Live, { slot, value });
        else this.effects.write(slot, value, dot, live);
      } else if (on.stale) {
        this.effects.passOver(kind, dot, live as Live, { slot, value: undefined });
      } else if (kind === DELETE) {
        this.effects.remove(slot, dot, live);
      } else {
        this.effects.expireWrite(slot, dot, live, {
          origin: on.dictionary.origins[run.expired[write * 2] as number] as number,
          sequence: run.expired[write * 2 + 1] as number,
        });
      }
    }
  }

  /** Folds an operation on the whole table. */
  #foldWhole(
    kind: number,
    dot: Dot,
    on: { readonly live: Live | undefined; readonly run: DecodedRun; readonly stale: boolean },
  ): void {
    const { live, run, stale } = on;
    if (kind === CLEAR && !stale) return this.effects.clearRows(dot, live);
    const { epoch } = run;
    if (kind === SWITCH && epoch !== undefined && compareEpochs(epoch, this.epoch) > 0)
      this.#switchHere(epoch, this.effective(), dot.stamp);
    if (live === undefined) return;
    const facts = this.reporter.facts(live.position, kind, dot);
    this.reporter.operation(kind === SWITCH ? { ...facts, value: epoch?.mode } : facts);
  }

  // Checkpoints ------------------------------------------------------------------------------------------------

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
    this.effects.deadlines?.renumber(renumbered);
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
