import type { TablecastError } from '../../errors.ts';
import type { EnteredCounter, RunChanges, RunEffects } from '../conflict-mode.ts';
import type { Change } from './change.ts';
import type { Touched, Versions } from './history.ts';

/** The carried changes are what a run carries, read. */
export interface CarriedChanges {
  readonly changes: readonly Change[];
  /** Per change; worked out when the run is checked. */
  readonly versions?: readonly Versions[];
  /** Holds the beginnings of the counters that it begins. */
  readonly beginnings: readonly Change[];
}

/** A run that was checked, and what it carries, which need not be read twice. */
export interface Checked extends CarriedChanges {
  readonly carried: RunChanges;
}

/** A prepared run is what was read before it is checked. */
export interface PreparedRun {
  readonly changes: readonly Change[];
  /** Holds the beginnings of counters, by {@link nameOf}. */
  readonly beginnings: ReadonlyMap<string, Change>;
  /** Says why not all of it could be read. */
  readonly failure: TablecastError | undefined;
}

/** Nothing is written yet. */
export function touchedBy(by: RunEffects | undefined): Touched {
  return { by, others: new Set() };
}

/** Returns the versions that a run gives to the operations of one of its changes. */
export function versionsIn({ operations }: Change, { origin, keys }: RunEffects): Versions {
  return operations.map(({ key }) => {
    const effect = keys.get(key);
    return effect && { origin, sequence: effect.sequence, stamp: effect.stamp };
  });
}

/** Tells the counters that one run begins apart. */
export function nameOf({ text, generation, start }: EnteredCounter): string {
  return `${generation} ${start} ${text}`;
}
