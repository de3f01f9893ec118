import { isTablecastError } from '../errors.ts';
import { malformed } from '../log/bytes/bytes.ts';
import { type Epoch, compareEpochs, isWithinReach } from '../log/operations/epoch.ts';
import { CLEAR, DELETE, EXPIRE, INCREMENT, SET, SWITCH } from '../log/operations/operation.ts';
import type { DecodedRun } from '../log/runs/run.ts';
import { VersionVector } from '../log/operations/version-vector.ts';
import type { ConflictMode, TableDocument } from '../modes/conflict-mode.ts';
import type { Key, Schema, Value } from '../schema/index.ts';
import { Change } from './telling/change.ts';
import type { ProjectionContext } from './context.ts';
import type { Deadlines } from './times/deadlines.ts';
import { DocumentFold, documentOwner } from './folding/document-fold.ts';
import { BEGINNING_WEIGHT } from './folding/document-weight.ts';
import { Effects } from './folding/effects.ts';
import { Held } from './held/held.ts';
import { checkRun, keyTextsOf, learnContext, learnRun } from './folding/intake.ts';
import { Authors } from './writing/authors.ts';
import type { LocalAuthor } from './writing/local-author.ts';
import { OwnPast } from './writing/own-past.ts';
import { Reporter } from './telling/reporter.ts';
import { RowFold } from './folding/row-fold.ts';
import { Rows } from './rows/rows.ts';
import { TableTimes } from './times/table-times.ts';
import { markRemembered } from './rows/tombstones.ts';
import { Orphans, firstEpoch, nextEpoch, requireAvailable } from './switching/switching.ts';
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
  /** The switch of mode in force. */
  epoch: Epoch;
  /** In a mode with documents, what the operations go into; undefined in others. */
  documents: DocumentFold | undefined;
  /**
   * Per origin, the highest sequence that took effect under it: what others wrote beyond, under an
   * earlier one, they write again. Undefined before any switch, when everything held took effect.
   */
  #effective: VersionVector | undefined;
  readonly orphans: Orphans = new Orphans();
  /** Is what this node added to counters before the present switch. */
  readonly past: OwnPast = new OwnPast();
  /** Is what had taken effect of each origin when the switch in force was made. */
  epochBase: VersionVector = new VersionVector();
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
    this.epoch = firstEpoch(mode.name);
    this.versions = new Versions(mode, this.rows, {
      origins: context.origins,
      overtakings: this.held.overtakings,
    });
    this.reporter = new Reporter(this.rows, this, context);
    this.effects = new Effects(this, context.origins);
    this.#fold = new RowFold(this);
    this.documents = this.#documentsOf(this.documentFor(this.epoch));
    this.times = new TableTimes(schema.name, this.versions, context.wall);
  }

  #documentsOf(document: TableDocument | undefined): DocumentFold | undefined {
    return document === undefined ? undefined : new DocumentFold(this, this.#context.origins, document);
  }

  /** An empty document for the table as it is after a switch; undefined in a mode without. */
  documentFor(epoch: Epoch): TableDocument | undefined {
    return this.modeOf(epoch.mode).documents?.(
      documentOwner(this, epoch, (text) => this.authors.writes(this.#context.origins.intern(text))),
    );
  }

  get mode(): ConflictMode {
    return this.versions.mode;
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
    if (this.documents?.canAdd(slot, amount, result) !== true) return this.set(slot, result);
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
    if (this.documents?.clearsOneByOne === true) {
      for (const slot of Array.from(this.rows.live())) this.delete(slot);
      return;
    }
    const author = this.authors.main as LocalAuthor;
    const position = author.place();
    if (this.documents !== undefined) author.weigh(this.rows.size);
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
    const { rows, documents } = this;
    const origin = this.#context.origins.at(rows.origin(slot)).text;
    const others = documents?.othersIn(slot) ?? [];
    return [
      { value: rows.value(slot), origin, winner: true },
      ...others.map((other) => ({ ...other, winner: false })),
    ];
  }

  /** Returns whether a run can be applied only after a switch of mode that is not made here yet. */
  isAhead(run: { readonly epoch: Epoch | undefined }): boolean {
    return run.epoch !== undefined && compareEpochs(run.epoch, this.epoch) > 0;
  }

  /** Returns whether a later switch can be believed: what a peer can claim must leave room for those that follow. */
  canFollow(epoch: Pick<Epoch, 'counter'>): boolean {
    return isWithinReach(epoch, { counter: this.epoch.counter, isEmpty: this.held.vector().size === 0 });
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
    requireAvailable(this.modeOf(mode), this.schema.name);
    const author = this.authors.main as LocalAuthor;
    const before = this.epoch;
    const base = this.#base();
    const { text } = this.#context.origins.at(author.origin);
    // The run that the operation opens must be written under the new mode already.
    this.epoch = nextEpoch(this, text, mode);
    let position = 0;
    try {
      position = author.place();
    } catch (error) {
      this.epoch = before;
      throw error;
    }
    const dot = { ...author.remove(SWITCH, -1) };
    this.switchHere(this.epoch, base);
    this.reporter.operation({ ...this.reporter.facts(position, SWITCH, dot), value: mode });
  }

  /** Says whether this node should begin the table's document anew, because its history has become long. */
  get isDocumentDue(): boolean {
    return this.documents !== undefined && this.authors.wrote && this.documents.isDue(this.authors.own);
  }

  /** Returns what took effect of each origin under the present mode, or before the switch to it. */
  effective(): VersionVector {
    const held = this.held.vector();
    if (this.#effective === undefined) return held.copy();
    const effective = this.#effective.copy();
    // Of this node everything took effect, once what a switch passed over is written again.
    if (this.orphans.size === 0)
      for (const { origin } of this.authors.all()) effective.advance(origin, held.get(origin));
    return effective;
  }

  /** Returns what took effect of each origin, without what waits in the document for operations that are not here. */
  #base(): VersionVector {
    const base = this.effective();
    for (const [text, sequence] of this.documents?.document.applied() ?? [])
      base.advance(this.#context.origins.intern(text), sequence);
    for (const [text, sequence] of this.documents?.document.waiting() ?? []) {
      const origin = this.#context.origins.intern(text);
      base.set(origin, Math.min(base.get(origin), sequence - 1));
    }
    return base;
  }

  /** Takes in what took effect elsewhere under the same switch. */
  tookEffect(effective: VersionVector): void {
    this.#effective?.merge(effective);
  }

  /** Makes a switch that this node's own log tells of, with the rows as they are. */
  switchHere(epoch: Epoch, base: VersionVector = this.#base()): void {
    this.enter(epoch, base, { before: this.#standing(base) });
    for (const slot of this.rows.removals()) this.rows.forget(slot);
    this.documents?.begin();
  }

  /**
   * Returns what took effect before a switch: rows may have come with a checkpoint before the operations they
   * are of.
   */
  #standing(base: VersionVector): VersionVector {
    const { rows } = this;
    const standing = base.copy();
    for (const slot of rows.live()) standing.advance(rows.origin(slot), rows.sequence(slot));
    return standing;
  }

  /** Goes over to the mode of a switch, with the rows as they are; `before` is what was written before it. */
  enter(
    epoch: Epoch,
    base: VersionVector,
    {
      before,
      document = this.documentFor(epoch),
    }: { readonly before: VersionVector | undefined; readonly document?: TableDocument | undefined },
  ): void {
    this.epoch = { counter: epoch.counter, origin: epoch.origin, mode: epoch.mode };
    this.past.leave(this);
    this.epochBase = base.copy();
    this.#effective = base;
    this.versions.reset(this.modeOf(epoch.mode), before);
    this.times.restart();
    this.documents = this.#documentsOf(document);
  }

  /** Makes a switch of another node: like {@link enter}, and notes what this node has to write again. */
  switchTo(
    epoch: Epoch,
    base: VersionVector,
    from: { readonly before: VersionVector | undefined; readonly document?: TableDocument | undefined },
  ): void {
    this.orphans.note(this, this.#context.origins, base);
    this.enter(epoch, base, from);
  }

  /** Writes again what a switch passed over of this node's own; while the log takes nothing, it stays to be written. */
  carryOver(): void {
    const author = this.authors.main;
    if (author === undefined || this.orphans.size === 0) return;
    author.beginCopies();
    try {
      this.orphans.carryOver(this);
    } catch (error) {
      if (!isTablecastError(error)) throw error;
    } finally {
      author.endCopies();
    }
  }

  // Batches ------------------------------------------------------------------------------------------------

  beginUndo(): void {
    this.#undo = new Undo(this.rows, this.versions, this.effects.watch);
    this.effects.watch = this.#undo;
    this.documents?.document.beginUndo();
  }

  endUndo(): void {
    this.effects.watch = this.#undo?.also;
    this.#undo = undefined;
    this.documents?.document.endUndo(true);
  }

  /** Puts every row back to where it was at {@link beginUndo}. */
  undo(): void {
    for (const slot of this.#undo?.takeBack() ?? []) this.effects.deadlines?.note(slot);
    this.effects.watch = this.#undo?.also;
    this.#undo = undefined;
    this.documents?.document.endUndo(false);
  }

  // Runs of others, and replay ---------------------------------------------------------------------------

  /** Checks a run from elsewhere, changing nothing; `enters` when its author brings it. Throws `OPERATION_INVALID`, `CLOCK_AHEAD`. */
  check(run: DecodedRun, enters: boolean): void {
    checkRun(this, run, this.#context.origins);
    this.#checkDocument(run);
    if (this.mode.comparesVersions && !this.#precedes(run))
      this.times.check(run.stamps?.[run.count - 1] ?? run.firstStamp, { origin: run.origin, enters });
  }

  #checkDocument(run: DecodedRun): void {
    // What a switch passed over is not looked into: nothing of it takes effect.
    if (this.#precedes(run)) return;
    if (this.documents !== undefined) this.documents.check(run, keyTextsOf(this, run, this.#context.origins));
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
    const stale = this.#precedes(run);
    if (!stale) this.times.observeRun(run.stamps?.[end - 1] ?? run.firstStamp, at.live);
    if (!stale || base !== undefined)
      this.#fold.fold(run, { skip, end }, { origin, dictionary, seen, base, stale });
    if (run.document?.copies === true && this.authors.isOwn(origin))
      this.past.noteCopy(run.origin, run.firstSequence);
    if (this.orphans.size > 0 && this.authors.isOwn(origin) && !stale)
      for (let index = skip; index < end; index++)
        this.orphans.done(this.rows.text(dictionary.slot(run.ids[index] as number)));
    this.held.sequences.advance(origin, run.firstSequence + end - 1);
    this.held.overtakings.arrived(origin);
    if (!stale) this.#effective?.advance(origin, run.firstSequence + end - 1);
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
    if (this.mode.comparesVersions) markRemembered(this, referenced, this.times.clock.stamp());
    const renumbered = rows.compact(referenced);
    // What had to stay is not looked at again before there is much more of it.
    this.#compactAt = Math.max(REMOVED_KEPT, rows.removedCount * 1.5);
    for (const author of authors) author.renumber(renumbered);
    for (const dictionary of foreign) dictionary.renumber(renumbered);
    this.effects.deadlines?.renumber(renumbered);
  }
}
