import type { EnteredCounter } from '../conflict-mode.ts';
import { MAX_GENERATION } from './genesis.ts';

/** Numbers the counters that are begun under each key, one after the other. */
export class Counters {
  readonly #generations = new Map<string, number>();

  #of(text: string): number {
    return this.#generations.get(text) ?? 0;
  }

  canBegin(text: string): boolean {
    return this.#of(text) < MAX_GENERATION;
  }

  /** Returns the counter that is begun next under a key, which counts from `start`. */
  next(text: string, start: number): EnteredCounter {
    return { text, generation: this.#of(text) + 1, start };
  }

  /** Notes that a counter is begun; returns what takes that back, undefined when a later one was. */
  note(text: string, generation: number): (() => void) | undefined {
    const before = this.#generations.get(text);
    if (before !== undefined && before >= generation) return undefined;
    this.#generations.set(text, generation);
    return () => {
      if (before === undefined) this.#generations.delete(text);
      else this.#generations.set(text, before);
    };
  }
}
