import type { BaseRow, DocumentSwitching, OwnEffect } from '../conflict-mode.ts';
import { standingEffect } from './carry-over.ts';
import type { DocumentState } from './document-state.ts';
import { beginsPart, isBeginning, originOf } from './genesis.ts';
import { roughVersion } from './run-name.ts';

/** Begins a document with the rows of one switch of mode, and says what the next has to carry over. */
export class BetweenSwitches implements DocumentSwitching {
  readonly #state: DocumentState;

  constructor(state: DocumentState) {
    this.#state = state;
  }

  begin(rows: Iterable<BaseRow>): void {
    this.#state.base.begin(rows);
  }

  waiting(): ReadonlyMap<string, number> {
    const first = new Map<string, number>();
    for (const { change } of this.#state.history.waiting()) {
      const { origin, sequence } = roughVersion(change);
      first.set(origin, Math.min(sequence, first.get(origin) ?? Infinity));
    }
    return first;
  }

  applied(): ReadonlyMap<string, number> {
    const latest = new Map<string, number>();
    for (const [actor, { message }] of this.#state.history.latest) {
      if (isBeginning({ actor })) continue;
      const { origin, sequence } = roughVersion({ actor, message });
      latest.set(origin, sequence);
    }
    return latest;
  }

  effectsOf(isOwn: (origin: string) => boolean): OwnEffect[] {
    const { history, registers, owner } = this.#state;
    const changes = history.read(({ actor }) => {
      const origin = originOf(actor);
      return origin !== undefined && isOwn(origin);
    });
    return changes.flatMap((change) => {
      const { origin, sequence } = roughVersion(change);
      const on = { registers, column: owner.column, origin, sequence };
      return change.operations.flatMap((_, index) => standingEffect(change, index, on) ?? []);
    });
  }

  hasBase(text: string): boolean {
    const { base, registers } = this.#state;
    const waiting = base.beside(text);
    if (waiting !== undefined) return waiting.some((row) => row.text === text);
    return registers.of(text).some((entry) => beginsPart(entry) !== undefined);
  }
}
