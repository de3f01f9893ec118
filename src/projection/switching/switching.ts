import { TablecastError } from '../../errors.ts';
import { type Epoch, MAX_MISSED_SWITCHES, MAX_SWITCHES, compareEpochs } from '../../log/operations/epoch.ts';
import { DELETE, SET } from '../../log/operations/operation.ts';
import type { Origins } from '../../log/operations/origin.ts';
import { VersionVector } from '../../log/operations/version-vector.ts';
import type { ConflictMode, TableDocument } from '../../modes/conflict-mode.ts';
import type { Value } from '../../schema/index.ts';
import type { OwnPast } from '../writing/own-past.ts';
import type { LocalWrites } from '../writing/local-writes.ts';
import type { DocumentFold } from '../folding/document-fold.ts';
import type { Effects, Live } from '../folding/effects.ts';
import type { TableState } from '../table-state.ts';
import type { Dot } from '../rows/dot.ts';

const NOTHING = new VersionVector();

/** One row or removal of a checkpoint, in the terms of this node; valid during the call it is passed to. */
export interface CheckpointEntry {
  readonly slot: number;
  readonly removed: boolean;
  readonly value: Value;
  readonly dot: Dot;
  readonly created: number;
}

/** The table is what a switch goes over, and what this node writes again to it. */
export type SwitchedTable = TableState & {
  readonly effects: Effects;
  readonly inForce: {
    readonly documents: DocumentFold | undefined;
    readonly past: OwnPast;
    canFollow(epoch: Pick<Epoch, 'counter'>): boolean;
    switchTo(
      epoch: Epoch,
      base: VersionVector,
      from: { readonly before: VersionVector | undefined; readonly document?: TableDocument | undefined },
    ): void;
  };
  readonly local: LocalWrites;
};

/** Throws `DECLARATION_INVALID` for a mode that needs something which is not here. */
export function requireAvailable(mode: ConflictMode, table: string): void {
  const reason = mode.unavailable?.();
  if (reason === undefined) return;
  throw new TablecastError('DECLARATION_INVALID', `Table ${table}: ${reason}`, {
    hint: 'Every node that declares the table needs it; or choose another mode.',
    details: { table, mode: mode.name },
  });
}

/** Throws `LIMIT_EXCEEDED` for a switch of another node that lies beyond what this one can have missed. */
export function requireWithinReach(projection: SwitchedTable, epoch: Epoch): void {
  if (projection.inForce.canFollow(epoch)) return;
  throw outOfReach(projection, epoch, 'A peer claims');
}

/** Throws `LIMIT_EXCEEDED` when there were as many switches of a table as there may be. */
export function nextEpoch(projection: TableState, origin: string, mode: Epoch['mode']): Epoch {
  const epoch = { counter: projection.inForce.epoch.counter + 1, origin, mode };
  if (epoch.counter <= MAX_SWITCHES) return epoch;
  throw outOfReach(projection, epoch, 'This would be');
}

function outOfReach(
  { schema: { name: table }, inForce: { epoch: known } }: TableState,
  { counter, origin }: Epoch,
  what: string,
): TablecastError {
  return new TablecastError(
    'LIMIT_EXCEEDED',
    `Table ${table}: ${what} switch ${counter} of its mode, made by ${origin}; this node knows of ${known.counter}.`,
    {
      hint: `At most ${MAX_MISSED_SWITCHES} are believed to have been missed. Find out which program the peer runs, and change nothing on its word alone. If the whole cluster says so, begin with an empty directory, and peers fill it.`,
      details: { table, counter, known: known.counter, limit: MAX_MISSED_SWITCHES },
    },
  );
}

/** The epoch of a table that was never switched. */
export function firstEpoch(mode: Epoch['mode']): Epoch {
  return { counter: 0, origin: '', mode };
}

/** Says where a checkpoint stands: positive after a switch this table has not made, negative before one it has. */
export function epochOrder(projection: TableState, epoch: Epoch | undefined): number {
  return compareEpochs(epoch ?? firstEpoch('naive'), projection.inForce.epoch);
}

/**
 * Takes over the state another node switched from: the checkpoint's rows become the table's. What
 * stood here and differs is reported as lost, unless the switching node simply knew later writes, or
 * it is this node's own and will be written again.
 */
export class SwitchAdoption {
  readonly #projection: SwitchedTable;
  readonly #base: VersionVector;
  readonly #held: VersionVector;
  readonly #position: number;
  readonly #named = new Set<number>();
  readonly #gone = new Set<number>();
  readonly #switchedBy: Dot;
  /** Says whether the checkpoint stands for operations that this node lacks, beside the switch: one of them may have removed what it does not name. */
  readonly #lacks: boolean;
  /** In a mode with a document: what stood in slots that changed. It is told in the end, because the document may change them again. */
  readonly #before = new Map<number, { readonly present: boolean; readonly value: Value }>();
  /** Slots that took a row from the checkpoint, and slots whose row went. */
  readonly rows: number[] = [];
  readonly removed: number[] = [];

  constructor(
    projection: SwitchedTable,
    origins: Origins,
    from: {
      readonly epoch: Epoch;
      readonly base: VersionVector;
      /** Is what was written before the switch. */
      readonly before: VersionVector | undefined;
      readonly position: number;
      /** Is the document of a mode that has one, with what the checkpoint says of it. */
      readonly document: TableDocument | undefined;
    },
  ) {
    const { epoch, position, base, before, document } = from;
    this.#projection = projection;
    this.#position = position;
    this.#base = base;
    const author = origins.intern(epoch.origin);
    this.#switchedBy = { origin: author, sequence: Math.max(1, base.get(author)), stamp: 0 };
    const held = projection.held.vector().copy();
    this.#held = held;
    const lacked = ([origin, sequence]: [number, number]): number =>
      sequence - held.get(origin) - (origin === author ? 1 : 0);
    this.#lacks = Array.from(base.entries(), lacked).some((operations) => operations > 0);
    projection.inForce.switchTo(epoch, base, { before, document });
  }

  /** Takes one entry of the checkpoint. */
  take(entry: CheckpointEntry): void {
    const { rows } = this.#projection;
    const { slot, dot } = entry;
    (entry.removed ? this.#gone : this.#named).add(slot);
    const same = rows.origin(slot) === dot.origin && rows.sequence(slot) === dot.sequence;
    if (same && rows.has(slot) === !entry.removed && this.#sameValue(entry)) return this.#date(entry);
    if (entry.removed) this.#remove(slot, dot);
    else this.#put(entry);
  }

  /** A node of 0.2 that switched has lowered times that were ahead, and all go on from what it has. */
  #date({ slot, dot, removed }: CheckpointEntry): void {
    const { rows, effects } = this.#projection;
    if (removed || rows.stamp(slot) === dot.stamp) return;
    rows.put(slot, rows.value(slot), dot);
    effects.deadlines?.note(slot);
    if (this.#told !== undefined) this.rows.push(slot);
  }

  /** The write that went last into a counter says nothing of its sum. */
  #sameValue({ slot, removed, value }: CheckpointEntry): boolean {
    const { rows, schema } = this.#projection;
    return removed || schema.column !== 'integer' || Object.is(rows.value(slot), value);
  }

  #put(entry: CheckpointEntry): void {
    const { slot, dot, value } = entry;
    this.#report(SET, slot, dot, value);
    this.#change(slot);
    this.#projection.effects.adoptRow(slot, entry, this.#told);
    if (this.#told !== undefined) this.rows.push(slot);
  }

  #remove(slot: number, dot: Dot): void {
    if (this.#projection.rows.has(slot)) this.#report(DELETE, slot, dot, undefined);
    this.#change(slot);
    this.#projection.effects.adoptRemoval(slot, dot, this.#told);
    if (this.#told !== undefined) this.removed.push(slot);
  }

  /** Says where the next change is told; undefined when that is done in the end. */
  get #told(): Live | undefined {
    return this.#projection.inForce.documents === undefined ? this.#live() : undefined;
  }

  #change(slot: number): void {
    const { rows } = this.#projection;
    const { documents } = this.#projection.inForce;
    if (documents === undefined || this.#before.has(slot)) return;
    this.#before.set(slot, { present: rows.has(slot), value: rows.value(slot) });
  }

  #live(): Live {
    // What stood here is reported by this class, or not at all: everything held counts as seen.
    return { position: this.#position + this.rows.length + this.removed.length, seen: this.#held };
  }

  #report(kind: number, slot: number, by: Dot, value: Value): void {
    if (!this.#isLost(slot, by)) return;
    const { reporter } = this.#projection;
    const facts = reporter.facts(this.#live().position, kind, by, { slot, value });
    reporter.unseen(slot, facts, { seen: NOTHING });
  }

  /** Returns whether what stands here is neither older than what replaces it nor written again by this node. */
  #isLost(slot: number, by: Dot): boolean {
    const { rows } = this.#projection;
    const sequence = rows.sequence(slot);
    if (sequence === 0) return false;
    const known = sequence <= this.#base.get(rows.origin(slot));
    if (!known) return !this.#projection.authors.isOwn(rows.origin(slot));
    return by === this.#switchedBy ? !this.#lacks : this.#held.get(by.origin) >= by.sequence;
  }

  /** Brings the rows in line with the document of a mode that has one; call when every row is in place. */
  settle(): void {
    const { documents } = this.#projection.inForce;
    if (documents === undefined) return;
    documents.refineRows();
    documents.begin();
    const { put, removed } = documents.differences();
    for (const slot of put) {
      const { value, dot } = documents.standingIn(slot);
      this.#change(slot);
      this.#projection.effects.adoptRow(slot, { value, dot, created: dot.stamp }, undefined);
    }
    for (const slot of removed) this.#remove(slot, this.#switchedBy);
    this.#tell();
  }

  /** Tells of what changed in the order in which the log keeps it: rows, then what went. */
  #tell(): void {
    const { rows, reporter } = this.#projection;
    for (const [slot, { present, value }] of this.#before) {
      if (!rows.has(slot)) continue;
      const on = { slot, value: rows.value(slot) };
      const facts = reporter.facts(this.#live().position, SET, rows.dot(slot), on);
      reporter.effect(present ? 'changed' : 'new', slot, value, facts);
      this.rows.push(slot);
    }
    for (const [slot, { present, value }] of this.#before) {
      if (rows.has(slot)) continue;
      const facts = reporter.facts(this.#live().position, DELETE, rows.dot(slot), { slot, value: undefined });
      if (present) reporter.effect('removed', slot, value, facts);
      else reporter.operation(facts);
      this.removed.push(slot);
    }
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
