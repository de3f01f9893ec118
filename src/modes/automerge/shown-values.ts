import type { DocumentReading, Standing, Version } from '../conflict-mode.ts';
import type { DocumentState } from './document-state.ts';

/** Shows what stands in a document, as its table shows it. */
export class ShownValues implements DocumentReading {
  readonly #state: DocumentState;

  constructor(state: DocumentState) {
    this.#state = state;
  }

  standing(text: string): Standing | undefined {
    return this.#state.registers.shown(text);
  }

  values(text: string): readonly Standing[] {
    return this.#state.registers.allShown(text);
  }

  covers(text: string): boolean {
    return this.#state.base.beside(text) === undefined;
  }

  keys(): Iterable<string> {
    return this.#state.registers.keys();
  }

  refine(text: string, version: Version): void {
    this.#state.refine(text, version);
  }
}
