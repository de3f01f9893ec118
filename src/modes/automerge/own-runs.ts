import type { DocumentWriting, EnteredCounter, RunEffects, WrittenRun } from '../conflict-mode.ts';
import { touchedBy, versionsIn } from './carried.ts';
import type { DocumentState } from './document-state.ts';
import { counterBeginning } from './genesis.ts';
import type { Touched } from './history.ts';
import { runName } from './run-name.ts';
import { changesFor } from './writing.ts';

/** Puts the runs of this node into a document. */
export class OwnRuns implements DocumentWriting {
  readonly #state: DocumentState;

  constructor(state: DocumentState) {
    this.#state = state;
  }

  canBegin(text: string): boolean {
    return this.#state.counters.canBegin(text);
  }

  write(effects: RunEffects): WrittenRun {
    const { owner, epoch, registers, history } = this.#state;
    const touched = touchedBy(effects);
    this.#state.enterNear(effects, touched);
    const entered = this.#enterCounters(effects, touched);
    const name = runName(effects, epoch);
    const changes = changesFor(effects, { name, column: owner.column, registers, history });
    for (const change of changes)
      history.take({ change, beginnings: [], effects, versions: versionsIn(change, effects) }, touched);
    const operations = changes.reduce((sum, change) => sum + change.operations.length, 0);
    return { entered, changes: changes.map(({ bytes }) => bytes), operations, others: touched.others };
  }

  /** Begins a counter under each key that is added to and has none. */
  #enterCounters({ keys }: RunEffects, touched: Touched): EnteredCounter[] {
    const { owner, epoch, registers, counters } = this.#state;
    const entered: EnteredCounter[] = [];
    for (const [text, effect] of keys) {
      if (effect.kind !== 'add' || registers.of(text).some(({ counts }) => counts)) continue;
      const counter = counters.next(text, owner.start);
      entered.push(counter);
      this.#state.takeAlone(counterBeginning(counter, epoch), touched);
    }
    return entered;
  }

  beginUndo(): void {
    this.#state.registers.beginUndo();
    this.#state.history.beginUndo();
  }

  endUndo(keep: boolean): void {
    this.#state.registers.endUndo(keep);
    this.#state.history.endUndo(keep);
  }
}
