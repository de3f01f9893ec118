import type { TableDeclaration } from '../../src/index.ts';
import type { Topology } from '../support/cluster.ts';
import type { SeededRandom } from '../support/seeded-random.ts';

/** One world: everything about it is drawn from the seed. */
export interface DrawnOptions {
  readonly size: number;
  readonly topology: Topology;
  readonly tables: readonly string[];
  readonly keys: number;
  readonly steps: number;
  /** Longest pause between two steps, in milliseconds. */
  readonly pauseMs: number;
  readonly delayMs: readonly [number, number];
  readonly commitMs: readonly [number, number];
  readonly bytesPerMs: number;
  readonly maxMemoryLogBytes: number | undefined;
  readonly skewMs: number;
  /** How often each kind of step is taken, against 100 writes. */
  readonly weights: Readonly<Record<FaultName, number>>;
}

export type FaultName =
  | 'batch'
  | 'burst'
  | 'flush'
  | 'partition'
  | 'oneWayCut'
  | 'reset'
  | 'heal'
  | 'crash'
  | 'stop'
  | 'restart'
  | 'diskFull'
  | 'clockJump';

/** The tables a world may have. */
export const worldTables = {
  hosts: { key: 'string', value: 'count', backend: 'sqlite' },
  names: { key: 'string', value: 'string', backend: 'memory' },
  seen: { key: 'string', backend: 'sqlite' },
  fresh: { key: 'string', value: 'int', backend: 'sqlite', writeExpire: 3000 },
  brief: { key: 'string', backend: 'memory', createExpire: 2000 },
} as const satisfies Record<string, TableDeclaration>;

const ORDINARY: Readonly<Record<FaultName, number>> = {
  batch: 10,
  burst: 1,
  flush: 10,
  partition: 4,
  oneWayCut: 2,
  reset: 4,
  heal: 8,
  crash: 4,
  stop: 2,
  restart: 12,
  diskFull: 2,
  clockJump: 2,
};

/** Draws a world; each kind of fault may be absent from it, ordinary or frequent. */
export function drawOptions(random: SeededRandom): DrawnOptions {
  const size = random.pick([2, 2, 3, 3, 4, 5]);
  const names = Object.keys(worldTables).filter(() => random.chance(0.5));
  const longest = random.pick([1, 5, 50, 200]);
  const weights = Object.fromEntries(
    Object.entries(ORDINARY).map(([name, weight]) => [name, weight * random.pick([0, 1, 1, 3])]),
  ) as Record<FaultName, number>;
  return {
    size,
    topology:
      size === 2
        ? random.pick(['pair', 'both'] as const)
        : random.pick(['star', 'chain', 'ring', 'mesh', 'both'] as const),
    tables: names.length === 0 ? ['hosts'] : names,
    keys: random.pick([1, 3, 8, 30]),
    steps: random.between(20, 120),
    pauseMs: random.pick([0, 5, 100, 2000]),
    delayMs: [0, longest],
    commitMs: random.pick([
      [0, 0],
      [1, 3],
      [0, 100],
    ] as const),
    bytesPerMs: random.pick([Infinity, Infinity, 1000, 20]),
    maxMemoryLogBytes: random.pick([undefined, undefined, 3000]),
    skewMs: random.pick([0, 0, 1000, 3_600_000]),
    weights: { ...weights, heal: ORDINARY.heal, restart: ORDINARY.restart },
  };
}
