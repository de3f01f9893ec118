import type { ConflictMode } from './conflict-mode.ts';

/**
 * No conflict resolution, as announced in 2020: whatever arrives last stands,
 * unless the author of what is there had seen it. Two nodes that
 * write one key at the same time exchange values and differ until the next write.
 */
export const naiveMode: ConflictMode = {
  name: 'naive',
  convergent: false,
  comparesVersions: false,
  supersedes: () => true,
};
