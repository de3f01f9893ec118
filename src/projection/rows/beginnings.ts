import type { VersionVector } from '../../log/operations/version-vector.ts';
import type { Dot } from './dot.ts';

/**
 * With what the present life of each row began, in tables whose rows expire by creation: the time, and a write
 * by which it is known. That is the first write of the row, as far as it is remembered.
 */
export class Beginnings {
  #times: Float64Array;
  #origins: Int32Array;
  #sequences: Float64Array;

  constructor(capacity: number) {
    this.#times = new Float64Array(capacity);
    this.#origins = new Int32Array(capacity);
    this.#sequences = new Float64Array(capacity);
  }

  /** Stamp of the write with which a row's life began. */
  time(slot: number): number {
    return this.#times[slot] as number;
  }

  /** Returns whether an author that had seen `seen` knew of a row's life. */
  isKnown(slot: number, to: { readonly origin: number; readonly seen: VersionVector }): boolean {
    const origin = this.#origins[slot] as number;
    return origin === to.origin || to.seen.get(origin) >= (this.#sequences[slot] as number);
  }

  /** A row's life is known by a write, and began with it unless another time is given. */
  set(slot: number, { origin, sequence, stamp }: Dot, time: number = stamp): void {
    this.#times[slot] = time;
    this.#origins[slot] = origin;
    this.#sequences[slot] = sequence;
  }

  /** Takes over what other rows have in a slot. */
  copy(from: Beginnings, slot: number, to: number = slot): void {
    this.#times[to] = from.#times[slot] as number;
    this.#origins[to] = from.#origins[slot] as number;
    this.#sequences[to] = from.#sequences[slot] as number;
  }

  resize(capacity: number): void {
    const [times, origins, sequences] = [this.#times, this.#origins, this.#sequences];
    this.#times = new Float64Array(capacity);
    this.#origins = new Int32Array(capacity);
    this.#sequences = new Float64Array(capacity);
    this.#times.set(times);
    this.#origins.set(origins);
    this.#sequences.set(sequences);
  }
}
