import { DELETE, SET } from '../../log/operations/operation.ts';
import { VersionVector } from '../../log/operations/version-vector.ts';
import type { Dot } from '../rows/dot.ts';
import type { Rows } from '../rows/rows.ts';
import type { MovingEntry } from '../switching/moving-entry.ts';
import { changeOf } from '../telling/change.ts';
import type { WholeTable } from '../whole-table.ts';

/** Rows that are told of in a step. */
const TOLD_PER_STEP = 32;
const NOTHING = new VersionVector();

/** The outcome is what a checkpoint that was taken over did to a table. */
export interface Outcome {
  /** Slots that took a row, and slots whose row went. */
  readonly taken: readonly number[];
  readonly removed: readonly number[];
  /** Is what was there before; where the table had no slots, the rows as they are now. */
  readonly before: Rows;
  readonly isFresh: boolean;
  /** Per origin, what its author had seen, as the checkpoint says. */
  readonly contexts: ReadonlyMap<number, VersionVector>;
  /** The entry of a slot that took a row. Valid until the next call. */
  entryOf(slot: number): MovingEntry;
  /** Names what took a slot's row away. */
  removerOf(slot: number): Dot;
  /** Returns whether what this node wrote meanwhile stands in a slot. */
  isOverruled(slot: number): boolean;
}

/** Tells of what a checkpoint changed, in the order of the log, some rows per step. */
export function* tellOutcome(
  table: WholeTable,
  outcome: Outcome,
  position: number,
): Generator<void, void, undefined> {
  const { taken, removed } = outcome;
  if (!table.reporter.listening) return;
  for (let from = 0; from < taken.length; from += TOLD_PER_STEP) {
    const end = Math.min(from + TOLD_PER_STEP, taken.length);
    for (let at = from; at < end; at++) tellRow(table, outcome, taken[at] as number, position + at);
    yield;
  }
  for (const [index, slot] of removed.entries()) {
    tellRemoval(table, outcome, slot, position + taken.length + index);
    if (index % TOLD_PER_STEP === 0) yield;
  }
}

function tellRow(table: WholeTable, outcome: Outcome, slot: number, position: number): void {
  const { reporter } = table;
  const { before } = outcome;
  const { dot, value } = outcome.entryOf(slot);
  const kind = !outcome.isFresh && before.has(slot) ? 'changed' : 'new';
  const isOverruled = outcome.isOverruled(slot);
  if (reporter.brief && !isOverruled) {
    const previous = kind === 'new' ? undefined : before.value(slot);
    const cause = reporter.causeOf(position, value, dot);
    return reporter.wrote(changeOf(kind, table.rows.key(slot), previous, cause));
  }
  const facts = reporter.facts(position, SET, dot, { slot, value });
  if (isOverruled) {
    reporter.operation(facts);
    const by = before.dot(slot);
    return reporter.overruled(slot, facts, { dot: by, seen: table.held.contextOf(by.origin) });
  }
  if (kind === 'changed') {
    const seen = outcome.contexts.get(dot.origin) ?? NOTHING;
    reporter.unseen(slot, facts, { seen, before });
  }
  reporter.effect(kind, slot, before.value(slot), facts);
}

function tellRemoval({ reporter }: WholeTable, outcome: Outcome, slot: number, position: number): void {
  const { before } = outcome;
  const facts = reporter.facts(position, DELETE, outcome.removerOf(slot), { slot, value: undefined });
  reporter.operation(facts);
  if (before.has(slot) && !outcome.isOverruled(slot))
    reporter.change('removed', slot, before.value(slot), facts);
}
