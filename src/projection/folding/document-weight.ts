import type { DocumentSection } from '../../log/runs/run.ts';

/** A change, and the run it came in, cost as much as so many plain operations when they are applied. */
export const CHANGE_WEIGHT = 12;
/** The same of the beginning of a counter. */
export const BEGINNING_WEIGHT = 4;

/**
 * Returns what a run weighs that has so many operations, and whose changes have so many: see
 * `RunAuthor.runWeight`.
 */
export function weightOf(run: {
  readonly count: number;
  /** Those of its changes; under a `clear` they are more. */
  readonly operations: number;
  readonly document: Pick<DocumentSection, 'entered' | 'changes'>;
}): number {
  const { entered, changes } = run.document;
  const beyond = BEGINNING_WEIGHT * entered.length + CHANGE_WEIGHT * changes.length;
  return Math.max(run.count, run.operations) + beyond;
}
