import { malformed } from '../log/bytes/bytes.ts';
import { CLEAR, DELETE, EXPIRE, INCREMENT, SET } from '../log/operations/operation.ts';
import type { DecodedRun } from '../log/runs/run.ts';
import type { ConflictMode } from '../modes/conflict-mode.ts';
import type { Key, Schema, Value } from '../schema/index.ts';
import { Change } from './telling/change.ts';
import type { ProjectionContext } from './context.ts';
import type { Deadlines } from './times/deadlines.ts';
import { BEGINNING_WEIGHT } from './folding/document-weight.ts';
import { Effects } from './folding/effects.ts';
import { Held } from './held/held.ts';
import { checkRun, keyTextsOf, learnContext, learnRun } from './folding/intake.ts';
import { Authors } from './writing/authors.ts';
import type { LocalAuthor } from './writing/local-author.ts';
import { Reporter } from './telling/reporter.ts';
import { RowFold } from './folding/row-fold.ts';
import { Rows } from './rows/rows.ts';
import { TableTimes } from './times/table-times.ts';
import { markRemembered } from './rows/tombstones.ts';
import { SwitchInForce } from './switching/switch-in-force.ts';
import { Undo } from './rows/undo.ts';
import { Versions } from './rows/versions.ts';

/** Removed keys are forgotten when there are more than this many and more than there are rows. */
const REMOVED_KEPT = 65_536;

/**
 * One table: the fold of its operations into rows. Live and on replay the same code runs; what
 * subscribers see is a by-product.
 */
export class Projection {
  /** Says how the table was declared last. */
  schema: Schema;
  readonly rows: Rows;
  readonly reporter: Reporter;
  readonly held: Held;
  readonly authors: Authors;
  /** Another number when rows changed without an operation that is new here: a state may then have other rows. */
  revision = 0;
  readonly versions: Versions;
  readonly effects: Effects;
  readonly inForce: SwitchInForce;
  /**
   * Says what this node stamps its operations with, and which stamps it takes: no other table's writers can
   * move them.
   */
  readonly times: TableTimes;
  readonly #context: ProjectionContext;
  readonly #fold: RowFold;
  #undo: Undo | undefined;
  #slotKeepers = 0;
  #compactAt = REMOVED_KEPT;

  constructor(schema: Schema, mode: ConflictMode, context: ProjectionContext) {
    this.schema = schema;
    this.#context = context;
    this.rows = new Rows(schema);
    this.held = new Held(this, context.origins);
    this.authors = new Authors(this, context);
    this.versions = new Versions(mode, this.rows, {
      origins: context.origins,
      overtakings: this.held.overtakings,
    });
    this.reporter = new Reporter(this.rows, this, context);
    this.effects = new Effects(this, context.origins);
    this.#fold = new RowFold(this);
    this.inForce = new SwitchInForce(this, mode, context);
    this.times = new TableTimes(schema.name, this.versions, context.wall);
  }

  get store(): string {
    return this.schema.backend;
  }

  /** Turns expiry on; rows that are there already are taken in. */
  useDeadlines(deadlines: Deadlines): void {
    this.effects.deadlines = deadlines;
    for (const slot of this.rows.live()) deadlines.note(slot);
  }

  /** Goes over to a declaration with another default, or another mode than the log begins in, which stays. */
  declareAs(schema: Schema): void {
    this.schema = Object.freeze({ ...schema, mode: this.schema.mode });
  }

  // Local operations ------------------------------------------------------------------------------------

  /** Writes a canonical value to a slot; `key` is its key, for callers that have it at hand. */
  set(slot: number, value: Value, author: LocalAuthor = this.authors.main as LocalAuthor, key?: Key): void {
    const position = author.place();
    const { rows, reporter, effects } = this;
    effects.watch?.remember(slot);
    if (!reporter.wanted) {
      rows.put(slot, value, author.set(slot, value));
      effects.deadlines?.note(slot);
      return;
    }
    const kind = rows.has(slot) ? 'changed' : 'new';
    const previous = kind === 'new' ? undefined : rows.value(slot);
    const dot = author.set(slot, value);
    rows.put(slot, value, dot);
    effects.deadlines?.note(slot);
    if (reporter.brief)
      reporter.wrote(
        new Change(kind, key ?? rows.key(slot), previous, reporter.causeOf(position, value, dot)),
      );
    else reporter.effect(kind, slot, previous, reporter.facts(position, SET, dot, { slot, value }));
  }

  /**
   * Adds to the number in a slot; `result` is what the row then holds. Where that cannot add up with
   * what others add at the same time, the result is written instead.
   */
  increment(slot: number, by: number | bigint, result: Value): void {
    const amount = Number(by);
    if (this.inForce.documents?.canAdd(slot, amount, result) !== true) return this.set(slot, result);
    const author = this.authors.main as LocalAuthor;
    const position = author.place();
    const { rows, reporter } = this;
    this.effects.watch?.remember(slot);
    const kind = rows.has(slot) ? 'changed' : 'new';
    const previous = rows.value(slot);
    const dot = author.increment(slot, amount);
    if (kind === 'new') author.weigh(BEGINNING_WEIGHT);
    rows.put(slot, result, dot);
    this.effects.deadlines?.note(slot);
    if (!reporter.wanted) return;
    const facts = reporter.facts(position, INCREMENT, dot, { slot, value: amount });
    reporter.effect(kind, slot, previous, { ...facts, row: { value: result } });
  }

  /** Removes a slot's row and tells whether there was one; the operation is written either way. */
  delete(slot: number, author: LocalAuthor = this.authors.main as LocalAuthor): boolean {
    const position = author.place();
    const present = this.rows.has(slot);
    this.effects.takeAway('removed', slot, author.remove(DELETE, slot), { kind: DELETE, position });
    return present;
  }

  /** Removes every row with one operation. */
  clear(): void {
    if (this.inForce.documents?.clearsOneByOne === true) {
      for (const slot of Array.from(this.rows.live())) this.delete(slot);
      return;
    }
    const author = this.authors.main as LocalAuthor;
    const position = author.place();
    if (this.inForce.documents !== undefined) author.weigh(this.rows.size);
    this.effects.clearRows(author.remove(CLEAR, -1), this.held.sequences, {
      position,
      seen: this.held.sequences,
    });
  }

  /** Removes a slot's row because its time is over; the operation names the very write it expires. */
  expire(slot: number, author: LocalAuthor = this.authors.main as LocalAuthor): void {
    const position = author.place();
    this.effects.takeAway('expired', slot, author.expire(slot), { kind: EXPIRE, position });
  }

  // Switching ------------------------------------------------------------------------------------------------

  /** Every value under the key of a slot that has a row, the one that the row shows first. */
  valuesIn(slot: number): { readonly value: Value; readonly origin: string; readonly winner: boolean }[] {
    const { rows } = this;
    const { documents } = this.inForce;
    const origin = this.#context.origins.at(rows.origin(slot)).text;
    const others = documents?.othersIn(slot) ?? [];
    return [
      { value: rows.value(slot), origin, winner: true },
      ...others.map((other) => ({ ...other, winner: false })),
    ];
  }

  // Batches ------------------------------------------------------------------------------------------------

  beginUndo(): void {
    this.#undo = new Undo(this.rows, this.versions, this.effects.watch);
    this.effects.watch = this.#undo;
    this.inForce.documents?.document.beginUndo();
  }

  endUndo(): void {
    this.effects.watch = this.#undo?.also;
    this.#undo = undefined;
    this.inForce.documents?.document.endUndo(true);
  }

  /** Puts every row back to where it was at {@link beginUndo}. */
  undo(): void {
    for (const slot of this.#undo?.takeBack() ?? []) this.effects.deadlines?.note(slot);
    this.effects.watch = this.#undo?.also;
    this.#undo = undefined;
    this.inForce.documents?.document.endUndo(false);
  }

  // Runs of others, and replay ---------------------------------------------------------------------------

  /** Checks a run from elsewhere, changing nothing; `enters` when its author brings it. Throws `OPERATION_INVALID`, `CLOCK_AHEAD`. */
  check(run: DecodedRun, enters: boolean): void {
    checkRun(this, run, this.#context.origins);
    this.#checkDocument(run);
    if (this.inForce.mode.comparesVersions && !this.inForce.passesOver(run))
      this.times.check(run.stamps?.[run.count - 1] ?? run.firstStamp, { origin: run.origin, enters });
  }

  #checkDocument(run: DecodedRun): void {
    // What a switch passed over is not looked into: nothing of it takes effect.
    if (this.inForce.passesOver(run)) return;
    if (this.inForce.documents !== undefined)
      this.inForce.documents.check(run, keyTextsOf(this, run, this.#context.origins));
    else if (run.document !== undefined) throw malformed('changes of a document for a table without one');
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
    if (this.held.sequences.get(origin) === 0) this.held.beginLife(origin);
    this.held.marks.note(origin, run.firstSequence, at.position);
    this.held.sessions.note(origin, run.firstSequence + skip, run.session);
    const dictionary = learnRun(this, run, { origin, origins, position: at.position });
    const seen = learnContext(this.held, run, { origin, dictionary });
    const base = at.live && this.reporter.listening ? at.position - skip : undefined;
    const stale = this.inForce.passesOver(run);
    if (!stale) this.times.observeRun(run.stamps?.[end - 1] ?? run.firstStamp, at.live);
    if (!stale || base !== undefined)
      this.#fold.fold(run, { skip, end }, { origin, dictionary, seen, base, stale });
    if (run.document?.copies === true && this.authors.isOwn(origin))
      this.inForce.past.noteCopy(run.origin, run.firstSequence);
    if (this.inForce.orphans.size > 0 && this.authors.isOwn(origin) && !stale)
      for (let index = skip; index < end; index++)
        this.inForce.orphans.done(this.rows.text(dictionary.slot(run.ids[index] as number)));
    this.held.sequences.advance(origin, run.firstSequence + end - 1);
    this.held.overtakings.arrived(origin);
    if (!stale) this.inForce.advance(origin, run.firstSequence + end - 1);
    this.held.noteSeen(origin);
  }

  // Housekeeping -----------------------------------------------------------------------------------------------

  /** Keeps slots as they are numbered until the returned function is called. */
  keepSlots(): () => void {
    this.#slotKeepers++;
    return () => void this.#slotKeepers--;
  }

  /** Forgets removed keys that nothing refers to any more, when they have become many. */
  compact(): void {
    const { rows } = this;
    if (rows.removedCount < this.#compactAt || rows.removedCount < rows.size) return;
    rows.watch?.settle();
    const authors = [...this.authors.all()];
    if (authors.some((author) => author.running) || this.#slotKeepers > 0) return;
    const foreign = [...this.held.dictionaries.values()].filter(
      (dictionary) => !authors.some((author) => author.writesWith(dictionary)),
    );
    const referenced = new Uint8Array(rows.slots);
    for (const author of authors) author.mark(referenced);
    for (const dictionary of foreign) dictionary.mark(referenced);
    if (this.inForce.mode.comparesVersions) markRemembered(this, referenced, this.times.clock.stamp());
    const renumbered = rows.compact(referenced);
    // What had to stay is not looked at again before there is much more of it.
    this.#compactAt = Math.max(REMOVED_KEPT, rows.removedCount * 1.5);
    for (const author of authors) author.renumber(renumbered);
    for (const dictionary of foreign) dictionary.renumber(renumbered);
    this.effects.deadlines?.renumber(renumbered);
  }
}
