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
];
