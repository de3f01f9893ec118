import type { TableDeclaration } from '../../../src/index.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import {
  type ModeName,
  type Step,
  type StepKind,
  type World,
  type WorldTable,
  availableModes,
} from '../world.ts';

const LIFETIMES: readonly Pick<TableDeclaration, 'createExpire' | 'writeExpire'>[] = [
  {},
  {},
  { createExpire: 3000 },
  { createExpire: 20_000 },
  { writeExpire: 3000 },
  { writeExpire: 20_000 },
];

const STEPS: readonly (readonly [StepKind, number])[] = [
  ['write', 60],
  ['batch', 4],
  ['clockJump', 8],
  ['clockCorrect', 8],
  ['partition', 4],
  ['heal', 6],
  ['stop', 3],
  ['restart', 5],
  ['switch', 2],
];

/** Draws a world whose faults are its clocks: wrong from the beginning, jumping either way, and corrected. */
export function drawClocks(seed: number, mode?: ModeName): World {
  const random = new SeededRandom(seed);
  const size = random.pick([2, 2, 3, 3, 4]);
  const tables: Record<string, WorldTable> = {};
  for (let count = random.between(1, 3); count > 0; count--) tables[`t${count}`] = drawTable(random, mode);
  const steps: Step[] = [];
  for (let count = random.between(15, 80); count > 0; count--) {
    const kind = pickStep(random);
    const pauseMs = random.pick([0, 1, 10, 200, 1000, 1000, 4000, 10_000]);
    steps.push({ kind, random: random.between(1, 1e9), pauseMs });
  }
  return {
    seed,
    options: {
      size,
      topology: random.pick(['mesh', 'star', 'chain', 'both'] as const),
      tables,
      modes: mode === undefined ? availableModes : [mode],
      keys: random.pick([1, 2, 5]),
      delayMs: random.pick([[0.1, 1] as const, [1, 40] as const]),
      commitMs: [0.1, 2],
      durability: 'commit',
      checkpointAfter: random.pick([undefined, 8]),
      skewMs: random.pick([0, 1000, 60_000, 120_000]),
      late: 0,
      clocks: true,
    },
    steps,
  };
}

function drawTable(random: SeededRandom, mode?: ModeName): WorldTable {
  const drawn = mode ?? random.pick(availableModes);
  const declaration = { key: 'string', value: 'count', backend: 'sqlite', mode: drawn } as const;
  return {
    declaration: { ...declaration, ...random.pick(LIFETIMES) } as WorldTable['declaration'],
    switched: mode === undefined && random.chance(0.5),
    cleared: false,
  };
}

function pickStep(random: SeededRandom): StepKind {
  const all = STEPS.reduce((sum, [, weight]) => sum + weight, 0);
  let drawn = random.next() * all;
  for (const [kind, weight] of STEPS) if ((drawn -= weight) < 0) return kind;
  return 'write';
}
