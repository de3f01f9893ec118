import type { Origins } from '../../log/operations/origin.ts';
import type { VersionVector } from '../../log/operations/version-vector.ts';
import type { ConflictMode, Version } from '../../modes/conflict-mode.ts';
import type { Dot } from './dot.ts';
import type { Overtakings } from '../held/overtakings.ts';
import type { Rows } from './rows.ts';

/** Most expired writes remembered before the writes themselves arrive; beyond it the oldest are forgotten. */
export const MAX_EXPIRED_AHEAD = 65_536;

/** A write whose expiry is known and which itself is not. */
export interface ExpiredAhead {
  readonly text: string;
  readonly origin: number;
  readonly sequence: number;
}

/**
 * The versions are what must be known beside the rows: writes whose expiry arrived before them and, in modes
 * that compare versions, the latest `clear`, which also beats older writes that arrive after it.
 */
export class Versions {
  readonly #rows: Rows;
  readonly #origins: Origins;
  readonly #overtakings: Overtakings;
  readonly #ahead = new Map<string, ExpiredAhead>();
  // Used for each comparison anew, so that none allocates.
  readonly #incoming: Version = { stamp: 0, origin: '', sequence: 0 };
  readonly #present: Version = { stamp: 0, origin: '', sequence: 0 };
  mode: ConflictMode;
  /**
   * Is what was written before the switch of mode in force: beaten by everything since, whatever its times
   * say. Undefined before any switch, in modes that do not compare, and where the switch was heard of from a
   * node of 0.2, which does not say it.
   */
  before: VersionVector | undefined;
  /** The latest `clear`; undefined while there was none, and in modes that do not compare. */
  cleared: Dot | undefined;
  /** The `clear` that arrived last: what took away a key that has no row and was never written here. */
  latestClear: Dot | undefined;

  constructor(mode: ConflictMode, rows: Rows, of: { origins: Origins; overtakings: Overtakings }) {
    this.mode = mode;
    this.#overtakings = of.overtakings;
    this.#rows = rows;
    this.#origins = of.origins;
  }

  /** Returns whether a version takes effect on what a slot holds. */
  accepts(slot: number, dot: Dot): boolean {
    if (!this.mode.comparesVersions) return !this.#isOvertaken(slot, dot);
    if (this.beatenByClear(dot)) return false;
    const rows = this.#rows;
    if (rows.sequence(slot) === 0) return true;
    const origin = rows.origin(slot);
    const sequence = rows.sequence(slot);
    if (this.before !== undefined) {
      const isOld = this.before.get(origin) >= sequence;
      if (isOld !== this.isBefore(dot)) return isOld;
    }
    const present = this.#present;
    present.stamp = rows.stamp(slot);
    present.origin = this.#origins.at(origin).text;
    present.sequence = sequence;
    return this.mode.supersedes(this.#fill(dot), present);
  }

  /** Returns whether what stands in a slot, or removed its row, is here already and had been written by somebody who had seen this. */
  #isOvertaken(slot: number, dot: Dot): boolean {
    if (!this.#overtakings.concerns(dot.origin)) return false;
    const rows = this.#rows;
    const { latestClear } = this;
    if (!rows.has(slot) && latestClear !== undefined && this.#overtakings.hasSeen(latestClear, dot))
      return true;
    return rows.sequence(slot) > 0 && this.#overtakings.hasSeen(rows.dot(slot), dot);
  }

  /** Returns what took away the row of a slot, or keeps it from one that comes late. */
  removals(slot: number): readonly (Dot | undefined)[] {
    return [this.#rows.sequence(slot) > 0 ? this.#rows.dot(slot) : undefined, this.latestClear];
  }

  /** Returns whether something was written before the switch of mode in force, so that its time decides nothing. */
  isBefore({ origin, sequence }: Pick<Dot, 'origin' | 'sequence'>): boolean {
    return this.before !== undefined && this.before.get(origin) >= sequence;
  }

  /** Returns what a version that was not accepted lost to: the slot's latest write or removal, or a later `clear`. */
  standing(slot: number): Dot {
    const rows = this.#rows;
    const dot = rows.dot(slot);
    const { cleared } = this;
    if (cleared === undefined || (dot.sequence > 0 && this.#supersedes(dot, cleared))) return dot;
    return cleared;
  }

  /** Returns whether a version and everything before it loses to the latest `clear`. */
  beatenByClear(dot: Dot): boolean {
    return this.cleared !== undefined && !this.#supersedes(dot, this.cleared);
  }

  /** Notes a `clear`; rows it takes away are the caller's business. */
  noteCleared(dot: Dot): void {
    this.latestClear = { ...dot };
    if (!this.mode.comparesVersions) return;
    if (this.cleared === undefined || this.#supersedes(dot, this.cleared)) this.cleared = { ...dot };
  }

  #supersedes(dot: Dot, other: Dot): boolean {
    const isOld = this.isBefore(other);
    if (isOld !== this.isBefore(dot)) return isOld;
    const present = this.#present;
    present.stamp = other.stamp;
    present.origin = this.#origins.at(other.origin).text;
    present.sequence = other.sequence;
    return this.mode.supersedes(this.#fill(dot), present);
  }

  #fill(dot: Dot): Version {
    const incoming = this.#incoming;
    incoming.stamp = dot.stamp;
    incoming.origin = this.#origins.at(dot.origin).text;
    incoming.sequence = dot.sequence;
    return incoming;
  }

  // Expiry that overtook its write ------------------------------------------------------------------

  /** Remembers that a write not held yet has expired. */
  expireAhead(write: ExpiredAhead): void {
    if (this.#ahead.size >= MAX_EXPIRED_AHEAD) this.#ahead.delete(this.#ahead.keys().next().value as string);
    this.#ahead.set(`${write.origin}:${write.sequence}`, write);
  }

  /** Returns whether a write that arrives now has expired before; asked once. */
  takeExpired(dot: Dot): boolean {
    return this.#ahead.size > 0 && this.#ahead.delete(`${dot.origin}:${dot.sequence}`);
  }

  /** Expired writes that are still to come. */
  *expiredAhead(held: VersionVector): Generator<ExpiredAhead, void, undefined> {
    for (const [name, write] of this.#ahead) {
      if (held.get(write.origin) >= write.sequence) this.#ahead.delete(name);
      else yield write;
    }
  }

  /** Goes over to another mode and forgets what only mattered before. */
  reset(mode: ConflictMode, before: VersionVector | undefined): void {
    this.mode = mode;
    this.before = mode.comparesVersions ? before : undefined;
    this.cleared = undefined;
    this.latestClear = undefined;
    this.#ahead.clear();
  }
}
