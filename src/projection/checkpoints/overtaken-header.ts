import type { Origins } from '../../log/operations/origin.ts';
import { isCount } from './checkpoint-format.ts';
import { MAX_OVERTAKINGS, type Overtaking, type Overtakings } from '../held/overtakings.ts';
import type { ConflictMode } from '../../modes/conflict-mode.ts';
import type { WholeTable } from '../whole-table.ts';
import type { Dot } from '../rows/dot.ts';
import type { Rows } from '../rows/rows.ts';

/** Most removals that a checkpoint names because something may come that they had seen. */
export const MAX_OVERTAKING_REMOVALS = 16_384;

type Named = readonly [origin: string, sequence: number, stamp: number];

/**
 * The header says of a checkpoint which operations are still to come although somebody who had seen them was
 * heard of. Left out where nothing is, and before 0.3.
 */
export interface OvertakenHeader {
  readonly overtaken?: readonly (readonly [by: string, from: number, origin: string, through: number])[];
  /** In modes that do not compare versions, which forget removals otherwise: those that may have seen such operations. */
  readonly overtakingClear?: Named | undefined;
  readonly overtakingRemovals?: readonly (readonly [key: string, ...by: Named])[] | undefined;
}

/** A source is what there is to say of a table. */
type OvertakenSource = Pick<WholeTable, 'rows' | 'versions'> & {
  readonly inForce: { readonly mode: ConflictMode };
  readonly held: { readonly overtakings: Pick<Overtakings, 'size' | 'all'> };
};

/** Returns what of it there is to say of a table. */
export function overtakenOf(table: OvertakenSource, origins: Origins): OvertakenHeader {
  const { versions, rows } = table;
  const { mode } = table.inForce;
  const { overtakings } = table.held;
  if (overtakings.size === 0) return {};
  const name = ({ origin, sequence, stamp }: Dot): Named => [origins.at(origin).text, sequence, stamp];
  const overtaken = Array.from(
    overtakings.all(),
    ({ by, from, origin, through }) => [origins.at(by).text, from, origins.at(origin).text, through] as const,
  );
  if (mode.comparesVersions) return { overtaken };
  const { latestClear } = versions;
  const first = new Map<number, number>();
  for (const { by, from } of overtakings.all()) first.set(by, Math.min(from, first.get(by) ?? from));
  const mayHaveSeen = ({ origin, sequence }: Dot): boolean => (first.get(origin) ?? Infinity) <= sequence;
  const isKept = latestClear !== undefined && mayHaveSeen(latestClear);
  const removed: [string, ...Named][] = [];
  for (const slot of rows.removals())
    if (removed.length < MAX_OVERTAKING_REMOVALS && mayHaveSeen(rows.dot(slot)))
      removed.push([rows.text(slot), ...name(rows.dot(slot))]);
  return {
    overtaken,
    overtakingClear: isKept ? name(latestClear) : undefined,
    overtakingRemovals: removed.length === 0 ? undefined : removed,
  };
}

/** Takes in what a checkpoint says of it, once what it holds counts as held. Keys that have a row here keep it. */
export function learnOvertaken(table: WholeTable, origins: Origins, header: OvertakenHeader): void {
  for (const each of overtakingsOf(header, origins))
    if (table.held.overtakings.note(each)) table.held.noteSeen(each.origin);
  const { versions, rows } = table;
  const { mode } = table.inForce;
  if (mode.comparesVersions || table.inForce.documents !== undefined) return;
  versions.latestClear ??= clearOf(header, origins);
  learnRemovals(rows, origins, header);
}

/** The latest `clear` that it names, if any. */
export function clearOf(header: OvertakenHeader, origins: Origins): Dot | undefined {
  return header.overtakingClear === undefined ? undefined : dotOf(header.overtakingClear, origins);
}

/** Takes in the removals that it names, of keys that have neither row nor removal. */
export function learnRemovals(rows: Rows, origins: Origins, header: OvertakenHeader): void {
  for (const [text, ...by] of header.overtakingRemovals ?? []) {
    const slot = rows.slotOf(text);
    const dot = dotOf(by, origins);
    if (dot !== undefined && !rows.has(slot) && rows.sequence(slot) === 0) rows.remove(slot, dot);
  }
}

/** Those of its entries whose authors are known by other parts of the checkpoint: the others mean nothing here. */
export function overtakingsOf(header: OvertakenHeader, origins: Origins): Overtaking[] {
  return (header.overtaken ?? []).flatMap(([author, from, overtaken, through]): Overtaking[] => {
    const [by, origin] = [origins.find(author), origins.find(overtaken)];
    return by === undefined || origin === undefined ? [] : [{ by, from, origin, through }];
  });
}

function dotOf([text, sequence, stamp]: Named, origins: Origins): Dot | undefined {
  const origin = origins.find(text);
  return origin === undefined ? undefined : { origin, sequence, stamp };
}

/** Every origin that it names. */
export function namesOfOvertaken(header: OvertakenHeader): string[] {
  const { overtaken = [], overtakingClear, overtakingRemovals = [] } = header;
  return [
    ...overtaken.flatMap(([by, , origin]) => [by, origin]),
    ...(overtakingClear === undefined ? [] : [overtakingClear[0]]),
    ...overtakingRemovals.map(([, origin]) => origin),
  ];
}

/** Returns whether a header from outside says it in its form, within its limits. */
export function isOvertakenSaid(header: { readonly [Name in keyof OvertakenHeader]?: unknown }): boolean {
  const { overtaken = [], overtakingClear, overtakingRemovals = [] } = header;
  return (
    isListOf(overtaken, MAX_OVERTAKINGS, (entry) => areCounts(entry, 'string', 'count', 'string', 'count')) &&
    (overtakingClear === undefined || areCounts(overtakingClear, 'string', 'count', 'stamp')) &&
    isListOf(overtakingRemovals, MAX_OVERTAKING_REMOVALS, (entry) =>
      areCounts(entry, 'string', 'string', 'count', 'stamp'),
    )
  );
}

function isListOf(value: unknown, most: number, is: (entry: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= most && value.every(is);
}

function areCounts(value: unknown, ...kinds: readonly ('string' | 'count' | 'stamp')[]): boolean {
  if (!Array.isArray(value) || value.length !== kinds.length) return false;
  return kinds.every((kind, index) =>
    kind === 'string' ? typeof value[index] === 'string' : isCount(value[index], kind === 'count' ? 1 : 0),
  );
}
