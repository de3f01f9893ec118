import type { Credential, TableDeclaration } from '../../../src/index.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import {
  type ModeName,
  type Step,
  type StepKind,
  type World,
  type WorldTable,
  availableModes,
} from '../world.ts';
import { BRIEF, LIFETIME_MS } from './brief.ts';
import { EVE } from './grammar.ts';

/** The table that some adversaries may write; all others are those of the honest nodes. */
export const OPEN = 'open';

/** What an adversary may do. */
const RIGHTS: readonly Partial<Credential>[] = [
  { write: [] },
  { write: [], origins: 'relay' },
  { write: [OPEN] },
  { write: [OPEN] },
  { write: [OPEN], origins: 'relay' },
  { write: [OPEN], origins: 'relay' },
  { read: [OPEN], write: [OPEN] },
  { read: [OPEN], write: [OPEN], origins: 'relay' },
];

const TEMPLATES: readonly TableDeclaration[] = [
  { key: 'string', value: 'count' },
  { key: 'string', value: 'string' },
  { key: 'string' },
  { key: 'string', value: 'int' },
];

const STEPS: readonly (readonly [StepKind, number])[] = [
  ['write', 40],
  ['batch', 6],
  ['hostile', 40],
  ['eveWrites', 10],
  ['storm', 2],
  ['hangUp', 3],
  ['restart', 2],
  ['switch', 2],
];

/** Draws a world of honest nodes with one adversary among them. */
export function drawAdversary(seed: number, mode?: ModeName): World {
  const random = new SeededRandom(seed);
  const size = random.pick([2, 2, 2, 3]);
  const tables: Record<string, WorldTable> = { [OPEN]: drawTable(random, mode) };
  for (let count = random.between(1, 2); count > 0; count--)
    tables[`closed${count}`] = drawTable(random, mode);
  if (random.chance(0.3)) {
    const brief = drawTable(random, mode);
    const { backend, mode: drawn } = brief.declaration;
    tables[BRIEF] = {
      ...brief,
      declaration: { key: 'string', backend, mode: drawn, createExpire: LIFETIME_MS },
    };
  }
  const options = {
    size,
    tables,
    modes: mode === undefined ? availableModes : [mode],
    topology: size === 2 ? ('pair' as const) : random.pick(['star', 'chain', 'mesh'] as const),
    keys: random.pick([1, 3, 10]),
    delayMs: [0, random.pick([1, 5, 50])] as const,
    commitMs: random.pick([
      [0, 0],
      [1, 3],
    ] as const),
    durability: 'commit' as const,
    checkpointAfter: random.pick([undefined, 16]),
    slices: random.pick([undefined, undefined, { units: 100, pauseMs: 5 }]),
    skewMs: random.pick([0, 0, 400]),
    late: 0,
    adversary: {
      rights: { name: EVE, nodes: [EVE], ...random.pick(RIGHTS) },
      tampers: random.pick([0, 0.1, 0.4]),
      retorts: random.pick([0, 0.1, 0.5]),
      lies: random.chance(0.5),
    },
  };
  return { seed, options, steps: drawSteps(random) };
}

function drawTable(random: SeededRandom, mode: ModeName | undefined): WorldTable {
  const modes = mode === undefined ? availableModes : [mode];
  const weighted = modes.flatMap((each) => (each === 'automerge' ? [each] : [each, each]));
  const declaration = {
    ...random.pick(TEMPLATES),
    backend: random.pick(['memory', 'sqlite'] as const),
    mode: random.pick(weighted),
  };
  return { declaration, switched: false, cleared: false };
}

function drawSteps(random: SeededRandom): Step[] {
  const total = STEPS.reduce((sum, [, weight]) => sum + weight, 0);
  const pauseMs = random.pick([0, 20, 300]);
  return Array.from({ length: random.between(8, 30) }, () => {
    let at = random.next() * total;
    const kind = STEPS.find(([, weight]) => (at -= weight) < 0)?.[0] ?? 'write';
    return { kind, random: random.between(1, 1e9), pauseMs: random.between(0, pauseMs) };
  });
}
