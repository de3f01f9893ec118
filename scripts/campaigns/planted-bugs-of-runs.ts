import { type PlantedBug, bug } from './planted-bug.ts';

const INSIDE = 'test/modes/state-inside.test.ts';
const PUBLIC_MODEL = 'test/reliability/public-model.test.ts';
const DEFAULTS = 'test/modes/defaults.test.ts';
const OPEN_RUNS = 'test/modes/open-runs.test.ts';

/** Bugs of what begins while a run is open, of what is read inside one, and of counters that nodes begin differently. */
export const bugsOfRuns: readonly PlantedBug[] = [
  bug(
    'show the end of a run at its beginning',
    ['modes/automerge/carried-runs.ts', 'part: { effects: part, change: done },', 'part: undefined,'],
    [INSIDE],
  ),
  bug(
    'let the beginning of a run wait for rows that the rest of it writes near',
    [
      'modes/automerge/carried-runs.ts',
      'this.#state.enterNear(effects, touched);\n    const parts = changesOfPart',
      'this.#state.enterNear(part, touched);\n    const parts = changesOfPart',
    ],
    [INSIDE],
  ),
  bug(
    'show all of a checkpoint at its first position',
    ['projection/replay/replay.ts', 'bound.position < position + span - 1', 'bound.position < position'],
    [INSIDE],
  ),
  bug(
    'let a batch take back what was written before it',
    [
      'node/batches.ts',
      'this.#log.seal();\n      return this.#runOpen(write);',
      'return this.#runOpen(write);',
    ],
    [OPEN_RUNS],
  ),
  bug(
    'tell of a run while it is closed',
    [
      'log/keeping/operation-log.ts',
      'return this.#telling.holding(() => {',
      'return ((act: () => boolean): boolean => act())(() => {',
    ],
    [OPEN_RUNS],
  ),
  bug(
    'count nothing of a counter that others began elsewhere',
    ['modes/automerge/registers.ts', 'cell = sumOf(cell, other.apart);', 'cell = sumOf(cell, 0);'],
    [DEFAULTS],
  ),
  bug(
    'count in each beginning what was added to several',
    [
      'modes/automerge/registers.ts',
      'return named.length === 1 || !named.some((other) => isPartOf(entry, other));',
      'return named.length > 0;',
    ],
    [DEFAULTS],
  ),
  bug(
    'begin with the default that the log remembers',
    ['node/table-catalog.ts', 'if (before !== undefined) before.declareAs(schema);', ''],
    [DEFAULTS],
  ),
  {
    name: 'read by time what is written behind a switch into the document before it',
    edits: [
      {
        file: 'src/projection/replay/replay.ts',
        find: 'return timeMs !== Infinity && !inForce.isAhead(run);',
        replace: 'return timeMs !== Infinity;',
      },
      {
        file: 'src/projection/replay/replay.ts',
        find: 'projection.inForce.switchHere(run.epoch);',
        replace: 'run.epoch.counter.toFixed();',
      },
    ],
    tests: [INSIDE],
  },
  bug(
    'tell that a row was changed which was not there',
    [
      'projection/writing/local-writes.ts',
      "const kind = rows.has(slot) ? 'changed' : 'new';\n    const previous = kind === 'new' ? undefined : rows.value(slot);",
      "const kind = slot < 0 ? 'new' : 'changed';\n    const previous = rows.has(slot) ? rows.value(slot) : undefined;",
    ],
    [PUBLIC_MODEL],
  ),
];
