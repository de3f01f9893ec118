import { DELETE, EXPIRE } from '../../log/operations/operation.ts';
import type { DecodedRun } from '../../log/runs/run.ts';
import type { RunEffects } from '../../modes/conflict-mode.ts';
import type { Dot } from '../rows/dot.ts';
import type { TableState } from '../table-state.ts';
import { RowLives } from '../times/row-lives.ts';
import type { FoldedRun } from './document-teller.ts';

/** Remembers the lives of values that rows do not show. */
interface KeepsHidden {
  keepHidden(text: string, value: Pick<Dot, 'origin' | 'sequence'> & { readonly created: number }): void;
}

/** Notes which lives of rows the writes of one run go on with, in a document whose rows expire by creation. */
export class DocumentLives {
  readonly #table: TableState;
  readonly #effects: RunEffects;
  readonly #on: FoldedRun;
  readonly #lives: RowLives;
  /** Slots whose rows the run took away at some point. */
  readonly #removed = new Set<number>();

  readonly #hidden: KeepsHidden;

  constructor(
    table: TableState,
    hidden: KeepsHidden,
    { run, effects, on }: { run: DecodedRun; effects: RunEffects; on: FoldedRun },
  ) {
    this.#table = table;
    this.#hidden = hidden;
    this.#effects = effects;
    this.#on = on;
    this.#lives = new RowLives(table, on);
    for (const [index, kind] of run.kinds?.subarray(0, run.count).entries() ?? [])
      if (kind === DELETE || kind === EXPIRE) this.#removed.add(on.dictionary.slot(run.ids[index] as number));
  }

  /** Returns whether what the run puts into a slot that has a row begins a life. Concurrent additions all go on with the counter. */
  beginsAnew(slot: number, by: Dot): boolean {
    const kind = this.#effects.keys.get(this.#table.rows.text(slot))?.kind;
    if (kind === 'add') return false;
    // A write that stood beside what was removed, or waited, has a life of its own.
    if (by.origin !== this.#on.origin || kind !== 'put') return true;
    return this.#effects.cleared || this.#removed.has(slot) || this.#lives.beginsAnew(slot);
  }

  /** Lets what the run wrote stand beside what a row shows. Call behind the run. */
  noteHidden(): void {
    const { rows } = this.#table;
    const { origin } = this.#on;
    for (const [text, { kind, sequence, stamp }] of this.#effects.keys) {
      const slot = kind === 'put' ? rows.known(text) : undefined;
      if (slot === undefined || !rows.has(slot) || rows.origin(slot) === origin) continue;
      const dot = { origin, sequence, stamp };
      const created = this.beginsAnew(slot, dot) ? stamp : rows.expiryBase(slot);
      this.#hidden.keepHidden(text, { ...dot, created });
    }
  }

  /** Lets who took a row away, and not what stands, write the key anew without having seen that. Call behind the run. */
  noteMissed(): void {
    const { rows } = this.#table;
    const slots = this.#effects.cleared ? Array.from(rows.live()) : this.#removed;
    for (const slot of slots) {
      if (!rows.has(slot) || rows.origin(slot) === this.#on.origin) continue;
      rows.beginnings?.forgetFirst(slot, rows.dot(slot));
    }
  }
}
