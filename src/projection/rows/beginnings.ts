import type { VersionVector } from '../../log/operations/version-vector.ts';
import type { Dot } from './dot.ts';

/** A knower is the author of a run, and what it had seen of others. */
export interface Knower {
  readonly origin: number;
  readonly seen: VersionVector;
}

/** Returns whether an author had seen an operation, or wrote it. */
export function hasSeen({ origin, seen }: Knower, dot: Pick<Dot, 'origin' | 'sequence'>): boolean {
  return origin === dot.origin || seen.get(dot.origin) >= dot.sequence;
}

/**
 * With what the present life of each row began, in tables whose rows expire by creation: the time, and a write
 * by which it is known. That is the first write of the row, as far as it is remembered. Who had seen a removal
 * that missed the row may have lost it, and knows of no life.
 */
export class Beginnings {
  #times: Float64Array;
  #origins: Int32Array;
  #sequences: Float64Array;
  readonly #missed = new Map<number, Dot>();

  constructor(capacity: number) {
    this.#times = new Float64Array(capacity);
    this.#origins = new Int32Array(capacity);
    this.#sequences = new Float64Array(capacity);
  }

  /** Stamp of the write with which a row's life began. */
  time(slot: number): number {
    return this.#times[slot] as number;
  }

  /** Returns whether an author knew of a row's life. */
  isKnown(slot: number, to: Knower): boolean {
    const missed = this.missed(slot);
    if (missed !== undefined && hasSeen(to, missed)) return false;
    const origin = this.#origins[slot] as number;
    return origin === to.origin || to.seen.get(origin) >= (this.#sequences[slot] as number);
  }

  /** The latest removal that missed a slot's row. */
  missed(slot: number): Dot | undefined {
    return this.#missed.size === 0 ? undefined : this.#missed.get(slot);
  }

  /** A row's life is known by a write, and began with it unless another time is given. */
  set(slot: number, { origin, sequence, stamp }: Dot, time: number = stamp): void {
    this.#times[slot] = time;
    this.#origins[slot] = origin;
    this.#sequences[slot] = sequence;
    this.#missed.delete(slot);
  }

  /** A row's life is known from a write on only; it began when it did. */
  forgetFirst(slot: number, write: Dot): void {
    this.set(slot, write, this.time(slot));
  }

  /** A removal missed a slot's row: it came before the row, or was of another one. */
  miss(slot: number, removal: Dot): void {
    this.#missed.set(slot, { ...removal });
  }

  /** Takes over what other rows have in a slot. */
  copy(from: Beginnings, slot: number, to: number = slot): void {
    this.#times[to] = from.#times[slot] as number;
    this.#origins[to] = from.#origins[slot] as number;
    this.#sequences[to] = from.#sequences[slot] as number;
    const missed = from.missed(slot);
    if (missed === undefined) this.#missed.delete(to);
    else this.#missed.set(to, missed);
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
