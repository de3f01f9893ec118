/** What a campaign of some thousand seeds must have reached: paths that are never taken prove nothing. */
const rarePaths: readonly string[] = [
  'batch taken back',
  'carried over',
  'clockJump',
  'crash',
  'different key',
  'diskFail',
  'diskFull',
  'event backend-recovered',
  'event checkpoint-adopted',
  'event epoch-began',
  'event fork-detected',
  'event log-torn',
  'event table-agrees',
  'event table-diverged',
  'last write checked',
  'late joiner',
  'oneWayCut',
  'partition',
  'repair',
  'restored',
  'started from a checkpoint',
  'stop',
  'sum checked',
  'switch while links are cut',
  'switched to the same',
  'two switches at once',
  'unsynced writes lost',
  'write refused',
];

/** Those of {@link rarePaths} that were not reached. */
export function neverReached(totals: ReadonlyMap<string, number>): string[] {
  return rarePaths.filter((path) => !totals.has(path));
}
