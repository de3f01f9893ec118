import { MODES, type Regression, counts, keys, world } from './regression-world.ts';

/** Worlds in which operations of several authors, or what a checkpoint forgot, arrived in an order that nobody had thought of. */
export const regressionsOfOrder: readonly Regression[] = [
  {
    found: 'a write came behind one that had seen it, replaced it, and was told as a conflict',
    world: world(
      1430136239,
      {
        size: 4,
        tables: {
          t1: counts('naive'),
        },
        clocks: true,
        modes: MODES,
      },
      [
        ['write', 1891236, 1000],
        ['partition', 595647101, 0],
        ['write', 216618158, 10],
        ['write', 310701995, 10000],
      ],
    ),
  },
  {
    found: 'the judge did not know that a later removal may be named for one that a checkpoint forgot',
    world: world(
      2094999664,
      {
        size: 3,
        tables: {
          hosts: counts('naive'),
        },
        delayMs: [0, 1],
        checkpointAfter: 64,
        modes: MODES,
      },
      [
        ['batch', 577593619, 0],
        ['batch', 449540236, 0],
        ['stop', 28325864, 0],
        ['write', 1687103, 0],
      ],
    ),
  },
  {
    found: 'the judge did not know that a later clear may be named for one that a checkpoint forgot',
    world: world(
      2094996743,
      {
        size: 5,
        tables: {
          names: {
            declaration: { key: 'string', value: 'string', backend: 'memory', mode: 'lww' },
            switched: false,
            cleared: false,
          },
          seen: keys('naive', { cleared: true }),
        },
        topology: 'star',
        keys: 30,
        checkpointAfter: 16,
        late: 3,
        modes: MODES,
      },
      [
        ['stop', 893902992, 0],
        ['burst', 986655867, 0],
        ['stop', 299948382, 0],
        ['write', 867196495, 0],
        ['batch', 196076121, 96],
      ],
    ),
  },
  {
    found:
      'the judge took the first use of a name for a later one where it had been sent before its author told of it',
    world: world(
      1610023910,
      {
        tables: {
          sums: {
            declaration: { key: 'string', value: 'int', backend: 'sqlite', mode: 'lww' },
            switched: true,
            cleared: false,
          },
        },
        topology: 'both',
        keys: 8,
        delayMs: [0, 200],
        bytesPerMs: 20,
        slices: { units: 1, pauseMs: 20 },
        modes: MODES,
      },
      [
        ['batch', 686697989, 0],
        ['write', 137177587, 69],
        ['write', 871162865, 69],
        ['write', 230227441, 84],
        ['restore', 744054047, 0],
        ['write', 205627213, 80],
        ['write', 408553642, 77],
        ['switch', 247130149, 0],
        ['restore', 460178804, 0],
        ['write', 315693761, 73],
        ['heal', 196523663, 2000],
        ['batch', 662396926, 0],
        ['write', 615278438, 66],
        ['switch', 452692434, 58],
        ['write', 151150212, 0],
        ['switch', 4346352, 0],
      ],
    ),
  },
  {
    found:
      'the judge did not know that a removal of nothing may be named where a checkpoint forgot the one before it',
    world: world(
      1415418277,
      {
        size: 4,
        tables: {
          hosts: counts('naive'),
          names: {
            declaration: { key: 'string', value: 'string', backend: 'memory', mode: 'naive' },
            switched: false,
            cleared: true,
          },
        },
        keys: 3,
        bytesPerMs: 20,
        checkpointAfter: 16,
        modes: MODES,
      },
      [
        ['write', 661366084, 0],
        ['write', 718662525, 0],
        ['batch', 793428809, 0],
        ['crash', 343792433, 0],
        ['write', 896054562, 0],
        ['write', 40089520, 0],
        ['batch', 236840936, 282],
        ['crash', 116019222, 520],
        ['write', 446916369, 1919],
        ['write', 999510131, 1226],
        ['restart', 570271770, 1843],
        ['write', 469408958, 1010],
        ['write', 975588925, 1211],
        ['write', 759112034, 1067],
        ['reset', 231638904, 1630],
        ['write', 725123046, 1410],
        ['crash', 647177785, 494],
        ['write', 165281781, 1686],
        ['write', 36760346, 1688],
        ['crash', 991659486, 793],
        ['write', 560504865, 0],
        ['write', 666062739, 0],
        ['batch', 621237043, 0],
        ['write', 16539681, 0],
        ['write', 70191447, 0],
        ['batch', 812503079, 0],
        ['write', 703546274, 0],
        ['write', 140301510, 0],
        ['batch', 617444352, 0],
        ['batch', 381311162, 0],
        ['write', 8892180, 0],
        ['write', 50904362, 589],
        ['partition', 62800512, 648],
        ['crash', 278529991, 0],
        ['burst', 344146719, 0],
      ],
    ),
  },
];
