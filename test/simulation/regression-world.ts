import type { Step, World, WorldOptions } from './world.ts';

/** A world that once failed, shrunk, and what it found. */
export interface Regression {
  readonly found: string;
  readonly world: World;
}

/** All modes. */
export const MODES = ['naive', 'lww', 'automerge'] as const;

/** A world of two nodes, of which only what differs from the plainest one is said. */
export function world(
  seed: number,
  options: Pick<WorldOptions, 'tables'> & Partial<WorldOptions>,
  steps: readonly (readonly [kind: Step['kind'], random: number, pauseMs: number])[],
): World {
  return {
    seed,
    options: {
      size: 2,
      topology: 'mesh',
      modes: ['naive', 'lww'],
      keys: 1,
      delayMs: [1, 1],
      commitMs: [0, 0],
      durability: 'commit',
      skewMs: 0,
      late: 0,
      ...options,
    },
    steps: steps.map(([kind, random, pauseMs]) => ({ kind, random, pauseMs })),
  };
}
