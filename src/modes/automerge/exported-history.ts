import type { DocumentHistory } from '../conflict-mode.ts';
import type { DocumentState } from './document-state.ts';
import { exportDocument } from './export.ts';
import { actorOf, isBeginning } from './genesis.ts';
import { readingOf } from './reading.ts';

/** Says how much history a document has, and gives it to users as the official library reads it. */
export class ExportedHistory implements DocumentHistory {
  readonly #state: DocumentState;

  constructor(state: DocumentState) {
    this.#state = state;
  }

  get operations(): number {
    return this.#state.history.operations;
  }

  get bytes(): number {
    return this.#state.history.bytes;
  }

  isLargest(origin: string): boolean {
    return this.#state.history.largestActor(isBeginning) === actorOf(origin, this.#state.epoch);
  }

  get heads(): readonly string[] {
    return this.#state.history.heads();
  }

  export(): Uint8Array {
    const { owner, epoch, history, registers, base } = this.#state;
    const untouched = base.untouched();
    const ends = untouched.filter(({ hash }) => !untouched.some(({ deps }) => deps.includes(hash)));
    const reading = readingOf(registers, { epoch, column: owner.column, history });
    const last = reading.at(-1);
    return exportDocument(
      [...history.changes(), ...[...reading, ...untouched].map(({ bytes }) => bytes)],
      [...(last === undefined ? history.heads() : [last.hash]), ...ends.map(({ hash }) => hash)],
      owner.table,
    );
  }
}
