import { MODES, type Regression, counts, world } from './regression-world.ts';

/** Worlds of wrong clocks that fresh seeds found. */
export const regressionsOfClocks: readonly Regression[] = [
  {
    found: 'an expiry took a concurrent value with it that was due later',
    world: world(
      1092693924,
      {
        size: 3,
        topology: 'star',
        tables: {
          t2: counts('automerge', { switched: true }, { createExpire: 3000 }),
          t1: counts('automerge'),
        },
        delayMs: [1, 40],
        commitMs: [0.1, 2],
        clocks: true,
        modes: MODES,
      },
      [
        ['write', 750693440, 0],
        ['heal', 613512791, 10000],
        ['write', 140261067, 0],
        ['clockCorrect', 842143299, 1000],
        ['write', 117577049, 0],
        ['partition', 565734646, 4000],
        ['write', 769204605, 200],
        ['write', 831408518, 1000],
      ],
    ),
  },
  {
    found: 'a write behind an expiry went on with the life of a row that the expiry had missed',
    world: world(
      1092694212,
      {
        size: 4,
        tables: {
          t1: counts('automerge', { switched: true }, { createExpire: 20000 }),
        },
        clocks: true,
        modes: MODES,
      },
      [
        ['write', 53375352, 4000],
        ['partition', 371612300, 1000],
        ['restart', 899438176, 4000],
        ['write', 600587215, 1000],
        ['write', 2484194, 10000],
        ['write', 803125582, 0],
        ['clockCorrect', 812420811, 1000],
        ['write', 189534048, 0],
        ['write', 1506909, 0],
      ],
    ),
  },
  {
    found: 'a write behind a removal went on with the life of a row that the removal had missed',
    world: world(
      1092694427,
      {
        size: 3,
        tables: {
          t1: counts('automerge', { switched: true }, { createExpire: 20000 }),
        },
        clocks: true,
        modes: MODES,
      },
      [
        ['write', 527690122, 200],
        ['partition', 896258802, 0],
        ['write', 672415030, 0],
        ['stop', 27294565, 10000],
        ['write', 521928160, 0],
        ['write', 203747997, 0],
      ],
    ),
  },
  {
    found: 'a write behind a removal that met its concurrent write was let go early',
    world: world(
      1092701909,
      {
        tables: {
          t1: counts('automerge', { switched: true }, { createExpire: 20000 }),
        },
        clocks: true,
        modes: MODES,
      },
      [
        ['write', 456244910, 4000],
        ['partition', 121239257, 0],
        ['write', 921188509, 0],
        ['write', 945211755, 1000],
        ['write', 527993029, 0],
      ],
    ),
  },
  {
    found: 'a write went on with the life of a row beside which its author had shown another',
    world: world(
      1821000292,
      {
        size: 3,
        tables: {
          t2: counts('naive', { switched: true }, { createExpire: 20000 }),
          t1: counts('automerge', {}, { writeExpire: 3000 }),
        },
        clocks: true,
        modes: MODES,
      },
      [
        ['write', 361695512, 4000],
        ['partition', 309555167, 0],
        ['write', 814641806, 4000],
        ['write', 233816979, 0],
        ['heal', 894307880, 200],
        ['batch', 112055020, 0],
      ],
    ),
  },
  {
    found: 'a write that was written again went on with the life of a row that its author had not known',
    world: world(
      1821000468,
      {
        size: 3,
        tables: {
          t2: counts('naive', { switched: true }, { createExpire: 20000 }),
        },
        clocks: true,
        modes: MODES,
      },
      [
        ['switch', 945643640, 0],
        ['partition', 225643863, 10000],
        ['write', 556357763, 10000],
        ['write', 399110879, 0],
      ],
    ),
  },
];
