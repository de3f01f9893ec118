import { MODES, type Regression, world } from './regression-world.ts';

/** Worlds with an adversary that fresh seeds found. */
export const regressionsOfAdversaries: readonly Regression[] = [
  {
    found: 'a removal made without knowing of two switches was carried over the first only',
    world: world(
      1603024026,
      {
        tables: {
          closed2: {
            declaration: { key: 'string', value: 'count', backend: 'memory', mode: 'naive' },
            switched: false,
            cleared: false,
          },
          closed1: {
            declaration: { key: 'string', value: 'count', backend: 'memory', mode: 'naive' },
            switched: false,
            cleared: false,
          },
        },
        modes: MODES,
        adversary: {
          rights: { name: 'eve', nodes: ['eve'], write: ['open'], origins: 'relay' },
          tampers: 0.4,
          retorts: 0,
          lies: true,
        },
      },
      [
        ['write', 682512616, 0],
        ['switch', 491304286, 0],
        ['switch', 203062312, 0],
      ],
    ),
  },
  {
    found: 'a counter that was begun anew without knowing of a switch counted on what it had replaced',
    world: world(
      1603025030,
      {
        tables: {
          open: {
            declaration: { key: 'string', value: 'count', backend: 'memory', mode: 'lww' },
            switched: false,
            cleared: false,
          },
          closed1: {
            declaration: { key: 'string', value: 'int', backend: 'sqlite', mode: 'automerge' },
            switched: false,
            cleared: false,
          },
        },
        modes: MODES,
        adversary: {
          rights: { name: 'eve', nodes: ['eve'], read: ['open'], write: ['open'] },
          tampers: 0,
          retorts: 0,
          lies: true,
        },
      },
      [
        ['write', 89113331, 0],
        ['switch', 99673998, 0],
        ['batch', 272581898, 0],
      ],
    ),
  },
  {
    found: 'the judge did not know that a program refuses to count on a number which it cannot hold',
    world: world(
      1920004230,
      {
        tables: {
          open: {
            declaration: { key: 'string', value: 'int', backend: 'sqlite', mode: 'naive' },
            switched: false,
            cleared: false,
          },
        },
        modes: MODES,
        adversary: {
          rights: { name: 'eve', nodes: ['eve'], write: ['open'] },
          tampers: 0.4,
          retorts: 0,
          lies: false,
        },
      },
      [
        ['write', 781905678, 227],
        ['hostile', 247594697, 88],
        ['batch', 811025978, 0],
      ],
    ),
  },
  {
    found:
      'all the sums that many questions ask for were said in one turn, and the judge knew no bound of it',
    world: world(
      1434966689,
      {
        tables: {
          open: {
            declaration: { key: 'string', backend: 'memory', mode: 'automerge' },
            switched: false,
            cleared: false,
          },
          closed1: {
            declaration: { key: 'string', value: 'string', backend: 'sqlite', mode: 'naive' },
            switched: false,
            cleared: false,
          },
        },
        adversary: {
          rights: { name: 'eve', nodes: ['eve'], write: [], origins: 'relay' },
          tampers: 0.1,
          retorts: 0,
          lies: true,
        },
        modes: MODES,
      },
      [
        ['write', 311036303, 263],
        ['hostile', 981225976, 202],
        ['write', 964510763, 224],
        ['write', 697615888, 281],
        ['hostile', 977824244, 192],
        ['switch', 448637045, 214],
        ['hostile', 904646972, 259],
        ['write', 391378462, 237],
        ['storm', 41892999, 0],
      ],
    ),
  },
];
