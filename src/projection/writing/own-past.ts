import type { Origins } from '../../log/operations/origin.ts';
import type { VersionVector } from '../../log/operations/version-vector.ts';
import type { OwnEffect } from '../../modes/conflict-mode.ts';
import type { TableState } from '../table-state.ts';

/** Most effects remembered of documents that are over; beyond it the oldest are forgotten. */
const MAX_PAST = 262_144;

/** The table is about to leave its document. */
type LeftTable = Pick<TableState, 'schema'> & {
  readonly inForce: { readonly documents: { effectsOfOwn(): readonly OwnEffect[] } | undefined };
};

/** An effect is what a node did to one key, its operations taken together. */
export interface CarriedEffect {
  readonly kind: 'put' | 'delete' | 'add';
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
  return { kind: 'add', cell: undefined, by: by + (before?.by ?? 0) };
}

/**
 * The past is what this node put and added under documents that are over. Rows say who wrote them last, but
 * not who added what: when a switch made elsewhere turns out to have been made without some of it, only this
 * memory tells what to write again, under the names it was first written by.
 */
export class OwnPast {
  readonly #effects = new Map<string, OwnEffect>();
  /** Runs that wrote again what a switch had passed over; what they did stands here under its first name. */
  readonly #copies = new Set<string>();

  get effects(): Iterable<OwnEffect> {
    return this.#effects.values();
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

  /** A run of this node writes again what a switch passed over. */
  noteCopy(origin: string, firstSequence: number): void {
    this.#copies.add(`${origin} ${firstSequence}`);
    if (this.#copies.size > MAX_PAST) this.#copies.delete(this.#copies.values().next().value as string);
  }

  isCopy({ origin, sequence }: OwnEffect): boolean {
    return this.#copies.has(`${origin} ${sequence}`);
  }

  remember(effects: Iterable<OwnEffect>): void {
    for (const effect of effects) this.#effects.set(nameOf(effect), effect);
    for (const name of this.#effects.keys()) {
      if (this.#effects.size <= MAX_PAST) break;
      this.#effects.delete(name);
    }
  }

  /** The table is about to leave its document for another. */
  leave({ schema, inForce: { documents } }: LeftTable): void {
    if (documents === undefined || schema.column !== 'integer') return;
    this.remember(documents.effectsOfOwn().filter((effect) => isNumber(effect) && !this.isCopy(effect)));
  }

  /** The rows as they are begin a document: those of this node's own are remembered as what it put. */
  begin(projection: TableState, origins: Origins): void {
    const { rows, schema } = projection;
    if (schema.column !== 'integer') return;
    const known = new Set(Array.from(this.#effects.values(), ({ text }) => text));
    const put: OwnEffect[] = [];
    for (const slot of rows.live()) {
      const text = rows.text(slot);
      const cell = rows.value(slot);
      if (typeof cell !== 'number' || known.has(text) || !projection.authors.isOwn(rows.origin(slot)))
        continue;
      const origin = origins.at(rows.origin(slot)).text;
      put.push({ text, origin, sequence: rows.sequence(slot), kind: 'put', cell, by: 0 });
    }
    this.remember(put);
  }

  /** Returns what of it lies beyond `base`, per key. */
  beyond(origins: Origins, base: VersionVector): Map<string, CarriedEffect> {
    const beyond = Array.from(this.#effects.values()).filter(
      ({ origin, sequence }) => sequence > base.get(origins.intern(origin)),
    );
    return together(beyond);
  }
}

function isNumber({ kind, cell }: OwnEffect): boolean {
  return kind === 'add' || (kind === 'put' && typeof cell === 'number');
}

function nameOf({ text, origin, sequence, kind }: OwnEffect): string {
  return `${origin} ${sequence} ${kind} ${text}`;
}
