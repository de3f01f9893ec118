import type { ReplicaTable } from '../replica.ts';
import type { TableState } from '../wire/bodies.ts';

/** Longest declaration of a peer that is kept, as JSON in characters: ten times what the largest sensible one takes. */
export const MAX_DECLARATION = 4096;
/** Bounds how much of a declaration stands in a message for people. */
const SHOWN = 2048;
/** Counted for an announcement, and for each life in it, beside their texts: objects, and entries of maps. */
const ANNOUNCEMENT_BYTES = 512;
const LIFE_BYTES = 128;

/**
 * Takes says what a node takes of a table from a peer: everything, nothing but the peer's own operations, or
 * nothing.
 */
export type Takes = 'everything' | 'own' | 'nothing';

/** Announced is what is kept of what a peer said of one of its tables. */
export interface Announced extends Omit<TableState, 'declaration'> {
  /** As JSON; undefined when it was too long to be kept. */
  readonly declaration: string | undefined;
  /** Estimates from above what it takes in memory. */
  readonly bytes: number;
}

/** A refused table says why it is not shared although both sides declare it. */
export interface RefusedTable {
  readonly name: string;
  readonly message: string;
  /** The life under whose name both sides know another switch of mode: one operation cannot be two. */
  readonly parted?: string | undefined;
  readonly here: unknown;
  readonly there: unknown;
}

/**
 * Makes what is kept of an announcement. A declaration counts by its text: what is made of it may take thirty
 * times as much.
 */
export function announcedOf(state: TableState): Announced {
  const text = JSON.stringify(state.declaration) as string | undefined;
  const declaration = text !== undefined && text.length <= MAX_DECLARATION ? text : undefined;
  const { name, fingerprint, held, heldBack = [] } = state;
  let bytes = ANNOUNCEMENT_BYTES + 2 * (name.length + fingerprint.length + (declaration?.length ?? 0));
  for (const [origin] of held) bytes += LIFE_BYTES + origin.length;
  for (const { origin, reason } of heldBack) bytes += LIFE_BYTES + 2 * (origin.length + reason.length);
  return { ...state, declaration, bytes };
}

/** A declaration that was kept, as the peer sent it; undefined for one that was too long. */
export function declarationOf({ declaration }: Announced): unknown {
  return declaration === undefined ? undefined : JSON.parse(declaration);
}

/** A table that cannot be shared, and why. */
export function refusedTable(table: ReplicaTable, state: Announced, message: string): RefusedTable {
  return { name: table.name, here: table.declaration, there: declarationOf(state), message };
}

/** Makes what a node says of a table to a peer from which it takes so much of it. */
export function stateOf(table: ReplicaTable, takes: Takes): TableState {
  const { name, fingerprint, mode, declaration, epoch } = table;
  const { counter, origin } = epoch;
  const held = table.vector();
  return {
    name,
    fingerprint,
    mode,
    declaration,
    held: held.map(([author, sequence]) => [author, sequence]),
    sessions: held.map(([author, sequence]) => table.sessionOf(author, sequence)),
    ...(takes !== 'everything' && { takes }),
    ...(counter > 0 && { epoch: { counter, origin } }),
  };
}

/** Tells of a table that both sides declare, but differently. */
export function difference(table: ReplicaTable, state: Announced): string {
  const told = `Table ${table.name} is not replicated with this peer: `;
  const there = declarationOf(state);
  if (typeof there !== 'object' || there === null)
    return `${told}declared there as ${state.declaration?.slice(0, SHOWN) ?? `something longer than ${MAX_DECLARATION} characters`}.`;
  const words = table.differenceFrom(there, state.mode);
  return `${told}${(words || 'it is declared differently').slice(0, SHOWN)}.`;
}
