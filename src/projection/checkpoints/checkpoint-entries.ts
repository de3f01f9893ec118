import type { Cell } from '../../schema/schema.ts';
import type { Origins } from '../../log/operations/origin.ts';
import type { Schema, Value } from '../../schema/index.ts';
import { MovingEntry } from '../switching/moving-entry.ts';
import type { CheckpointRows } from './checkpoint-format.ts';

/** The entries of a checkpoint by their number, across its parts, in the terms of this node. */
export class CheckpointEntries {
  /** Counts them. */
  readonly count: number;
  readonly #parts: readonly CheckpointRows[];
  readonly #schema: Schema;
  /** Per part, the numbers of its origins, and the number of its first entry; then how many there are. */
  readonly #origins: readonly (readonly number[])[];
  readonly #firsts: readonly number[];
  readonly #entry = new MovingEntry();
  #part = 0;

  constructor(parts: readonly CheckpointRows[], schema: Schema, origins: Origins) {
    this.#parts = parts;
    this.#schema = schema;
    this.#origins = parts.map((part) => part.origins.map((text) => origins.intern(text)));
    let count = 0;
    this.#firsts = [0, ...parts.map((part) => (count += part.texts.length))];
    this.count = count;
  }

  /** The numbers of a part's origins, and that of its first entry. */
  placeOf(part: number): { readonly origins: readonly number[]; readonly first: number } {
    return { origins: this.#origins[part] as readonly number[], first: this.#firsts[part] as number };
  }

  /** Valid until the next call. */
  at(index: number): MovingEntry {
    const firsts = this.#firsts;
    if (index < (firsts[this.#part] as number)) this.#part = 0;
    while (index >= (firsts[this.#part + 1] as number)) this.#part++;
    const part = this.#parts[this.#part] as CheckpointRows;
    const at = index - (firsts[this.#part] as number);
    const entry = this.#entry;
    entry.removed = part.removed;
    entry.value = this.#valueAt(part, at);
    entry.dot.origin = (this.#origins[this.#part] as readonly number[])[
      part.originOf[at] as number
    ] as number;
    entry.dot.sequence = part.sequences[at] as number;
    entry.dot.stamp = part.stamps[at] as number;
    entry.created = part.created[at] as number;
    return entry;
  }

  #valueAt(part: CheckpointRows, at: number): Value {
    if (part.removed || this.#schema.isSet) return undefined;
    return part.values === undefined ? this.#schema.fromColumn(part.cells[at] as Cell) : part.values[at];
  }
}
