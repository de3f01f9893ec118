import type { NetEffect, RunEffects } from '../conflict-mode.ts';
import {
  CHANGE_CHARACTERS,
  type Change,
  type ChangeOperation,
  DELETE,
  INCREMENT,
  MAX_CHANGE_NAMED,
  MAX_CHANGE_OPERATIONS,
  MAX_NAMED,
  PUT,
  compareIds,
  scalarOf,
} from './change.ts';
import { encodeChange } from './change-writer.ts';
import type { History } from './history.ts';
import type { Entry, Registers } from './registers.ts';
import type { RunName } from './run-name.ts';

/** The parts are what making changes needs to know. */
export interface WritingParts {
  readonly name: RunName;
  readonly column: string;
  readonly registers: Registers;
  readonly history: History;
}

/** Returns the changes that make a run's effects on the document as it is here, each following the one before. */
export function changesFor(effects: RunEffects, parts: WritingParts): Change[] {
  const changes: Change[] = [];
  let operations: ChangeOperation[] = [];
  let characters = 0;
  let named = 0;
  const close = (): void => {
    if (operations.length > 0) changes.push(changeOf(operations, changes.at(-1), parts));
    operations = [];
    characters = 0;
    named = 0;
  };
  for (const operation of operationsFor(effects, parts)) {
    operations.push(operation);
    characters += operation.key.length + 8;
    if (operation.scalar?.type === 'text') characters += operation.scalar.value.length;
    named += operation.before.length;
    const isFull = operations.length >= MAX_CHANGE_OPERATIONS || named > MAX_CHANGE_NAMED - MAX_NAMED;
    if (isFull || characters >= CHANGE_CHARACTERS) close();
  }
  close();
  return changes;
}

function changeOf(
  operations: readonly ChangeOperation[],
  before: Change | undefined,
  { name, history }: WritingParts,
): Change {
  const seq = before === undefined ? history.seqOf(name.actor) + 1 : before.seq + 1;
  const startOp = before === undefined ? history.maxOp + 1 : before.startOp + before.operations.length;
  const deps = before === undefined ? history.heads() : [before.hash];
  return encodeChange({ ...name, seq, startOp, deps, operations });
}

function* operationsFor(
  effects: RunEffects,
  parts: WritingParts,
): Generator<ChangeOperation, void, undefined> {
  const { registers } = parts;
  if (effects.cleared)
    for (const text of registers.keys()) if (!effects.keys.has(text)) yield operationFor(text, GONE, parts);
  for (const [text, effect] of effects.keys) {
    if (effect.kind === 'delete' && registers.of(text).length === 0) continue;
    yield operationFor(text, effect, parts);
  }
}

const GONE: NetEffect = { kind: 'delete', cell: undefined, by: 0, sequence: 0, stamp: 0 };

function operationFor(key: string, effect: NetEffect, parts: WritingParts): ChangeOperation {
  const { kind, cell, by } = effect;
  const before = replacedBy(effect, key, parts)
    .map(({ counter, actor }) => ({ counter, actor }))
    .toSorted(compareIds)
    // The greatest are taken of more than anybody writes at one time: those that would stand.
    .slice(-MAX_NAMED);
  if (kind === 'put') return { action: PUT, key, scalar: scalarOf(cell, parts.column), by: 0, before };
  if (kind === 'delete') return { action: DELETE, key, scalar: undefined, by: 0, before };
  return { action: INCREMENT, key, scalar: undefined, by, before };
}

/** Returns what an effect replaces, removes or adds to. */
function replacedBy(
  { kind, expires }: NetEffect,
  key: string,
  { registers }: WritingParts,
): readonly Entry[] {
  const standing = expires === true ? registers.standing(key) : undefined;
  if (standing !== undefined) return registers.together(key, standing);
  return registers.of(key).filter(({ counts }) => kind !== 'add' || counts);
}
