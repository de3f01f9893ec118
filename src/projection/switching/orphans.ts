import type { Cell } from '../../schema/schema.ts';
import { DELETE } from '../../log/operations/operation.ts';
import type { Origins } from '../../log/operations/origin.ts';
import type { VersionVector } from '../../log/operations/version-vector.ts';
import type { OwnEffect } from '../../modes/conflict-mode.ts';
import { type CarriedEffect, addedTo, together } from '../writing/own-past.ts';
import type { Dot } from '../rows/dot.ts';
import type { SwitchedTable } from './switching.ts';

/** An orphan is what this node did to a key that a switch passed over. */
interface Orphan extends CarriedEffect {
  /** Is what this node held then. */
  readonly held: VersionVector;
  /** Is what stood under the key then: no removal of this node took that away. */
  readonly beside: Pick<Dot, 'origin' | 'sequence'> | undefined;
}

/** A name is what tells one operation, or the run it begins, from all others. */
type Name = Pick<OwnEffect, 'origin' | 'sequence'>;

/** Holds what one switch passes over of a table that does not know of it yet. */
class Passing {
  readonly table: SwitchedTable;
  readonly #origins: Origins;
  readonly #base: VersionVector;
  /** Says that numbers add up. Of anything else only what stands now counts: what was written before may be replaced. */
  readonly adds: boolean;
  /** Gives what this node did to the document and was not done again for another switch. */
  readonly fresh: OwnEffect[];
  readonly since: ReadonlyMap<string, CarriedEffect>;
  /** The same of what it did before the present switch. */
  readonly before: ReadonlyMap<string, CarriedEffect>;
  readonly #copied: ReadonlySet<string>;

  constructor(table: SwitchedTable, origins: Origins, base: VersionVector) {
    this.table = table;
    this.#origins = origins;
    this.#base = base;
    this.adds = table.schema.column === 'integer';
    const own = table.inForce.documents?.effectsOfOwn() ?? [];
    this.#copied = new Set(own.filter((effect) => this.#isCopy(effect)).map(({ text }) => text));
    this.fresh = own.filter(
      (effect) => !this.#isCopy(effect) && effect.sequence > base.get(origins.intern(effect.origin)),
    );
    this.since = together(this.fresh);
    this.before = table.inForce.past.beyond(origins, base);
  }

  #isCopy(name: Name): boolean {
    return this.adds && this.table.inForce.past.isCopy(name);
  }

  #nameOf(slot: number): Name {
    const { rows } = this.table;
    return { origin: this.#origins.at(rows.origin(slot)).text, sequence: rows.sequence(slot) };
  }

  /** Returns whether what a row shows is this node's own and passed over. */
  isBeyond(slot: number): boolean {
    const { rows, authors } = this.table;
    return authors.isOwn(rows.origin(slot)) && rows.sequence(slot) > this.#base.get(rows.origin(slot));
  }

  /** Returns whether what stands under a key was there before the present switch, added to or not. */
  isOld(text: string, slot: number): boolean {
    const { rows, inForce } = this.table;
    if (inForce.documents !== undefined)
      return this.#copied.has(text) || inForce.documents.document.switching.hasBase(text);
    return rows.sequence(slot) <= inForce.base.get(rows.origin(slot)) || this.#isCopy(this.#nameOf(slot));
  }

  /** Returns whether a row was put under the present switch, or before it and not yet written again. */
  isPut(text: string, slot: number): boolean {
    if (!this.isBeyond(slot)) return false;
    return this.table.inForce.documents === undefined || (this.isOld(text, slot) && !this.#copied.has(text));
  }

  /** Gives what a slot shows, as what this node did. */
  effectOf(slot: number, kind: 'put' | 'delete'): OwnEffect {
    const { rows, schema } = this.table;
    const cell = kind === 'delete' || schema.isSet ? undefined : schema.toColumn(rows.value(slot));
    return { text: rows.text(slot), ...this.#nameOf(slot), kind, cell, by: 0 };
  }
}

/**
 * This node's writes that a switch of mode made by another node did not know of. Their author writes
 * them again under the new mode; until that stands in the log, a restart finds them by replay.
 */
export class Orphans {
  readonly #found = new Map<string, Orphan>();

  /**
   * Notes what this node wrote beyond `base` and what still stands; call before the table changes. What an earlier
   * switch passed over and could not be written again yet stays to be written.
   */
  note(table: SwitchedTable, origins: Origins, base: VersionVector): void {
    const passing = new Passing(table, origins, base);
    const found = new Map<string, CarriedEffect>();
    noteWritten(passing, found);
    noteRows(passing, found);
    if (table.inForce.documents === undefined) noteRemovals(passing, found);
    // What is written again now may be passed over once more, and then goes by its first name.
    table.inForce.past.remember(passing.fresh);
    const held = table.held.vector().copy();
    for (const [text, effect] of found) {
      const slot = table.rows.known(text);
      const beside = slot !== undefined && table.rows.has(slot) ? { ...table.rows.dot(slot) } : undefined;
      this.#found.set(text, { ...effect, held, beside });
    }
  }

  /** An operation of this node on a key stands in the log: what was noted of it is done. Returns whether there was anything. */
  done(text: string, kind: number): boolean {
    const orphan = this.#found.get(text);
    if (orphan === undefined) return false;
    if (kind === DELETE && orphan.kind === 'renew') this.#found.set(text, { ...orphan, kind: 'add' });
    else this.#found.delete(text);
    return true;
  }

  get size(): number {
    return this.#found.size;
  }

  /** Writes them again; `closeRun` is called where what follows must not be taken together with what went before. */
  carryOver(table: SwitchedTable, origins: Origins, closeRun: () => void): void {
    const { rows, inForce } = table;
    const renewed = Array.from(this.#found).filter(([, { kind }]) => kind === 'renew');
    for (const [text, orphan] of renewed) {
      writeAgain(table, rows.slotOf(text), { ...orphan, kind: 'delete' });
      this.done(text, DELETE);
    }
    if (renewed.length > 0) closeRun();
    for (const [text, orphan] of this.#found) {
      const slot = rows.slotOf(text);
      const wrote = writeAgain(table, slot, orphan);
      if (wrote && inForce.documents === undefined)
        inForce.past.noteCopy(origins.at(rows.origin(slot)).text, rows.sequence(slot));
      this.#found.delete(text);
    }
  }
}

/** Notes what this node did to the document, with what it had done to the same before. */
function noteWritten(passing: Passing, found: Map<string, CarriedEffect>): void {
  const { rows } = passing.table;
  for (const [text, effect] of passing.since) {
    const before = effect.kind === 'add' ? passing.before.get(text) : undefined;
    const goesOn = before !== undefined && (removes(before) || passing.isOld(text, rows.slotOf(text)));
    found.set(text, goesOn ? addedTo(before, effect.by) : effect);
  }
  for (const [text, effect] of passing.before) {
    const isGone = passing.adds || !rows.has(rows.slotOf(text));
    if (removes(effect) && isGone && !passing.since.has(text))
      found.set(text, { kind: 'delete', cell: undefined, by: 0 });
  }
}

/** Notes the rows that stand as this node put them, and counters from before to which it had added. */
function noteRows(passing: Passing, found: Map<string, CarriedEffect>): void {
  const { rows } = passing.table;
  for (const slot of rows.live()) {
    const text = rows.text(slot);
    if (passing.since.has(text)) continue;
    const earlier = passing.adds && passing.isOld(text, slot) ? passing.before.get(text) : undefined;
    if (earlier !== undefined) found.set(text, earlier);
    else if (passing.isPut(text, slot)) {
      const put = passing.effectOf(slot, 'put');
      found.set(text, put);
      passing.fresh.push(put);
    }
  }
}

function noteRemovals(passing: Passing, found: Map<string, CarriedEffect>): void {
  const { rows } = passing.table;
  for (const slot of rows.removals()) {
    if (!passing.isBeyond(slot)) continue;
    const gone = passing.effectOf(slot, 'delete');
    found.set(gone.text, gone);
    passing.fresh.push(gone);
  }
}

function removes({ kind }: CarriedEffect): boolean {
  return kind === 'delete' || kind === 'renew';
}

/** Returns whether there was anything to write. */
function writeAgain(table: SwitchedTable, slot: number, orphan: Orphan): boolean {
  const { rows, schema, local } = table;
  const { kind, cell, by, held } = orphan;
  const known = held.get(rows.origin(slot)) >= rows.sequence(slot);
  // What this node has written since is newer.
  const since = rows.has(slot) && table.authors.isOwn(rows.origin(slot)) && !known;
  const isRemoved = rows.has(slot) && known && !standsBeside(rows.dot(slot), orphan);
  if (!(kind === 'add' || (!since && (kind === 'put' || isRemoved)))) return false;
  // What another mode's counter had.
  if (kind === 'add') local.add(slot, by);
  else if (kind === 'delete') local.delete(slot);
  else {
    // What was written again does not go on with the life of a row that its author had not known.
    if (rows.has(slot) && !known && rows.beginnings !== undefined) local.delete(slot);
    local.set(slot, schema.isSet ? undefined : schema.fromColumn(cell as Cell));
  }
  return true;
}

/** A row that was not known here, or that stood beside, is not what was removed. */
function standsBeside({ origin, sequence }: Dot, { beside }: Orphan): boolean {
  return origin === beside?.origin && sequence === beside.sequence;
}
