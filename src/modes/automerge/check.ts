import { malformed } from '../../log/bytes/bytes.ts';
import type { NetEffect, RunChanges, RunEffects } from '../conflict-mode.ts';
import {
  type Change,
  type ChangeOperation,
  DELETE,
  INCREMENT,
  MAX_CHANGE_OPERATIONS,
  PUT,
  sameScalar,
  scalarOf,
} from './change.ts';
import type { RunName } from './run-name.ts';
import { MAX_GENERATION } from './genesis.ts';

/** Checks that changes do what the operations of their run do, no more and no less. Throws `OPERATION_INVALID`. */
export function checkAgainstRun(
  changes: readonly Change[],
  effects: RunEffects,
  on: RunName & { readonly column: string; checkKey(text: string): void },
): void {
  const done = new Set<string>();
  for (const [index, change] of changes.entries()) {
    if (change.actor !== on.actor || change.message !== on.message || change.time !== on.time)
      throw malformed('a change that says another author, run or time than the run that carries it');
    const before = changes[index - 1];
    if (before !== undefined && !follows(change, before)) throw malformed('changes of a run out of order');
    for (const operation of change.operations) {
      if (done.has(operation.key)) throw malformed('changes of a run that do two things to one key');
      done.add(operation.key);
      checkOperation(operation, effects, on);
    }
  }
  for (const [text, { kind }] of effects.keys)
    if (kind !== 'delete' && !done.has(text)) throw malformed('a run whose changes leave out a write');
}

function follows(change: Change, before: Change): boolean {
  return (
    change.seq === before.seq + 1 &&
    change.startOp === before.startOp + before.operations.length &&
    change.deps.length === 1 &&
    change.deps[0] === before.hash
  );
}

function checkOperation(
  operation: ChangeOperation,
  effects: RunEffects,
  on: { readonly column: string; checkKey(text: string): void },
): void {
  const effect = effects.keys.get(operation.key);
  if (effect === undefined) {
    if (!effects.cleared || operation.action !== DELETE)
      throw malformed('a change of a key that its run does not write');
    return on.checkKey(operation.key);
  }
  if (!does(operation, effect, on.column)) throw malformed('a change that does otherwise than its run');
}

function does({ action, scalar, by }: ChangeOperation, effect: NetEffect, column: string): boolean {
  if (effect.kind === 'delete') return action === DELETE;
  if (effect.kind === 'add') return action === INCREMENT && by === effect.by;
  return action === PUT && scalar !== undefined && sameScalar(scalar, scalarOf(effect.cell, column));
}

/**
 * Checks what a run says of the counters it begins; `beginnings` are those counters' changes, which an author
 * has in its document before it goes on. Throws `OPERATION_INVALID`.
 */
export function checkBeginnings(changes: readonly Change[], beginnings: readonly Change[]): void {
  const deps = new Set(changes[0]?.deps);
  if (!beginnings.every(({ hash }) => deps.has(hash)))
    throw malformed('a run that begins a counter which it does not go on from');
}

/** Checks the counters that a run begins, and how many changes it carries. Throws `OPERATION_INVALID`. */
export function checkEntered({ entered, changes }: RunChanges, effects: RunEffects): void {
  for (const { text, generation, start } of entered) {
    const added = effects.keys.get(text)?.kind === 'add';
    if (!added || generation < 1 || generation > MAX_GENERATION || !Number.isSafeInteger(start))
      throw malformed('a run that begins a counter which it does not add to');
  }
  if (new Set(entered.map(({ text }) => text)).size !== entered.length)
    throw malformed('a run that begins a counter twice');
  const most = Math.ceil(effects.keys.size / MAX_CHANGE_OPERATIONS) + MOST_CLEARING;
  if (changes.length > most) throw malformed(`a run with ${changes.length} changes`);
}

/** More changes than the operations of a run need: of keys and values so large that a change is closed early, or of a clear. */
const MOST_CLEARING = 128;
