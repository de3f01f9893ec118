import { type PlantedBug, bug } from './planted-bug.ts';

const DEADLINES = 'test/projection/deadlines.test.ts';
const AHEAD = 'test/modes/clocks-ahead.test.ts';
const CLOCKS = 'test/modes/clocks.test.ts';
const JUMPS = 'test/conformance/clocks.test.ts';

/** What a time means where it should mean nothing. */
export const bugsOfTimes: readonly PlantedBug[] = [
  bug(
    'wait by the clock of the machine for peers to take what they lack',
    ['replication/session/settle.ts', 'environment.elapsed() + SETTLE_MS', 'environment.now() + SETTLE_MS'],
    [JUMPS],
  ),
  bug(
    'reckon the age of the log by a jump that is not believed',
    [
      'log/trimming/log-keeper.ts',
      'this.#ages?.due(this.#parts.wall.believed(), begun)',
      'this.#ages?.due(this.#parts.wall.now(), begun)',
    ],
    [JUMPS],
  ),
  bug(
    'count a lifetime from a time ahead of this clock',
    ['projection/times/deadlines.ts', 'Math.min(0, fromMs - this.#wallMs)', '(fromMs - this.#wallMs)'],
    [DEADLINES],
  ),
  bug(
    'leave a row in its bucket when it is due earlier',
    [
      'projection/times/deadlines.ts',
      'if (!(bucket <= this.#bucketAt(due))) this.#enqueue(slot, due);',
      'if (Number.isNaN(bucket)) this.#enqueue(slot, due);',
    ],
    [DEADLINES],
  ),
  bug(
    'go on with the life of whatever row stands',
    [
      'projection/folding/effects.ts',
      'if (beginsAnew) rows.beginnings?.set(slot, dot);',
      'if (beginsAnew && slot < 0) rows.beginnings?.set(slot, dot);',
    ],
    [DEADLINES],
  ),
  bug(
    'keep the first write of a row whose removal lost',
    [
      'projection/folding/effects.ts',
      'else if (present) rows.beginnings?.forgetFirst(slot, rows.dot(slot));',
      'else if (slot < 0) rows.beginnings?.forgetFirst(slot, rows.dot(slot));',
    ],
    [DEADLINES],
  ),
  bug(
    'go on with the life of a row that a removal missed',
    [
      'projection/times/row-lives.ts',
      'return [rows.beginnings?.missed(slot), ...removals].find(',
      'return removals.slice(removals.length).find(',
    ],
    [DEADLINES],
  ),
  bug(
    'forget a removal with the row that it missed',
    [
      'projection/times/row-lives.ts',
      'return [rows.beginnings?.missed(slot), ...removals].find(',
      'return removals.find(',
    ],
    [DEADLINES],
  ),
  bug(
    'go on with the life of a row whose author let another one go',
    ['projection/folding/effects.ts', '    if (rows.has(slot)) rows.beginnings?.miss(slot, dot);\n', ''],
    [DEADLINES],
  ),
  bug(
    'let stamps from before a switch decide',
    [
      'projection/rows/versions.ts',
      'this.before = mode.comparesVersions ? before : undefined;',
      'this.before = before === undefined || mode.comparesVersions ? undefined : before;',
    ],
    [CLOCKS],
  ),
  bug(
    'forget in a checkpoint what was written before a switch',
    [
      'projection/checkpoints/checkpoint-header.ts',
      'before: before === undefined ? undefined : pairs(before.entries()),',
      'before: before === undefined ? undefined : [],',
    ],
    [CLOCKS],
  ),
  bug(
    'take note of stamps where they order nothing',
    [
      'log/operations/hybrid-clock.ts',
      'if (this.#orders && stamp >= this.#last)',
      'if (stamp >= this.#last)',
    ],
    [CLOCKS, 'test/log/names-and-clocks.test.ts'],
  ),
  bug(
    'take note of stamps from before a switch',
    [
      'projection/times/table-times.ts',
      'if (!this.#versions.isBefore(dot)) this.clock.observe(dot.stamp);',
      'this.clock.observe(dot.stamp);',
    ],
    [CLOCKS],
  ),
  bug(
    'believe a clock that jumps',
    [
      'log/operations/wall-clock.ts',
      'if (wall > expected + MAX_STEP_MS && ',
      'if (wall > expected + 1e15 && ',
    ],
    [CLOCKS, 'test/log/wall-clock.test.ts'],
  ),
  bug(
    'keep the limit where operations are passed on as where they enter',
    ['projection/times/table-times.ts', 'enters ? MAX_AHEAD_MS : MAX_RELAYED_AHEAD_MS', 'MAX_AHEAD_MS'],
    [AHEAD],
  ),
  bug(
    'vouch for nothing that was seen',
    ['projection/times/table-times.ts', '!enters || stamp > this.#vouched + SLACK_STAMPS', 'stamp > 0'],
    [AHEAD],
  ),
  bug(
    'check the times of what decides nothing',
    [
      'projection/folding/fold-of-others.ts',
      'if (inForce.mode.comparesVersions && !inForce.passesOver(run))',
      'if (inForce.mode.comparesVersions)',
    ],
    [AHEAD],
  ),
  bug(
    'believe any number of switches',
    [
      'log/operations/epoch.ts',
      'epoch.counter <= from.counter + MAX_MISSED_SWITCHES ||',
      'epoch.counter <= MAX_SWITCHES ||',
    ],
    ['test/security/claimed-switches.test.ts'],
  ),
  bug(
    'begin a counter with a number that others refuse',
    ['modes/automerge/counters.ts', 'this.#of(text) < MAX_GENERATION', 'this.#of(text) <= MAX_GENERATION'],
    ['test/modes/automerge-hostile.test.ts'],
  ),
  bug(
    'believe a reading of the clock for ever',
    ['projection/times/deadlines.ts', 'else this.#wallMs = Infinity;', 'else this.#wallMs += 0;'],
    ['test/simulation/clocks.test.ts', DEADLINES],
  ),
  bug(
    'let a row that a removal uncovers go on with the life of the removed one',
    [
      'projection/folding/document-lives.ts',
      "if (by.origin !== this.#on.origin || kind !== 'put') return true;",
      "if (by.origin !== this.#on.origin || kind !== 'put') return false;",
    ],
    [DEADLINES],
  ),
  bug(
    'let an expiry take concurrent values with it',
    [
      'modes/automerge/writing.ts',
      'const standing = expires === true ? registers.standing(key) : undefined;',
      'const standing = expires === undefined ? registers.standing(key) : undefined;',
    ],
    ['test/modes/expiry-in-documents.test.ts'],
  ),
  bug(
    'let a row go with the life of one that stands elsewhere',
    ['projection/folding/effects.ts', 'beginsAnew ? lives.rival(slot) : undefined', 'undefined'],
    ['test/simulation/clocks.test.ts'],
  ),
  bug(
    'let what is written again go on with a life that its author had not known',
    [
      'projection/switching/orphans.ts',
      'if (rows.has(slot) && !known && rows.beginnings !== undefined)',
      'if (rows.has(slot) && known && rows.beginnings !== undefined)',
    ],
    ['test/simulation/clocks.test.ts'],
  ),
  bug(
    'let a row go with the life that a removal missed',
    [
      'projection/folding/document-lives.ts',
      'rows.beginnings?.forgetFirst(slot, rows.dot(slot));',
      'rows.beginnings?.time(slot);',
    ],
    ['test/modes/expiry-in-documents.test.ts'],
  ),
];
