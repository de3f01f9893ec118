import { type Epoch, compareEpochs } from '../log/epoch.ts';
import { DELETE, SET } from '../log/operation.ts';
import type { Origins } from '../log/origin.ts';
import { VersionVector } from '../log/version-vector.ts';
import type { Value } from '../schema/index.ts';
import type { Projection } from './projection.ts';
import type { Dot } from './rows.ts';

const NOTHING = new VersionVector();

/** One row or removal of a checkpoint, in the terms of this node; valid during the call it is passed to. */
export interface CheckpointEntry {
  readonly slot: number;
  readonly removed: boolean;
  readonly value: Value;
  readonly dot: Dot;
  readonly created: number;
}

/** The epoch of a table that was never switched. */
export function firstEpoch(mode: Epoch['mode']): Epoch {
  return { counter: 0, origin: '', mode };
}

/** Where a checkpoint stands: positive after a switch this table has not made, negative before one it has. */
export function epochOrder(projection: Projection, epoch: Epoch | undefined): number {
  return compareEpochs(epoch ?? firstEpoch('naive'), projection.epoch);
}

/** A row or removal of this node's own that a switch passed over. */
interface Orphan {
  readonly value: Value;
  readonly present: boolean;
  /** What this node held then. */
  readonly held: VersionVector;
}

/**
 * This node's writes that a switch of mode made by another node did not know of. Their author writes
 * them again under the new mode; until that stands in the log, a restart finds them by replay.
 */
export class Orphans {
  readonly #found = new Map<string, Orphan>();

  /** Notes what this node wrote beyond `base` and what still stands; call before the table changes. */
  note(projection: Projection, base: VersionVector): void {
    // What an earlier switch passed over and could not be written again yet stays to be written.
    const { rows } = projection;
    const held = projection.vector().copy();
    const mine = (slot: number): boolean =>
      projection.isOwn(rows.origin(slot)) && rows.sequence(slot) > base.get(rows.origin(slot));
    for (const slot of rows.live())
      if (mine(slot)) this.#found.set(rows.text(slot), { value: rows.value(slot), present: true, held });
    for (const slot of rows.removals())
      if (mine(slot)) this.#found.set(rows.text(slot), { value: undefined, present: false, held });
  }

  /** An operation of this node on a key stands in the log: what was noted of it is done. */
  done(text: string): void {
    this.#found.delete(text);
  }

  get size(): number {
    return this.#found.size;
  }

  /** Writes them again. */
  carryOver(projection: Projection): void {
    for (const [text, { value, present, held }] of this.#found) {
      const slot = projection.rows.slotOf(text);
      const { rows } = projection;
      // What this node has written since is newer.
      const since = rows.has(slot) && projection.isOwn(rows.origin(slot));
      if (!since && present) projection.set(slot, value);
      // A row that was not known here is not what was removed.
      else if (!since && rows.has(slot) && held.get(rows.origin(slot)) >= rows.sequence(slot))
        projection.delete(slot);
      this.#found.delete(text);
    }
  }
}

/**
 * Takes over the state another node switched from: the checkpoint's rows become the table's. What
 * stood here and differs is reported as lost, unless the switching node simply knew later writes, or
 * it is this node's own and will be written again.
 */
export class SwitchAdoption {
  readonly #projection: Projection;
  readonly #base: VersionVector;
  readonly #held: VersionVector;
  readonly #position: number;
  readonly #named = new Set<number>();
  readonly #gone = new Set<number>();
  readonly #switchedBy: Dot;
  /** Slots that took a row from the checkpoint, and slots whose row went. */
  readonly rows: number[] = [];
  readonly removed: number[] = [];

  constructor(
    projection: Projection,
    origins: Origins,
    from: { readonly epoch: Epoch; readonly base: VersionVector; readonly position: number },
  ) {
    const { epoch, position, base } = from;
    this.#projection = projection;
    this.#position = position;
    this.#base = base;
    const author = origins.intern(epoch.origin);
    this.#switchedBy = { origin: author, sequence: Math.max(1, base.get(author)), stamp: 0 };
    this.#held = projection.vector().copy();
    projection.switchTo(epoch, base);
  }

  /** Takes one entry of the checkpoint. */
  take(entry: CheckpointEntry): void {
    const { rows } = this.#projection;
    const { slot, dot } = entry;
    (entry.removed ? this.#gone : this.#named).add(slot);
    const same = rows.origin(slot) === dot.origin && rows.sequence(slot) === dot.sequence;
    if (same && rows.has(slot) === !entry.removed) return;
    if (entry.removed) this.#remove(slot, dot);
    else this.#put(entry);
  }

  #put(entry: CheckpointEntry): void {
    const { slot, dot, value } = entry;
    this.#report(SET, slot, dot, value);
    this.#projection.effects.adoptRow(slot, entry, this.#live());
    this.rows.push(slot);
  }

  #remove(slot: number, dot: Dot): void {
    const present = this.#projection.rows.has(slot);
    if (present) this.#report(DELETE, slot, dot, undefined);
    this.#projection.effects.adoptRemoval(slot, dot, present ? this.#live() : undefined);
    this.removed.push(slot);
  }

  #live(): { position: number; seen: VersionVector } {
    // What stood here is reported by this class, or not at all: everything held counts as seen.
    return { position: this.#position + this.rows.length + this.removed.length, seen: this.#held };
  }

  #report(kind: number, slot: number, by: Dot, value: Value): void {
    if (!this.#isLost(slot, by)) return;
    const { reporter } = this.#projection;
    const facts = reporter.facts(this.#live().position, kind, by, { slot, value });
    reporter.unseen(slot, facts, { seen: NOTHING });
  }

  /** Whether what stands here is neither older than what replaces it nor written again by this node. */
  #isLost(slot: number, by: Dot): boolean {
    const { rows } = this.#projection;
    const sequence = rows.sequence(slot);
    if (sequence === 0) return false;
    const known = sequence <= this.#base.get(rows.origin(slot));
    if (!known) return !this.#projection.isOwn(rows.origin(slot));
    return this.#held.get(by.origin) >= by.sequence || by === this.#switchedBy;
  }

  /** Removes the rows that the checkpoint does not have. */
  finish(): void {
    const { rows } = this.#projection;
    for (const slot of rows.live()) {
      if (this.#named.has(slot)) continue;
      this.#gone.add(slot);
      this.#remove(slot, this.#switchedBy);
    }
    // What was removed before the switch must not beat what is written after it.
    for (const slot of rows.removals()) if (!this.#gone.has(slot)) rows.forget(slot);
  }
}
