import type { ModeName, Step, World, WorldOptions, WorldTable } from './world.ts';

/** A world that once failed, shrunk, and what it found. */
export interface Regression {
  readonly found: string;
  readonly world: World;
}

/** All modes. */
export const MODES = ['naive', 'lww', 'automerge'] as const;

type Acts = Partial<Pick<WorldTable, 'switched' | 'cleared'>>;
type Life = { readonly createExpire: number } | { readonly writeExpire: number } | object;

/** A durable table of counts by text, with what nodes do to it beside writing, and how long rows live. */
export function counts(mode: ModeName, acts: Acts = {}, life: Life = {}): WorldTable {
  const declaration = { key: 'string', value: 'count', backend: 'sqlite', mode, ...life } as const;
  return { declaration, switched: false, cleared: false, ...acts };
}

/** A durable set of texts. */
export function keys(mode: ModeName, acts: Acts = {}, life: Life = {}): WorldTable {
  const declaration = { key: 'string', backend: 'sqlite', mode, ...life } as const;
  return { declaration, switched: false, cleared: false, ...acts };
}

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
