import { malformed } from '../../log/bytes/bytes.ts';
import type { Epoch } from '../../log/operations/epoch.ts';
import { CLEAR, SET, SWITCH, TOUCH } from '../../log/operations/operation.ts';
import type { Origins } from '../../log/operations/origin.ts';
import type { Dictionary } from '../../log/runs/dictionary.ts';
import type { DecodedRun } from '../../log/runs/run.ts';
import type { ReadyRun } from './document-fold.ts';
import type { ReceivedRun } from './received-run.ts';
import type { WaitedRoom } from '../../modes/conflict-mode.ts';
import { checkContent, checkRun, keyTextsOf, learnContext, learnRun } from './intake.ts';
import { type FoldedTable, RowFold } from './row-fold.ts';

/** The table is what runs are folded into, under a switch that some of them may not know of. */
type TakingTable = FoldedTable & {
  readonly inForce: {
    /** Is what this node wrote that a switch passed over, and what it wrote again. */
    readonly orphans: { readonly size: number; done(text: string, kind: number): boolean };
    readonly past: { noteCopy(origin: string, sequence: number): void };
    passesOver(run: { readonly epoch: Epoch | undefined }): boolean;
    advance(origin: number, sequence: number): void;
  };
};

/** A run may have been looked at before it is its turn; this is what came of that. */
type KnownOfRun = Partial<Pick<ReceivedRun, 'fits' | 'ready'>>;

/** Says where in the log operations are folded, how many of their run, and for whom. */
interface FoldPlace {
  readonly position: number;
  readonly live: boolean;
  readonly end?: number | undefined;
  readonly room?: WaitedRoom | undefined;
}

/** Runs of others, and of this node's own log (INV-3): each is checked whole (INV-5), then folded. */
export class FoldOfOthers {
  readonly #table: TakingTable;
  readonly #origins: Origins;
  readonly #rows: RowFold;

  constructor(table: TakingTable, origins: Origins) {
    this.#table = table;
    this.#origins = origins;
    this.#rows = new RowFold(table);
  }

  /**
   * Checks a run from elsewhere, changing nothing; `enters` when its author brings it, `known` says what was found
   * out about it before. Throws `OPERATION_INVALID`, `CLOCK_AHEAD`.
   */
  check(run: DecodedRun, enters: boolean, known: KnownOfRun = {}): void {
    const { inForce, times, schema } = this.#table;
    checkRun(this.#table, run, this.#origins);
    if (known.fits !== schema) checkContent(schema, run);
    this.#checkDocument(run, known.ready);
    if (inForce.mode.comparesVersions && !inForce.passesOver(run))
      times.check(run.stamps?.[run.count - 1] ?? run.firstStamp, { origin: run.origin, enters });
  }

  #checkDocument(run: DecodedRun, ready: ReadyRun | undefined): void {
    const { inForce } = this.#table;
    // What a switch passed over is not looked into: nothing of it takes effect.
    if (inForce.passesOver(run)) return;
    if (inForce.documents !== undefined)
      inForce.documents.check(run, keyTextsOf(this.#table, run, this.#origins), ready);
    else if (run.document !== undefined) throw malformed('changes of a document for a table without one');
  }

  /**
   * Folds the operations of a checked run from index `skip` up to `end` (by default all) into the
   * rows. `position` is that of the first operation applied; unless `live`, nobody is told. With a `room`, what waited
   * for the run and finds none goes on waiting.
   */
  apply(run: DecodedRun, skip: number, at: FoldPlace): void {
    const { held, inForce, reporter, times } = this.#table;
    const origins = this.#origins;
    const origin = origins.intern(run.origin);
    const end = at.end ?? run.count;
    if (held.sequences.get(origin) === 0) held.beginLife(origin);
    held.marks.note(origin, run.firstSequence, at.position);
    held.sessions.note(origin, run.firstSequence + skip, run.session);
    const dictionary = learnRun(this.#table, run, { origin, origins, position: at.position });
    const seen = learnContext(held, run, { origin, dictionary });
    const base = at.live && reporter.listening ? at.position - skip : undefined;
    const letting = at.room && { room: at.room, base: at.position - skip };
    const stale = inForce.passesOver(run);
    if (!stale) times.observeRun(run.stamps?.[end - 1] ?? run.firstStamp, at.live);
    if (!stale || base !== undefined || run.kinds?.includes(TOUCH) === true)
      this.#rows.fold(run, { skip, end }, { origin, dictionary, seen, base, stale, letting });
    if (this.#table.authors.isOwn(origin)) this.#noteOwn(run, { skip, end, dictionary, stale });
    held.sequences.advance(origin, run.firstSequence + end - 1);
    held.overtakings.arrived(origin);
    if (!stale) inForce.advance(origin, run.firstSequence + end - 1);
    held.noteSeen(origin);
  }

  /** Notes what this node wrote: what stands in its log need not be written again. */
  #noteOwn(
    run: DecodedRun,
    of: {
      readonly skip: number;
      readonly end: number;
      readonly dictionary: Dictionary;
      readonly stale: boolean;
    },
  ): void {
    const { orphans, past } = this.#table.inForce;
    if (run.document?.copies === true) past.noteCopy(run.origin, run.firstSequence);
    if (orphans.size === 0 || of.stale) return;
    const { rows } = this.#table;
    for (let index = of.skip; index < of.end; index++) {
      const kind = run.kinds?.[index] ?? SET;
      if (kind === CLEAR || kind === SWITCH || kind === TOUCH) continue;
      const isCopy = orphans.done(rows.text(of.dictionary.slot(run.ids[index] as number)), kind);
      if (isCopy && run.document === undefined) past.noteCopy(run.origin, run.firstSequence + index);
    }
  }
}
