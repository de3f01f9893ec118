import type { NetEffect, RunEffects } from '../conflict-mode.ts';
import { type Change, type ChangeOperation, DELETE, INCREMENT, PUT, scalarOf } from './change.ts';

/** A run table is what the changes of a whole run tell of its table. */
interface RunTable {
  readonly column: string;
  /**
   * Says what a counter begins with that the whole run does not begin, because it does something else to the
   * key in the end.
   */
  readonly start: number;
}

/**
 * The changes of a run as their author would have made them behind its first operations, of which `part` is the
 * effect: with the names, and on top of the values, that the whole run's changes have. Keys that the whole run
 * leaves as they were are in no change of it: of these is what `part` does to them in the last.
 */
export function changesOfPart(changes: readonly Change[], part: RunEffects, owner: RunTable): Change[] {
  const named = new Set(changes.flatMap(({ operations }) => operations.map(({ key }) => key)));
  const others: ChangeOperation[] = [];
  for (const [key, effect] of part.keys)
    if (!named.has(key)) others.push(operationOf(key, effect, [], owner));
  return changes.map((change, index) => {
    const operations = change.operations.map((operation) => inPart(operation, part, owner));
    return { ...change, operations: index === changes.length - 1 ? [...operations, ...others] : operations };
  });
}

/** One operation of the whole run, as far as `part` goes; what does nothing yet keeps its place, because the place names it. */
function inPart(
  { key, action, before }: ChangeOperation,
  part: RunEffects,
  owner: RunTable,
): ChangeOperation {
  const effect = part.keys.get(key);
  if (effect === undefined) return removal(key, part.cleared ? before : []);
  // The author of a run that adds in the end had found nothing to replace.
  const replaced = action === INCREMENT && effect.kind === 'put' ? [] : before;
  return operationOf(key, effect, replaced, owner);
}

function operationOf(
  key: string,
  { kind, cell, by }: NetEffect,
  before: ChangeOperation['before'],
  { column, start }: RunTable,
): ChangeOperation {
  if (kind === 'delete') return removal(key, before);
  if (kind === 'put') return { action: PUT, key, scalar: scalarOf(cell, column), by: 0, before };
  if (before.length > 0) return { action: INCREMENT, key, scalar: undefined, by, before };
  return { action: PUT, key, scalar: { type: 'counter', value: start + by }, by: 0, before };
}

function removal(key: string, before: ChangeOperation['before']): ChangeOperation {
  return { action: DELETE, key, scalar: undefined, by: 0, before };
}
