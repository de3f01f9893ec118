import { MODES, type Regression, counts, world } from './regression-world.ts';
import { regressionsOfFreshSeeds } from './regressions-of-fresh-seeds.ts';
import { regressionsOfOrder } from './regressions-of-order.ts';
import { regressionsOfForks } from './regressions-of-forks.ts';
import type { WorldTable } from './world.ts';

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

const hosts = { key: 'string', value: 'count', backend: 'sqlite', mode: 'lww' } as const;
const memorySums = table({ key: 'string', value: 'int', backend: 'memory', mode: 'automerge' }, true);

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
  {
    found:
      'a checkpoint that told a row under another write than the merged document stood in the log as it came',
    world: world(
      108_402,
      {
        tables: {
          hosts: { declaration: { ...hosts, mode: 'automerge' }, switched: true, cleared: false },
          seen: { ...seen, switched: true },
          brief: {
            declaration: { key: 'string', backend: 'memory', createExpire: 2000, mode: 'lww' },
            switched: true,
            cleared: false,
          },
        },
        modes: MODES,
        size: 4,
        delayMs: [0, 50],
        commitMs: [0, 100],
      },
      [
        ['switchBoth', 770_994_710, 0],
        ['switchBoth', 536_022_919, 0],
        ['write', 677_829_051, 0],
        ['stop', 84_979_820, 0],
        ['write', 751_105_090, 0],
      ],
    ),
  },
  {
    found: 'a checkpoint that told another sum than the merged document stood in the log as it came',
    world: world(
      208_668,
      {
        tables: {
          hosts: { declaration: hosts, switched: true, cleared: false },
          sums: table({ key: 'string', value: 'int', backend: 'sqlite', mode: 'automerge' }, true),
        },
        modes: MODES,
        size: 3,
      },
      [
        ['batch', 216_313_678, 0],
        ['batch', 589_486_550, 0],
        ['switchBoth', 491_415_823, 0],
      ],
    ),
  },
  {
    found: 'the same with a sum that went on while the links were cut',
    world: world(
      203_444,
      {
        tables: { sums: table({ key: 'string', value: 'int', backend: 'memory', mode: 'lww' }, true) },
        modes: MODES,
        size: 4,
        topology: 'star',
        delayMs: [0, 50],
      },
      [
        ['write', 913_601_538, 2],
        ['restart', 577_406_943, 3],
        ['write', 328_606_988, 4],
        ['write', 380_447_029, 4],
        ['oneWayCut', 966_504_822, 1],
        ['write', 884_114_522, 5],
        ['write', 39_607_597, 1],
        ['restart', 946_210_320, 3],
        ['write', 242_825_735, 2],
        ['write', 138_929_229, 2],
        ['restart', 510_955_762, 5],
        ['write', 84_106_030, 4],
        ['switchBoth', 656_228_407, 0],
        ['write', 365_430_144, 4],
        ['write', 954_505_426, 4],
        ['oneWayCut', 942_750_159, 5],
        ['write', 851_810_830, 4],
        ['write', 812_379_416, 1],
        ['write', 546_423_423, 4],
        ['batch', 283_717_224, 3],
        ['stop', 734_598_849, 0],
        ['write', 842_741_170, 0],
        ['burst', 226_625_806, 0],
      ],
    ),
  },
  {
    found: 'a write that a switch passed over while its author closed was forgotten behind a checkpoint',
    world: world(
      208_666,
      {
        tables: { hosts: { declaration: { ...hosts, mode: 'naive' }, switched: true, cleared: false } },
        modes: MODES,
        commitMs: [0, 100],
        checkpointAfter: 16,
      },
      [
        ['write', 751_371_017, 0],
        ['switchBoth', 922_746_070, 0],
        ['stop', 296_086, 0],
      ],
    ),
  },
  {
    found: 'the verdict wanted a write back that its author’s disk had lost and no other disk had yet',
    world: world(205_562, { tables: { seen: { ...seen, switched: true, cleared: false } }, modes: MODES }, [
      ['diskFail', 193_711_521, 0],
      ['restore', 43_711_961, 0],
      ['write', 707_655_943, 0],
      ['flush', 86_487_487, 96],
      ['restart', 848_205_749, 0],
      ['restore', 846_169_022, 0],
    ]),
  },
  {
    found: 'a key whose removal a checkpoint had forgotten was reported over the clear behind it',
    world: world(
      4429,
      {
        size: 3,
        tables: {
          sums: {
            declaration: { key: 'string', value: 'int', backend: 'memory', mode: 'lww' },
            switched: true,
            cleared: true,
          },
          fresh: {
            declaration: { key: 'string', value: 'int', backend: 'sqlite', writeExpire: 3000, mode: 'naive' },
            switched: false,
            cleared: true,
          },
          brief: {
            declaration: { key: 'string', backend: 'memory', createExpire: 2000, mode: 'lww' },
            switched: true,
            cleared: true,
          },
        },
        keys: 8,
        checkpointAfter: 16,
        late: 2,
        modes: MODES,
      },
      [
        ['write', 666883507, 1536],
        ['write', 448637038, 1419],
        ['flush', 225407395, 498],
        ['write', 562053192, 0],
        ['write', 508461064, 1332],
        ['partition', 599836292, 289],
        ['write', 875239978, 0],
        ['partition', 209303253, 468],
        ['write', 435305807, 0],
        ['write', 869887667, 0],
        ['write', 655172752, 447],
        ['batch', 73171703, 1652],
        ['write', 189906333, 896],
        ['write', 283027957, 716],
        ['crash', 480715349, 0],
        ['write', 703886361, 0],
        ['flush', 985659429, 1678],
        ['write', 100263403, 0],
        ['partition', 539200322, 1115],
        ['write', 539803412, 0],
        ['batch', 398749914, 0],
        ['batch', 89830526, 0],
      ],
    ),
  },
  {
    found: 'a write was made where another one waited in the document for what its author had seen',
    world: world(
      2396,
      {
        size: 5,
        tables: {
          names: {
            declaration: { key: 'string', value: 'string', backend: 'memory', mode: 'automerge' },
            switched: false,
            cleared: true,
          },
        },
        modes: MODES,
      },
      [
        ['write', 205673406, 270],
        ['partition', 151207637, 0],
        ['write', 481412131, 247],
        ['batch', 437384518, 1082],
        ['write', 120746546, 0],
      ],
    ),
  },
  {
    found:
      'a row that the clear of a checkpoint took away was told under its own write, and by a replay under the clear',
    world: world(
      2603,
      {
        size: 3,
        tables: {
          hosts: counts('naive', { switched: true, cleared: true }),
        },
        topology: 'ring',
        commitMs: [0, 100],
        modes: MODES,
      },
      [
        ['powerLoss', 663412031, 0],
        ['write', 188572864, 0],
        ['switch', 998712663, 97],
        ['write', 145013127, 0],
        ['crash', 485786601, 0],
        ['write', 361616184, 93],
        ['write', 52330556, 0],
      ],
    ),
  },
  ...regressionsOfForks,
  ...regressionsOfFreshSeeds,
  ...regressionsOfOrder,
];
