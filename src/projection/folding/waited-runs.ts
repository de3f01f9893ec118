import { SET } from '../../log/operations/operation.ts';
import type { TableDocument, WaitedRoom } from '../../modes/conflict-mode.ts';
import type { Dot } from '../rows/dot.ts';
import type { TableState } from '../table-state.ts';
import type { OperationFacts } from '../telling/change.ts';

/** A run that others may have waited for. */
export interface Letting {
  /** Counts how much of what waited takes effect with it. */
  readonly room: WaitedRoom;
  /** Position of its operation at index 0, were it applied. */
  readonly base: number;
}

/** A document is shown in the rows of its table, key by key. */
interface ShownDocument {
  readonly document: Pick<TableDocument, 'folding'>;
  settleAll(
    texts: Iterable<string>,
    by: Dot,
    on: { readonly facts: OperationFacts | undefined; beginsAnew(text: string): boolean },
  ): void;
}

/**
 * Runs that waited for others, which have come, and found no room beside them: they go on waiting, until they are
 * taken in as they came, frame by frame, so that however many there are, they do not hold up the event loop.
 */
export class WaitedRuns {
  readonly #table: TableState;
  readonly #fold: ShownDocument;
  /** The last operation that let some of them follow, under which their changes are told. */
  #letBy: { readonly position: number; readonly dot: Dot } | undefined;

  constructor(table: TableState, fold: ShownDocument) {
    this.#table = table;
    this.#fold = fold;
  }

  /** Says whether some wait for nothing but {@link next}. */
  get remain(): boolean {
    return this.#fold.document.folding.hasWaited;
  }

  /** A run was folded: what remains is told under its last operation. */
  letBy(position: number, dot: Dot): void {
    if (this.remain) this.#letBy = { position, dot };
  }

  /** Lets the next one take effect; returns what it cost in plain operations, undefined when none remains. */
  next(): number | undefined {
    const { document } = this.#fold;
    const { reporter } = this.#table;
    const waited = this.#letBy && document.folding.next();
    if (waited === undefined || this.#letBy === undefined) return undefined;
    const { position, dot } = this.#letBy;
    this.#fold.settleAll(waited.keys, dot, {
      facts: reporter.listening ? reporter.facts(position, SET, dot) : undefined,
      // Additions all go on with the counter.
      beginsAnew: (text) => !waited.adds(text),
    });
    return waited.units;
  }

  /** Lets all take effect that remain, however long it takes. */
  finish(): void {
    while (this.next() !== undefined);
  }
}
