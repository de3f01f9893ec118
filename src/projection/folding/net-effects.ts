import { malformed } from '../../log/bytes/bytes.ts';
import { CLEAR, DELETE, EXPIRE, INCREMENT, SET, SWITCH, TOUCH } from '../../log/operations/operation.ts';
import type { Cell } from '../../schema/schema.ts';
import type { RunOperations } from '../../log/runs/run.ts';
import type { NetEffect, RunEffects } from '../../modes/conflict-mode.ts';

/** Most that one `increment` operation adds: so that the sum of a run's stays exact. */
export const MAX_ADDED: number = 2 ** 40;

/** Returns what the operations of a run before `end` do to each key, taken together. Throws `OPERATION_INVALID`. */
export function netEffects(
  run: RunOperations,
  from: { readonly origin: string; readonly isSet: boolean; textOf(id: number): string },
  end: number = run.count,
): RunEffects {
  const { firstSequence, firstStamp, kinds, ids, stamps, values } = run;
  const keys = new Map<string, NetEffect>();
  let cleared = false;
  let cellAt = 0;
  let addAt = 0;
  for (let index = 0; index < end; index++) {
    const kind = kinds === undefined ? SET : (kinds[index] as number);
    if (kind === SWITCH) continue;
    if (kind === TOUCH) throw malformed('a touch among changes of a document');
    if (kind === CLEAR) {
      cleared = true;
      keys.clear();
      continue;
    }
    const text = from.textOf(ids[index] as number);
    const at = {
      sequence: firstSequence + index,
      stamp: stamps === undefined ? firstStamp : (stamps[index] as number),
    };
    if (kind === SET) {
      const cell = from.isSet ? undefined : cellOf(values, cellAt++);
      keys.set(text, { kind: 'put', cell, by: 0, ...at });
    } else if (kind === INCREMENT) {
      keys.set(text, { ...sum(keys.get(text), run.added[addAt++] as number), ...at });
    } else if (kind === DELETE || kind === EXPIRE) {
      const expires = kind === EXPIRE && !keys.has(text);
      keys.set(text, { kind: 'delete', cell: undefined, by: 0, expires, ...at });
    }
  }
  return { origin: from.origin, firstSequence, firstStamp, cleared, keys };
}

function cellOf(values: RunOperations['values'], index: number): Cell {
  return (values.numbers ?? values.cells ?? [])[index] as Cell;
}

function sum(before: NetEffect | undefined, by: number): Pick<NetEffect, 'kind' | 'cell' | 'by'> {
  if (!Number.isSafeInteger(by) || Math.abs(by) > MAX_ADDED) throw malformed(`an addition of ${by}`);
  if (before?.kind !== 'put') return { kind: 'add', cell: undefined, by: by + (before?.by ?? 0) };
  const { cell } = before;
  if (typeof cell !== 'number' || !Number.isSafeInteger(cell + by))
    throw malformed(`an addition of ${by} to what cannot be added to`);
  return { kind: 'put', cell: cell + by, by: 0 };
}
