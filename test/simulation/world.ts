import type { Credential, TableDeclaration } from '../../src/index.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import type { Topology } from '../support/cluster.ts';
import { SeededRandom } from '../support/seeded-random.ts';

export type ModeName = 'naive' | 'lww' | 'automerge';

/** One table of a world. */
export interface WorldTable {
  readonly declaration: TableDeclaration & { readonly mode: ModeName; readonly backend: string };
  /** Whether its mode is switched: then only what every mode promises can be expected of it. */
  readonly switched: boolean;
  /** Whether it is ever cleared: then no key can be expected to stay. */
  readonly cleared: boolean;
  /** Whether rows of it are touched; left out of worlds that were kept before there were touches. */
  readonly touched?: boolean | undefined;
}

/** An adversary: what it may do, and how it behaves. */
export interface AdversaryOptions {
  readonly rights: Credential;
  /** How often a message of its node is altered, dropped, said twice or kept for later, in [0, 1]. */
  readonly tampers: number;
  /** How often it answers a message with one of its own making, in [0, 1]. */
  readonly retorts: number;
  /** Whether it pretends to have other rows wherever tables are compared. */
  readonly lies: boolean;
}

/** What stays the same in a world from its beginning to its end. */
export interface WorldOptions {
  readonly size: number;
  readonly topology: Topology;
  readonly tables: Readonly<Record<string, WorldTable>>;
  /** Modes that tables are switched to. */
  readonly modes: readonly ModeName[];
  readonly keys: number;
  readonly delayMs: readonly [number, number];
  readonly commitMs: readonly [number, number];
  /** Capacity of each link; undefined for links that are never the bottleneck. */
  readonly bytesPerMs?: number | undefined;
  readonly durability: 'commit' | 'interval';
  readonly maxMemoryLogBytes?: number | undefined;
  /** Operations after which a node writes a checkpoint of a table; undefined: as outside simulations. */
  readonly checkpointAfter?: number | undefined;
  /** Units of long work that a node does at a time, and the pause after it; undefined: as outside simulations. */
  readonly slices?: { readonly units: number; readonly pauseMs: number } | undefined;
  /** Operations of the durable log that a node keeps; undefined: all. */
  readonly keepOperations?: number | undefined;
  readonly skewMs: number;
  /** How many nodes join only when a step tells them to. */
  readonly late: number;
  /** A peer that keeps to no rule but the grammar of the protocol; undefined in ordinary worlds. */
  readonly adversary?: AdversaryOptions | undefined;
  /** Whether its faults are its clocks: see `clocks/draw.ts`. */
  readonly clocks?: boolean | undefined;
}

export type StepKind = keyof typeof ORDINARY | AdversaryStep | 'clockCorrect';

/** Steps of worlds with an adversary only. */
type AdversaryStep = 'hostile' | 'storm' | 'hangUp' | 'eveWrites';

/** What happens at one moment. Everything in it is relative, so that it means something in any state. */
export interface Step {
  readonly kind: StepKind;
  /** Draws whatever is needed to carry it out. */
  readonly random: number;
  /** How much virtual time passes after it, in milliseconds. */
  readonly pauseMs: number;
}

/** Everything that decides what happens: the same world runs the same way on every machine. */
export interface World {
  readonly seed: number;
  readonly options: WorldOptions;
  readonly steps: readonly Step[];
}

/** How often each kind of step is taken. */
const ORDINARY = {
  write: 100,
  batch: 10,
  burst: 1,
  flush: 10,
  switch: 3,
  switchBoth: 1,
  partition: 4,
  oneWayCut: 2,
  reset: 4,
  heal: 8,
  crash: 4,
  powerLoss: 3,
  stop: 2,
  restart: 12,
  diskFull: 2,
  diskFail: 1,
  clockJump: 2,
  restore: 2,
} as const;

/** Kinds of steps that a world always has, so that it does not stand still. */
const ALWAYS: ReadonlySet<string> = new Set(['write', 'heal', 'restart']);

const TEMPLATES: Readonly<Record<string, TableDeclaration>> = {
  hosts: { key: 'string', value: 'count', backend: 'sqlite' },
  names: { key: 'string', value: 'string', backend: 'memory' },
  seen: { key: 'string', backend: 'sqlite' },
  sums: { key: 'string', value: 'int', backend: 'memory' },
  fresh: { key: 'string', value: 'int', backend: 'sqlite', writeExpire: 3000 },
  brief: { key: 'string', backend: 'memory', createExpire: 2000 },
};

/** The modes this version has. */
export const availableModes: readonly ModeName[] = (['naive', 'lww', 'automerge'] as const).filter(
  isAvailable,
);

function isAvailable(mode: ModeName): boolean {
  try {
    modeNamed({ name: 'probe', mode });
    return true;
  } catch {
    return false;
  }
}

const SCALES = ['small', 'small', 'small', 'small', 'small', 'middle', 'middle', 'large'] as const;

/** What worlds are to be drawn. */
export interface DrawOptions {
  /** Every table begins in this mode, and only this one is switched to. */
  readonly mode?: ModeName | undefined;
  /** Every world has switches of mode. */
  readonly switching?: boolean | undefined;
  /** In every world disks are put back, not only in every eleventh. */
  readonly forks?: boolean | undefined;
  /** In every world one peer is an adversary: see `kinds.ts`. */
  readonly adversary?: boolean | undefined;
  /** In every world clocks are what is wrong: see `kinds.ts`. */
  readonly clocks?: boolean | undefined;
}

/** In every so manieth world disks are put back whose nodes have told their peer more: rare otherwise, and forks come of it. */
const FORK_PRONE = 11;

/** Draws a world; each kind of fault may be absent from it, ordinary or frequent. */
export function drawWorld(seed: number, draw: DrawOptions = {}): World {
  const world = drawOrdinary(seed, draw);
  return draw.forks === true || seed % FORK_PRONE === 0 ? forkProne(world, draw) : world;
}

/** Makes of a world one of two nodes, and adds that disks are put back to earlier states at any time, and written on. */
function forkProne({ seed, options, steps }: World, draw: DrawOptions): World {
  const random = new SeededRandom(seed).fork();
  const switched = Object.values(options.tables).some((table) => table.switched);
  const mixed = [...steps];
  const put = (kind: StepKind, number: number, pauseMs: number): void => {
    mixed.splice(random.between(0, mixed.length), 0, { kind, random: number, pauseMs });
  };
  const any = (): number => random.between(1, 1e9);
  for (let count = random.between(2, 6); count > 0; count--) put('restore', ofFirst(random), 0);
  for (let count = random.between(2, 8); count > 0; count--) put('write', ofFirst(random), 0);
  for (let count = random.between(1, 3); count > 0; count--) put('heal', any(), random.pick([0, 100, 2000]));
  for (let count = random.between(0, 2); count > 0; count--)
    put('restart', any(), random.pick([0, 100, 2000]));
  if (switched || draw.switching === true)
    for (let count = random.between(0, 2); count > 0; count--)
      put(random.chance(0.3) ? 'switchBoth' : 'switch', any(), 0);
  const topology = random.pick(['pair', 'both'] as const);
  return { seed, options: { ...options, size: 2, topology, late: 0, durability: 'commit' }, steps: mixed };
}

/** A number for a step whose first draw picks the first of two. */
function ofFirst(random: SeededRandom): number {
  for (;;) {
    const drawn = random.between(1, 1e9);
    if (new SeededRandom(drawn).next() < 0.5) return drawn;
  }
}

function drawOrdinary(seed: number, draw: DrawOptions): World {
  const random = new SeededRandom(seed);
  // Most worlds are small, because what goes wrong nearly always goes wrong among few; some are large.
  const scale = random.pick(SCALES);
  const size =
    scale === 'small'
      ? random.pick([2, 2, 3])
      : scale === 'middle'
        ? random.pick([2, 3, 3, 4])
        : random.pick([3, 4, 5]);
  const tables = drawTables(random, scale === 'small' ? 2 : 4, draw);
  const options = { ...drawOptions(random, { size, tables }), slices: SLICES[seed % SLICES.length] };
  const steps = drawSteps(random, { scale, options });
  // Where switching is what is looked for, no world goes without.
  for (let count = draw.switching === true ? random.between(1, 3) : 0; count > 0; count--) {
    const kind = random.chance(0.3) ? 'switchBoth' : 'switch';
    const step: Step = { kind, random: random.between(1, 1e9), pauseMs: 0 };
    steps.splice(random.between(0, steps.length), 0, step);
  }
  return { seed, options, steps };
}

/** Told by the seed, so that what is drawn under it stays the same. */
const SLICES: readonly WorldOptions['slices'][] = [
  undefined,
  { units: 1, pauseMs: 1 },
  { units: 1, pauseMs: 20 },
  { units: 100, pauseMs: 5 },
];

function drawTables(
  random: SeededRandom,
  most: number,
  { mode, switching }: DrawOptions,
): Readonly<Record<string, WorldTable>> {
  const names = Object.keys(TEMPLATES).filter(() => random.chance(0.4));
  const chosen = names.length === 0 ? [random.pick(['hosts', 'sums'])] : names.slice(0, most);
  const modes = mode === undefined ? availableModes : [mode];
  const weighted = modes.flatMap((each) => (each === 'automerge' ? [each] : [each, each, each]));
  return Object.fromEntries(
    chosen.map((name) => {
      const template = TEMPLATES[name] as TableDeclaration;
      const backend = name === 'sums' && random.chance(0.5) ? 'sqlite' : (template.backend ?? 'memory');
      const declaration = { ...template, backend, mode: random.pick(weighted) };
      const switched = random.chance(0.4) || switching === true;
      const cleared = random.chance(0.5);
      const touched = declaration.writeExpire !== undefined;
      return [name, { declaration, switched: switched && mode === undefined, cleared, touched }];
    }),
  );
}

function drawOptions(
  random: SeededRandom,
  { size, tables }: Pick<WorldOptions, 'size' | 'tables'>,
): WorldOptions {
  const comparesTimes = Object.values(tables).some(
    ({ declaration, switched }) => switched || declaration.mode !== 'naive',
  );
  return {
    size,
    tables,
    modes: availableModes,
    topology:
      size === 2
        ? random.pick(['pair', 'both'] as const)
        : random.pick(['star', 'chain', 'ring', 'mesh', 'both'] as const),
    keys: random.pick([1, 3, 8, 30]),
    delayMs: [0, random.pick([1, 5, 50, 200])],
    commitMs: random.pick([
      [0, 0],
      [1, 3],
      [0, 100],
    ] as const),
    bytesPerMs: random.pick([undefined, undefined, 1000, 20]),
    durability: random.pick(['commit', 'commit', 'interval'] as const),
    maxMemoryLogBytes: random.pick([undefined, undefined, 3000]),
    checkpointAfter: random.pick([undefined, 16, 64]),
    keepOperations: random.pick([undefined, undefined, 20]),
    // Where times decide, peers more than five minutes apart refuse each other until the time has come.
    skewMs: comparesTimes ? random.pick([0, 0, 1000, 100_000]) : random.pick([0, 1000, 3_600_000]),
    late: random.chance(0.3) ? random.between(1, size - 1) : 0,
  };
}

function drawSteps(
  random: SeededRandom,
  { scale, options }: { readonly scale: 'small' | 'middle' | 'large'; readonly options: WorldOptions },
): Step[] {
  const switched = Object.values(options.tables).some((table) => table.switched);
  const heavy = Object.values(options.tables).some(({ declaration }) => declaration.mode === 'automerge');
  const weights = Object.entries(ORDINARY).map(([kind, weight]): [StepKind, number] => {
    const factor = ALWAYS.has(kind) ? 1 : random.pick([0, 1, 1, 3]);
    // Of two nodes it is certain which one has to begin anew where they hold different operations.
    const restores = options.size === 2 && options.durability === 'commit';
    const possible = kind === 'restore' ? restores : switched || !kind.startsWith('switch');
    return [
      kind as StepKind,
      possible ? weight * (switched && kind === 'switch' ? Math.max(1, factor) : factor) : 0,
    ];
  });
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  const most = { small: 30, middle: 70, large: 130 }[scale];
  const count = random.between(10, heavy ? most / 2 : most);
  const pauseMs = random.pick([0, 5, 100, 2000]);
  return Array.from({ length: count }, () => {
    let at = random.next() * total;
    const kind = weights.find(([, weight]) => (at -= weight) < 0)?.[0] ?? 'write';
    return { kind, random: random.between(1, 1e9), pauseMs: random.between(0, pauseMs) };
  });
}
