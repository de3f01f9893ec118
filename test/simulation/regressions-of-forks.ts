import { MODES, type Regression, counts, keys, world } from './regression-world.ts';

/** Worlds in which a disk was put back to an earlier state. */
export const regressionsOfForks: readonly Regression[] = [
  {
    found:
      'a node on an older disk that took a batch back could not read any more what it got back from its peer',
    world: world(
      790,
      {
        tables: {
          names: {
            declaration: { key: 'string', value: 'string', backend: 'memory', mode: 'naive' },
            switched: false,
            cleared: true,
          },
          sums: {
            declaration: { key: 'string', value: 'int', backend: 'sqlite', mode: 'naive' },
            switched: false,
            cleared: true,
          },
        },
        modes: MODES,
        keepOperations: 20,
      },
      [
        ['write', 798241398, 0],
        ['restore', 57511089, 0],
        ['write', 872457192, 27],
        ['restore', 282052610, 0],
        ['write', 993092146, 54],
        ['batch', 340943670, 0],
        ['clockJump', 507304203, 88],
        ['heal', 791897941, 54],
        ['crash', 939129168, 0],
      ],
    ),
  },
  {
    found: 'a switch of mode that was made twice under one name was told as another declaration',
    world: world(
      814,
      {
        tables: {
          seen: keys('naive', { switched: true, cleared: true }),
        },
        modes: MODES,
        keepOperations: 20,
      },
      [
        ['switch', 225297857, 20],
        ['restore', 847656794, 0],
        ['switch', 37242011, 39],
        ['restore', 414293201, 0],
        ['switch', 665851082, 0],
      ],
    ),
  },
  {
    found:
      'a node that switched a mode on its older disk where it had written and switched before was not told of its fork',
    world: world(
      131,
      {
        tables: {
          hosts: counts('lww', { switched: true, cleared: true }),
        },
        modes: MODES,
        commitMs: [1, 3],
        keepOperations: 20,
      },
      [
        ['write', 993780379, 0],
        ['restore', 276375562, 0],
        ['switch', 426573213, 0],
        ['restart', 322030924, 2000],
        ['restore', 510697460, 0],
        ['write', 120982480, 0],
      ],
    ),
  },
  {
    found: 'a node wrote again by itself on an older disk what its peer had already, and nobody was told',
    world: world(
      4060,
      {
        tables: {
          sums: {
            declaration: { key: 'string', value: 'int', backend: 'memory', mode: 'naive' },
            switched: true,
            cleared: true,
          },
          fresh: {
            declaration: { key: 'string', value: 'int', backend: 'sqlite', writeExpire: 3000, mode: 'naive' },
            switched: true,
            cleared: true,
          },
        },
        modes: MODES,
        commitMs: [0, 100],
        keepOperations: 20,
      },
      [
        ['write', 97939435, 0],
        ['heal', 310707218, 100],
        ['switchBoth', 749490171, 0],
        ['write', 766404043, 90],
        ['restore', 830294182, 0],
        ['heal', 389711563, 100],
        ['restore', 764981047, 0],
      ],
    ),
  },
  {
    found: 'a fork went on when the peer had lost what it knew better',
    world: world(
      5814,
      {
        tables: {
          hosts: counts('naive', { switched: true, cleared: true }),
        },
        modes: MODES,
      },
      [
        ['write', 492002659, 1103],
        ['restore', 695018195, 0],
        ['diskFail', 65793062, 0],
        ['write', 120615252, 763],
        ['restore', 987952958, 0],
        ['write', 30721694, 1436],
      ],
    ),
  },
  {
    found: 'the ledger wanted a write that was lost with the only disk that had it, and its name used again',
    world: world(
      800419,
      {
        tables: {
          hosts: counts('lww'),
          sums: {
            declaration: { key: 'string', value: 'int', backend: 'memory', mode: 'naive' },
            switched: true,
            cleared: true,
          },
        },
        modes: MODES,
      },
      [
        ['restore', 664311823, 0],
        ['diskFail', 844789573, 0],
        ['batch', 921135309, 78],
        ['restart', 524960030, 0],
        ['restore', 65367381, 0],
        ['write', 797606240, 0],
      ],
    ),
  },
  {
    found: 'the verdict did not expect rows to expire on an older disk before it met its peer',
    world: world(
      105,
      {
        tables: {
          fresh: {
            declaration: { key: 'string', value: 'int', backend: 'sqlite', writeExpire: 3000, mode: 'lww' },
            switched: true,
            cleared: true,
          },
        },
        modes: MODES,
      },
      [
        ['batch', 737400951, 0],
        ['restore', 948853397, 0],
        ['write', 379195930, 1396],
        ['write', 269640633, 1219],
        ['flush', 38533163, 1018],
        ['restore', 981442896, 0],
      ],
    ),
  },
  {
    found:
      'the judge took a name that was used again for what it had first stood for, whose author had seen more',
    world: world(
      1617755532,
      {
        tables: {
          seen: keys('naive', { cleared: true }),
        },
        modes: MODES,
      },
      [
        ['write', 998926566, 0],
        ['restore', 49524177, 0],
        ['flush', 722727277, 4],
        ['diskFull', 503866398, 0],
        ['batch', 994776252, 4],
        ['crash', 876799819, 0],
        ['restore', 504089506, 0],
        ['write', 259303266, 0],
      ],
    ),
  },
  {
    found: 'a name used again was covered by a checkpoint that its peer had taken over, and by no row of it',
    world: world(
      3974,
      {
        tables: {
          hosts: counts('naive', { switched: true }),
        },
        checkpointAfter: 16,
        keepOperations: 20,
        late: 1,
        modes: MODES,
      },
      [
        ['write', 896673927, 0],
        ['restore', 517427285, 0],
        ['burst', 604003059, 0],
        ['write', 734268041, 565],
        ['write', 552833729, 488],
        ['restart', 122215467, 1174],
        ['restore', 26733571, 0],
        ['write', 585355510, 0],
      ],
    ),
  },
  {
    found: 'a table that had parted from its peer was shared again when another table began a new life',
    world: world(
      2522,
      {
        tables: {
          hosts: counts('automerge', { cleared: true }),
          seen: keys('naive'),
        },
        keepOperations: 20,
        modes: MODES,
      },
      [
        ['restore', 947259726, 0],
        ['write', 180300940, 0],
        ['write', 856254343, 0],
        ['write', 753152296, 0],
        ['heal', 702272666, 2000],
        ['restore', 524124810, 0],
        ['write', 850985738, 0],
        ['heal', 162060471, 1804],
        ['reset', 469448901, 0],
      ],
    ),
  },
];
