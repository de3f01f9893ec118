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
];
