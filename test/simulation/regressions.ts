import type { Step, World, WorldOptions, WorldTable } from './world.ts';

/** A world that once failed, shrunk, and what it found. */
export interface Regression {
  readonly found: string;
  readonly world: World;
}

const table = (declaration: WorldTable['declaration'], switched = false): WorldTable => ({
  declaration,
  switched,
  cleared: true,
});

const seen = table({ key: 'string', backend: 'sqlite', mode: 'naive' });
const sums = table({ key: 'string', value: 'int', backend: 'sqlite', mode: 'naive' });
const fresh = table(
  { key: 'string', value: 'int', backend: 'sqlite', writeExpire: 3000, mode: 'naive' },
  true,
);

const MODES = ['naive', 'lww', 'automerge'] as const;
const hosts = { key: 'string', value: 'count', backend: 'sqlite', mode: 'lww' } as const;
const memorySums = table({ key: 'string', value: 'int', backend: 'memory', mode: 'automerge' }, true);

function world(
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

/** They run before any other world. */
export const regressions: readonly Regression[] = [
  {
    found: 'after a start from its own checkpoint a node did not send peers what stands before it',
    world: world(84, { tables: { seen, sums: { ...sums, cleared: false } }, checkpointAfter: 16, late: 1 }, [
      ['batch', 332_833_161, 0],
      ['write', 866_999_434, 0],
      ['stop', 495_534_728, 0],
      ['reset', 157_018_916, 0],
      ['heal', 368_181_654, 0],
    ]),
  },
  {
    found: 'after a batch that was taken back a node did not send the first operation of a table',
    world: world(250, { tables: { seen, sums } }, [
      ['batch', 644_580_990, 0],
      ['write', 813_132_253, 0],
    ]),
  },
  {
    found: 'a replay told of removals that a switch of mode brought along, and live nobody was told',
    world: world(57, { tables: { fresh }, late: 1 }, [
      ['write', 712_299_497, 1291],
      ['switch', 740_379_411, 1910],
      ['flush', 489_329_616, 0],
    ]),
  },
  {
    found: 'increments that a switch of mode passed over were told without what was added',
    world: world(
      2169,
      {
        tables: { sums: { ...memorySums, cleared: false } },
        modes: MODES,
        size: 3,
      },
      [
        ['write', 310_581_042, 0],
        ['switchBoth', 352_437_667, 0],
      ],
    ),
  },
  {
    found:
      'rows that a checkpoint brought to an automerge table were told in another order than a replay tells them',
    world: world(
      2267,
      {
        tables: { sums: { ...sums, switched: true, cleared: false } },
        modes: MODES,
        size: 4,
        topology: 'chain',
        late: 2,
      },
      [
        ['write', 241_087_195, 0],
        ['write', 926_112_400, 0],
        ['write', 953_183_582, 0],
        ['switch', 770_256_085, 0],
        ['write', 579_299_673, 0],
        ['write', 963_868_028, 0],
      ],
    ),
  },
  {
    found: 'a stream missed what was written behind a torn segment before it was on disk',
    world: world(
      3145,
      {
        tables: { seen: { ...seen, switched: true } },
        modes: MODES,
        size: 3,
        commitMs: [0, 100],
        late: 1,
      },
      [
        ['write', 232_966_137, 0],
        ['switch', 914_350_676, 0],
        ['write', 237_736_377, 0],
        ['powerLoss', 472_983_081, 0],
        ['write', 297_416_438, 0],
      ],
    ),
  },
  {
    found: 'a write that two switches in a row passed over was written again only once',
    world: world(
      5125,
      {
        tables: { hosts: { declaration: hosts, switched: true, cleared: false } },
        modes: MODES,
        size: 3,
      },
      [
        ['write', 693_467_449, 0],
        ['switchBoth', 638_919_367, 0],
      ],
    ),
  },
  {
    found:
      'a write that a switch passed over while the disk was full was not written again when there was space',
    world: world(
      5820,
      {
        tables: { hosts: { declaration: hosts, switched: true, cleared: false } },
        modes: MODES,
        keepOperations: 20,
      },
      [
        ['write', 125_575_270, 0],
        ['diskFull', 745_819_964, 0],
        ['batch', 540_387_373, 0],
        ['switch', 691_435_461, 0],
      ],
    ),
  },
];
