import { isTablecastError } from '../../errors.ts';
import { type Epoch, compareEpochs, isWithinReach } from '../../log/operations/epoch.ts';
import { SWITCH } from '../../log/operations/operation.ts';
import { VersionVector } from '../../log/operations/version-vector.ts';
import type { ConflictMode, TableDocument } from '../../modes/conflict-mode.ts';
import type { ProjectionContext } from '../context.ts';
import { isDue } from '../folding/document-age.ts';
import { DocumentFold } from '../folding/document-fold.ts';
import { documentOwner } from '../folding/document-owner.ts';
import type { Authors } from '../writing/authors.ts';
import type { LocalAuthor } from '../writing/local-author.ts';
import { OwnPast } from '../writing/own-past.ts';
import { Orphans } from './orphans.ts';
import { type SwitchedTable, firstEpoch, nextEpoch, requireAvailable } from './switching.ts';

/** The table is what goes over to another mode. */
type SwitchingTable = SwitchedTable & {
  readonly authors: Authors;
  /** Another number when rows changed without an operation that is new here. */
  revision: number;
};

/** Says where a table stands after a switch: what was written before it, and in a mode with documents, its document. */
interface Entered {
  readonly before: VersionVector | undefined;
  readonly document?: TableDocument | undefined;
}

/** A run says under which switch it was written. */
interface Written {
  readonly epoch: Epoch | undefined;
}

/** The switch of mode in force: what takes effect under it, and what this node has to write again because of it. */
export class SwitchInForce {
  epoch: Epoch;
  /** Is what had taken effect of each origin when the switch was made. */
  base: VersionVector = new VersionVector();
  /** In a mode with documents, what the operations go into; undefined in others. */
  documents: DocumentFold | undefined;
  readonly orphans: Orphans = new Orphans();
  /** Is what this node added to counters before the switch. */
  readonly past: OwnPast = new OwnPast();
  /**
   * Per origin, the highest sequence that took effect under it: what others wrote beyond, under an
   * earlier one, they write again. Undefined before any switch, when everything held took effect.
   */
  #effective: VersionVector | undefined;
  readonly #table: SwitchingTable;
  readonly #context: ProjectionContext;

  constructor(table: SwitchingTable, mode: ConflictMode, context: ProjectionContext) {
    this.#table = table;
    this.#context = context;
    this.epoch = firstEpoch(mode.name);
    this.documents = this.#documentsOf(this.documentFor(this.epoch));
  }

  get mode(): ConflictMode {
    return this.#table.versions.mode;
  }

  /** A conflict mode by its name. Throws `DECLARATION_INVALID` for one this version does not have. */
  modeOf(mode: Epoch['mode']): ConflictMode {
    return this.#context.modeOf({ name: this.#table.schema.name, mode });
  }

  #documentsOf(document: TableDocument | undefined): DocumentFold | undefined {
    return document === undefined
      ? undefined
      : new DocumentFold(this.#table, this.#context.origins, document);
  }

  /** An empty document for the table as it is after a switch; undefined in a mode without. */
  documentFor(epoch: Epoch): TableDocument | undefined {
    const { authors } = this.#table;
    return this.modeOf(epoch.mode).documents?.(
      documentOwner(this.#table, epoch, (text) => authors.writes(this.#context.origins.intern(text))),
    );
  }

  /** Says whether this node should begin the table's document anew, because its history has become long. */
  get isDocumentDue(): boolean {
    const { authors, rows } = this.#table;
    if (this.documents === undefined || !authors.wrote) return false;
    const author = this.#context.origins.at(authors.own).text;
    return isDue(this.documents.document, { rows: rows.size, author });
  }

  // Where runs and switches stand to it ----------------------------------------------------------------------

  /** Returns whether a run can be applied only after a switch of mode that is not made here yet. */
  isAhead(run: Written): boolean {
    return run.epoch !== undefined && compareEpochs(run.epoch, this.epoch) > 0;
  }

  /** Returns whether a run was written under an earlier switch, so that nothing of it takes effect. */
  passesOver(run: Written): boolean {
    return compareEpochs(run.epoch ?? firstEpoch(this.epoch.mode), this.epoch) < 0;
  }

  /** Returns whether a later switch can be believed: what a peer can claim must leave room for those that follow. */
  canFollow(epoch: Pick<Epoch, 'counter'>): boolean {
    const isEmpty = this.#table.held.vector().size === 0;
    return isWithinReach(epoch, { counter: this.epoch.counter, isEmpty });
  }

  // What took effect -----------------------------------------------------------------------------------------

  /** Returns what took effect of each origin under the present mode, or before the switch to it. */
  effective(): VersionVector {
    const held = this.#table.held.vector();
    if (this.#effective === undefined) return held.copy();
    const effective = this.#effective.copy();
    // Of this node everything took effect, once what a switch passed over is written again.
    if (this.orphans.size === 0)
      for (const { origin } of this.#table.authors.all()) effective.advance(origin, held.get(origin));
    return effective;
  }

  /** Returns what took effect of each origin, without what waits in the document for operations that are not here. */
  #base(): VersionVector {
    const { origins } = this.#context;
    const base = this.effective();
    for (const [text, sequence] of this.documents?.document.switching.applied() ?? [])
      base.advance(origins.intern(text), sequence);
    for (const [text, sequence] of this.documents?.document.switching.waiting() ?? []) {
      const origin = origins.intern(text);
      base.set(origin, Math.min(base.get(origin), sequence - 1));
    }
    return base;
  }

  /** Operations of an origin took effect up to a sequence. */
  advance(origin: number, sequence: number): void {
    this.#effective?.advance(origin, sequence);
  }

  /** Takes in what took effect elsewhere under the same switch. */
  tookEffect(effective: VersionVector): void {
    this.#effective?.merge(effective);
  }

  // Another switch -------------------------------------------------------------------------------------------

  /**
   * Switches the conflict mode for the whole cluster: one operation, whose base is the rows as they
   * are here. Call between runs. Throws `DECLARATION_INVALID` for a mode this version does not have.
   */
  switchMode(mode: Epoch['mode']): void {
    const { schema, authors, reporter } = this.#table;
    requireAvailable(this.modeOf(mode), schema.name);
    this.documents?.waited.finish();
    const author = authors.main as LocalAuthor;
    const before = this.epoch;
    const base = this.#base();
    const { text } = this.#context.origins.at(author.origin);
    // The run that the operation opens must be written under the new mode already.
    this.epoch = nextEpoch(this.#table, text, mode);
    let position = 0;
    try {
      position = author.place();
    } catch (error) {
      this.epoch = before;
      throw error;
    }
    const dot = { ...author.remove(SWITCH, -1) };
    this.switchHere(this.epoch, base);
    reporter.operation({ ...reporter.facts(position, SWITCH, dot), value: mode });
  }

  /** Makes a switch that this node's own log tells of, with the rows as they are. */
  switchHere(epoch: Epoch, base: VersionVector = this.#base()): void {
    this.enter(epoch, base, { before: this.#standing(base) });
    const { rows } = this.#table;
    for (const slot of rows.removals()) rows.forget(slot);
    this.documents?.begin();
  }

  /**
   * Returns what took effect before a switch: rows may have come with a checkpoint before the operations they
   * are of.
   */
  #standing(base: VersionVector): VersionVector {
    const { rows } = this.#table;
    const standing = base.copy();
    for (const slot of rows.live()) standing.advance(rows.origin(slot), rows.sequence(slot));
    return standing;
  }

  /** Goes over to the mode of a switch, with the rows as they are. */
  enter(epoch: Epoch, base: VersionVector, { before, document = this.documentFor(epoch) }: Entered): void {
    const { versions, times } = this.#table;
    this.epoch = { counter: epoch.counter, origin: epoch.origin, mode: epoch.mode };
    this.past.leave(this.#table, this.#context.origins);
    this.base = base.copy();
    this.#effective = base;
    versions.reset(this.modeOf(epoch.mode), before);
    times.restart();
    this.documents = this.#documentsOf(document);
  }

  /** Makes a switch of another node: like {@link enter}, and notes what this node has to write again. */
  switchTo(epoch: Epoch, base: VersionVector, from: Entered): void {
    this.orphans.note(this.#table, this.#context.origins, base);
    this.enter(epoch, base, from);
  }

  /** Writes again what a switch passed over of this node's own; while the log takes nothing, it stays to be written. */
  carryOver(): void {
    const author = this.#table.authors.main;
    if (author === undefined || this.orphans.size === 0) return;
    try {
      author.writeCopies(() =>
        this.orphans.carryOver(this.#table, this.#context.origins, () => author.closeRun()),
      );
    } catch (error) {
      if (!isTablecastError(error)) throw error;
    }
  }
}
