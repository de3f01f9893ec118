import type { Operation } from '../../log/operations/operation.ts';
import type { AttachedTable } from './attached-table.ts';
import type { ZeekHost } from '../host.ts';

/** A row as it was at some time. */
export interface RowState {
  readonly present: boolean;
  /** Undefined for sets, and when there was no row. */
  readonly value: unknown;
}

/** A key without a row. */
export const ABSENT: RowState = Object.freeze({ present: false, value: undefined });

/** Returns the state of a row behind an operation on it, as far as the operation says it; a touch changes none. */
export function stateBehind({ kind, value }: Operation, before: RowState | undefined): RowState | undefined {
  if (kind === 'touch') return before;
  if (kind === 'set') return { present: true, value };
  if (kind !== 'increment') return ABSENT;
  const present = before?.present === true ? (before.value as number | bigint) : 0;
  const isWhole = typeof present === 'bigint' || typeof value === 'bigint';
  const sum = isWhole ? BigInt(present) + BigInt(value as number) : present + (value as number);
  return { present: true, value: sum };
}

/**
 * The keys, as text, that this node or its group changed while Zeek did not listen, each with the states in
 * which Zeek may have the row from before; undefined where nothing is known of that. `all`: more than is kept.
 */
export type OwnChanges = ReadonlyMap<string, readonly RowState[] | undefined> | 'all';

/** States remembered of one key; more say nothing. */
const MAX_STATES = 16;

/** Both together. */
export function joined(one: OwnChanges, other: OwnChanges): OwnChanges {
  if (one === 'all' || other === 'all') return 'all';
  const all = new Map(one);
  for (const [keyText, states] of other) {
    const known = all.has(keyText) ? all.get(keyText) : [];
    all.set(keyText, withStates(known, states));
  }
  return all;
}

/** States with further ones. */
export function withStates(
  known: readonly RowState[] | undefined,
  more: readonly RowState[] | undefined,
): readonly RowState[] | undefined {
  if (known === undefined || more === undefined) return undefined;
  return known.length + more.length > MAX_STATES ? undefined : [...known, ...more];
}

/** Returns the states of some keys at a position, from the log; undefined if it does not reach back. */
export async function statesAt(
  host: ZeekHost,
  { name, projection }: AttachedTable,
  at: { readonly position: number; readonly keys: ReadonlySet<string> },
): Promise<ReadonlyMap<string, RowState> | undefined> {
  const states = new Map<string, RowState>();
  const fold = (operation: Operation): void => {
    const { kind, key } = operation;
    if (kind === 'clear') states.clear();
    if (kind === 'clear' || kind === 'switch') return;
    const keyText = projection.schema.keyText(key);
    const state = at.keys.has(keyText) ? stateBehind(operation, states.get(keyText)) : undefined;
    if (state !== undefined) states.set(keyText, state);
  };
  const operations = host.operations({ after: 0, until: at.position, table: name });
  let whole = true;
  const done = new Promise<void>((resolve) => {
    operations.subscribe({
      next: fold,
      error: () => {
        whole = false;
        resolve();
      },
      complete: resolve,
    });
  });
  await done;
  return whole ? states : undefined;
}
