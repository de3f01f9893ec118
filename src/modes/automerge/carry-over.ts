import type { OwnEffect } from '../conflict-mode.ts';
import { type Change, type ChangeOperation, DELETE, INCREMENT, cellOf } from './change.ts';
import type { Registers } from './registers.ts';

/** The operation at `index` of a change, if anything of it is left: a put that nothing replaced, a removal, an addition to what stands. */
export function standingEffect(
  change: Change,
  index: number,
  on: {
    readonly registers: Registers;
    readonly column: string;
    readonly origin: string;
    readonly sequence: number;
  },
): OwnEffect | undefined {
  const { action, key, scalar, by, before } = change.operations[index] as ChangeOperation;
  const { origin, sequence } = on;
  const effect = { text: key, origin, sequence, cell: undefined, by: 0 };
  if (action === DELETE) return { ...effect, kind: 'delete' };
  const entries = on.registers.of(key);
  const stands = (id: { readonly counter: number; readonly actor: string }): boolean =>
    entries.some(({ counter, actor }) => counter === id.counter && actor === id.actor);
  if (action === INCREMENT) return before.some(stands) ? { ...effect, kind: 'add', by } : undefined;
  if (scalar === undefined || !stands({ counter: change.startOp + index, actor: change.actor }))
    return undefined;
  return { ...effect, kind: 'put', cell: cellOf(scalar, on.column) };
}
