import type { Subscription } from 'rxjs';
import type { Operation } from '../../log/operations/operation.ts';
import type { AttachedTable } from './attached-table.ts';
import type { ZeekHost } from '../host.ts';
import { ABSENT, type OwnChanges, type RowState, stateBehind, statesAt, withStates } from './own-changes.ts';

/** Beyond so many rows the table goes whole. */
const MAX_KEYS = 65_536;

/** A row that changed, and the states it went through. */
export interface MissedRow {
  readonly key: unknown;
  /** Undefined when there were more than are kept. */
  readonly states: readonly RowState[] | undefined;
}

/** A missed range says which rows of a table changed while Zeek was not told. */
export interface MissedRange {
  /** Zeek was told of everything up to here. */
  readonly position: number;
  /** Returns whether an operation came from Zeek. */
  isTheirs(origin: string): boolean;
  /** Called once: the rows by the text of their keys, or that they cannot be named. */
  found(rows: ReadonlyMap<string, MissedRow> | 'all'): void;
}

/** Reads from the log which rows changed after a position, without a word if the node closes meanwhile. */
export function missedSince(
  host: ZeekHost,
  { name, projection }: AttachedTable,
  range: MissedRange,
): Subscription {
  const found = new Map<string, MissedRow>();
  let all = false;
  const until = Math.max(host.position, range.position);
  const take = (operation: Operation): void => {
    const { kind, key, origin } = operation;
    // A touch changes no row.
    if (range.isTheirs(origin) || kind === 'touch') return;
    if (kind === 'clear' || kind === 'switch' || found.size >= MAX_KEYS) {
      all = true;
      return;
    }
    const keyText = projection.schema.keyText(key);
    const known = found.get(keyText);
    // What an addition makes of a row that was not read here is not known.
    const state = kind === 'increment' ? undefined : stateBehind(operation, undefined);
    const states = withStates(known === undefined ? [] : known.states, state && [state]);
    found.set(keyText, { key, states });
  };
  return host.operations({ after: range.position, until, table: name }).subscribe({
    next: take,
    error: () => range.found('all'),
    complete: () => range.found(all ? 'all' : found),
  });
}

/** Returns the rows that changed, with the states that Zeek may hold them in: also the one it was told of last. */
export async function ownOf(
  host: ZeekHost,
  attached: AttachedTable,
  missed: { readonly position: number; readonly rows: ReadonlyMap<string, MissedRow> | 'all' },
): Promise<OwnChanges> {
  const { rows, position } = missed;
  if (rows === 'all' || rows.size === 0) return rows === 'all' ? 'all' : new Map();
  const first = await statesAt(host, attached, { position, keys: new Set(rows.keys()) });
  return new Map(
    [...rows].map(([keyText, { states }]) => {
      const before = first === undefined ? undefined : [first.get(keyText) ?? ABSENT];
      return [keyText, withStates(states, before)] as const;
    }),
  );
}
