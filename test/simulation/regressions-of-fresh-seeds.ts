import { MODES, type Regression, world } from './regression-world.ts';

/** Worlds that fresh seeds found, after the fixed ones had held for long. */
export const regressionsOfFreshSeeds: readonly Regression[] = [
  {
    found:
      'a row that was written while a checkpoint was on its way was told as removed under the later name',
    world: world(
      77023018,
      {
        tables: {
          hosts: {
            declaration: { key: 'string', value: 'count', backend: 'sqlite', mode: 'lww' },
            switched: true,
            cleared: true,
          },
        },
        delayMs: [0, 50],
        slices: { units: 1, pauseMs: 20 },
        modes: MODES,
      },
      [
        ['burst', 620185835, 1442],
        ['switch', 443960647, 0],
        ['write', 6606971, 973],
        ['heal', 60254253, 338],
        ['write', 331230828, 0],
      ],
    ),
  },
  {
    found: 'rows that a checkpoint changed without bringing an operation were reported as they had been',
    world: world(
      77002282,
      {
        size: 3,
        tables: {
          hosts: {
            declaration: { key: 'string', value: 'count', backend: 'sqlite', mode: 'naive' },
            switched: true,
            cleared: false,
          },
          seen: {
            declaration: { key: 'string', backend: 'sqlite', mode: 'lww' },
            switched: true,
            cleared: false,
          },
        },
        delayMs: [0, 50],
        bytesPerMs: 20,
        slices: { units: 1, pauseMs: 20 },
        modes: MODES,
      },
      [
        ['clockJump', 347758943, 12],
        ['write', 224343693, 87],
        ['write', 528611369, 15],
        ['switch', 197990534, 0],
        ['switchBoth', 876803988, 0],
        ['write', 901559517, 86],
        ['batch', 579206675, 0],
        ['write', 10836762, 0],
      ],
    ),
  },
  {
    found: 'a write that came behind a removal of its author undid another removal, and nobody was told',
    world: world(
      88026578,
      {
        size: 4,
        tables: {
          hosts: {
            declaration: { key: 'string', value: 'count', backend: 'sqlite', mode: 'naive' },
            switched: false,
            cleared: false,
          },
        },
        modes: MODES,
      },
      [
        ['crash', 19114756, 0],
        ['crash', 304059763, 878],
        ['crash', 738000601, 273],
        ['crash', 196398264, 1248],
        ['write', 794372286, 1259],
        ['partition', 472389124, 380],
        ['write', 93431654, 1615],
        ['write', 197390415, 1522],
        ['reset', 489126935, 1316],
        ['diskFull', 59673250, 556],
        ['restart', 202175148, 131],
        ['write', 911610873, 635],
        ['flush', 134257198, 1536],
        ['partition', 385306473, 515],
        ['powerLoss', 55531523, 1495],
        ['write', 863216150, 1425],
        ['write', 303843197, 1482],
        ['write', 873635298, 1614],
        ['write', 374803684, 1341],
        ['crash', 332399052, 1167],
        ['write', 327912689, 0],
        ['crash', 902183955, 0],
        ['heal', 932084596, 1631],
        ['partition', 487500327, 0],
        ['write', 749326189, 0],
        ['write', 101176374, 818],
        ['batch', 742281935, 537],
      ],
    ),
  },
];
