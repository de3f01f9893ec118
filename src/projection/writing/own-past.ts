import type { Origins } from '../../log/operations/origin.ts';
import type { VersionVector } from '../../log/operations/version-vector.ts';
import type { OwnEffect } from '../../modes/conflict-mode.ts';
import type { TableState } from '../table-state.ts';

/** Most effects remembered of documents that are over; beyond it the oldest are forgotten. */
const MAX_PAST = 262_144;

/** The table is about to go over to another mode. */
type LeftTable = TableState & {
  readonly inForce: {
    readonly base: VersionVector;
    readonly documents: { effectsOfOwn(): readonly OwnEffect[] } | undefined;
  };
};

/** A carried effect is what a node did to one key, its operations taken together; `renew` removes, then adds. */
export interface CarriedEffect {
  readonly kind: OwnEffect['kind'] | 'renew';
  readonly cell: OwnEffect['cell'];
  readonly by: number;
}

/** Takes effects together, in the order in which they took effect. */
export function together(effects: Iterable<OwnEffect>): Map<string, CarriedEffect> {
  const carried = new Map<string, CarriedEffect>();
  for (const { text, kind, cell, by } of effects)
    carried.set(text, kind === 'add' ? addedTo(carried.get(text), by) : { kind, cell, by });
  return carried;
}

/** Returns what was added, after what was done before. */
export function addedTo(before: CarriedEffect | undefined, by: number): CarriedEffect {
  if (before?.kind === 'put') return { kind: 'put', cell: Number(before.cell) + by, by: 0 };
  const kind = before === undefined || before.kind === 'add' ? 'add' : 'renew';
  return { kind, cell: undefined, by: by + (before?.by ?? 0) };
}

/**
 * The past is what this node did under switches that are over: what it removed, and of numbers what it put and
 * added. Rows say who wrote them last, but not who added what, and of what is gone nothing: when a switch made
 * elsewhere turns out to have been made without some of it, only this memory tells what to write again, under
 * the names it was first written by.
 */
export class OwnPast {
  /** Per key, in the order in which they took effect: from the latest put or removal on. */
  readonly #effects = new Map<string, OwnEffect[]>();
  #size = 0;
  /** Holds what wrote again what a switch had passed over, runs or single operations; what it did stands here under its first name. */
  readonly #copies = new Set<string>();

  get effects(): Iterable<OwnEffect> {
    return Array.from(this.#effects.values()).flat();
  }

  get copies(): Iterable<string> {
    return this.#copies;
  }

  /** Takes in what a checkpoint of this node's own log remembers. */
  recall(
    { effects, copies }: { readonly effects: readonly OwnEffect[]; readonly copies: readonly string[] },
    isOwn: (origin: string) => boolean,
  ): void {
    // A checkpoint of another node stands in the log as it came, with that node's memory.
    this.remember(effects.filter(({ origin }) => isOwn(origin)));
    for (const copy of copies) if (isOwn(copy.slice(0, copy.indexOf(' ')))) this.#copies.add(copy);
  }

  /** A run of this node that begins there, or in modes without documents an operation, writes again what a switch passed over. */
  noteCopy(origin: string, sequence: number): void {
    this.#copies.add(`${origin} ${sequence}`);
    if (this.#copies.size > MAX_PAST) this.#copies.delete(this.#copies.values().next().value as string);
  }

  isCopy({ origin, sequence }: Pick<OwnEffect, 'origin' | 'sequence'>): boolean {
    return this.#copies.has(`${origin} ${sequence}`);
  }

  remember(effects: Iterable<OwnEffect>): void {
    for (const effect of effects) this.#remember(effect);
    for (const [text, { length }] of this.#effects) {
      if (this.#size <= MAX_PAST) break;
      this.#effects.delete(text);
      this.#size -= length;
    }
  }

  #remember(effect: OwnEffect): void {
    const known = this.#effects.get(effect.text) ?? [];
    if (effect.kind === 'add' && known.some((other) => isSame(other, effect))) return;
    const effects = effect.kind === 'add' ? [...known, effect] : [effect];
    this.#effects.set(effect.text, effects);
    this.#size += effects.length - known.length;
  }

  /** The table is about to go over to another mode, or to another document. */
  leave(table: LeftTable, origins: Origins): void {
    const { documents } = table.inForce;
    if (documents === undefined) return this.#leaveRows(table, origins);
    const adds = table.schema.column === 'integer';
    const lasts = (effect: OwnEffect): boolean => effect.kind === 'delete' || (adds && isNumber(effect));
    this.remember(documents.effectsOfOwn().filter((effect) => lasts(effect) && !this.isCopy(effect)));
  }

  /** Counts those rows that replaced what is remembered: others say themselves who put them. */
  #leaveRows({ rows, schema, authors, inForce }: LeftTable, origins: Origins): void {
    const did = (slot: number, of: Pick<OwnEffect, 'kind' | 'cell'>): void => {
      const [origin, sequence] = [rows.origin(slot), rows.sequence(slot)];
      if (!authors.isOwn(origin) || sequence <= inForce.base.get(origin)) return;
      const effect = { text: rows.text(slot), origin: origins.at(origin).text, sequence, by: 0, ...of };
      if (!this.isCopy(effect)) this.remember([effect]);
    };
    for (const slot of rows.removals()) did(slot, { kind: 'delete', cell: undefined });
    if (schema.column !== 'integer' || this.#effects.size === 0) return;
    for (const slot of rows.live()) {
      const cell = rows.value(slot);
      if (typeof cell === 'number' && this.#effects.has(rows.text(slot))) did(slot, { kind: 'put', cell });
    }
  }

  /** The rows as they are begin a document: those of this node's own are remembered as what it put. */
  begin(projection: TableState, origins: Origins): void {
    const { rows, schema } = projection;
    if (schema.column !== 'integer') return;
    const put: OwnEffect[] = [];
    for (const slot of rows.live()) {
      const text = rows.text(slot);
      const cell = rows.value(slot);
      if (typeof cell !== 'number' || this.#effects.has(text)) continue;
      if (!projection.authors.isOwn(rows.origin(slot))) continue;
      const origin = origins.at(rows.origin(slot)).text;
      put.push({ text, origin, sequence: rows.sequence(slot), kind: 'put', cell, by: 0 });
    }
    this.remember(put);
  }

  /** Returns what of it lies beyond `base`, per key. */
  beyond(origins: Origins, base: VersionVector): Map<string, CarriedEffect> {
    const beyond = Array.from(this.effects).filter(
      ({ origin, sequence }) => sequence > base.get(origins.intern(origin)),
    );
    return together(beyond);
  }
}

function isNumber({ kind, cell }: OwnEffect): boolean {
  return kind === 'add' || (kind === 'put' && typeof cell === 'number');
}

function isSame(one: OwnEffect, other: OwnEffect): boolean {
  return one.kind === other.kind && one.sequence === other.sequence && one.origin === other.origin;
}
