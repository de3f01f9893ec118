import {
  type Change,
  type ChangeOperation,
  MAX_CHANGE_OPERATIONS,
  PUT,
  compareIds,
  scalarOf,
} from './change.ts';
import { encodeChange } from './change-writer.ts';
import { readingActor } from './genesis.ts';
import type { History } from './history.ts';
import type { Registers } from './registers.ts';

/**
 * Returns the changes that let the official library read a document as the table shows it, where both differ:
 * one counter that nodes with different defaults began is several to the library. They are of an export
 * alone, and the same on every node that holds the same.
 */
export function readingOf(
  registers: Registers,
  on: { readonly epoch: string; readonly column: string; readonly history: History },
): Change[] {
  const changes: Change[] = [];
  const operations = [...readings(registers, on.column)].toSorted((one, other) =>
    one.key < other.key ? -1 : 1,
  );
  for (let at = 0; at < operations.length; at += MAX_CHANGE_OPERATIONS) {
    const before = changes.at(-1);
    changes.push(
      encodeChange({
        actor: readingActor(on.epoch),
        seq: changes.length + 1,
        startOp: on.history.maxOp + 1 + at,
        time: 0,
        message: '',
        deps: before === undefined ? on.history.heads() : [before.hash],
        operations: operations.slice(at, at + MAX_CHANGE_OPERATIONS),
      }),
    );
  }
  return changes;
}

function* readings(registers: Registers, column: string): Generator<ChangeOperation, void, undefined> {
  for (const key of registers.keys()) {
    const standing = registers.standing(key);
    const together = standing === undefined ? [] : registers.together(key, standing);
    if (standing === undefined || together.length === 1) continue;
    const { cell } = registers.read(key, standing);
    const before = together.map(({ counter, actor }) => ({ counter, actor })).toSorted(compareIds);
    yield { action: PUT, key, scalar: scalarOf(cell, column), by: 0, before };
  }
}
