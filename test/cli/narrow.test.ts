import { expect, test } from 'vitest';
import { paragraphOf } from '../../src/cli/commands/conflicts.ts';
import { linesOf } from '../../src/cli/commands/peers.ts';
import { drawn } from '../../src/cli/commands/status.ts';
import { counted } from '../../src/cli/counted.ts';
import { drawnRows, hanging, helpText } from '../../src/cli/drawn-rows.ts';
import { program } from '../../src/cli/program.ts';
import { answerText } from '../../src/cli/query-text.ts';
import { RowText } from '../../src/cli/row-text.ts';
import { comparisonLines } from '../../src/cli/trial/table.ts';
import type { Comparison, ModeResult } from '../../src/trial/index.ts';

const NARROW = 60;

function modeResult(mode: ModeResult['mode']): ModeResult {
  const keys = { keysInConflict: 12_345, keysDiverged: 12_345, divergedReported: 12_345, falselyReported: 0 };
  return {
    mode,
    judgement: {
      rows: 100_000,
      keys: 12_345,
      concurrentRows: 54_321,
      keysWrittenConcurrently: 12_345,
      counts: { ...keys, counted: [98_765, 87_654, 99_999], lost: [12_345, 1, 0], excess: 0, busiest: [] },
      latest: { ...keys, lost: 12_345, kept: 7 },
    },
    wireBytes: 123_456_789,
    diskBytes: 543_210_987,
    interleaving: mode,
    measured: { writesPerSecond: 12_345.6, latencyMs: undefined, memoryBytes: undefined },
  };
}

const comparison: Comparison = {
  source: {
    log: '/var/log/zeek/current/conn.log',
    fields: { key: 'id.orig_h', value: 'service' },
    skippedLines: 12_345,
    skippedRecords: 1,
    more: true,
  },
  options: { nodes: 3, seed: 1, concurrent: 50, partitions: 10 },
  rows: 100_000,
  keys: 12_345,
  stretches: { all: 20, busy: 10, cut: 2 },
  clusters: [{ cluster: 'simulated', modes: (['naive', 'lww', 'automerge'] as const).map(modeResult) }],
};

const peer = {
  nodeId: 'worker-in-a-far-away-rack-27',
  address: 'ws://worker-27.rack-4.example:47760',
  direction: 'dialled',
  state: 'waiting',
  since: Date.now() - 3_600_000,
  reason: 'connect ECONNREFUSED 10.0.0.27:47760, tried again and again since it went away',
  sentOperations: 123_456_789,
  receivedOperations: 987_654_321,
  lagOperations: 12_345,
  durableOperations: 123_444_444,
  roundTripMs: 123.456,
  tables: [],
  heldBack: [
    {
      by: 'here',
      table: 'known_services',
      origin: 'worker-in-a-far-away-rack-27@i3wtf4az6r',
      sequence: 12_345,
      code: 'CLOCK_AHEAD',
      reason: 'It is written by a clock that is ahead of this one by more than an hour.',
      hint: 'Set the clock of that machine.',
    },
  ],
};

const side = { origin: 'worker-in-a-far-away-rack-27@i3wtf4az6r', sequence: 12_345 };
const conflict = {
  position: 123_456,
  time: 0,
  key: ['2001:db8:1234:5678:9abc:def0:1234:5678', '443/tcp'],
  kept: { value: 'words and words and words and words and words', ...side },
  lost: { value: undefined, ...side },
};

const table = {
  name: 'known_services_of_the_whole_network',
  declaration: {
    key: ['addr', 'port', 'string', 'subnet'],
    value: 'record',
    createExpire: '1d',
    writeExpire: '1h',
  },
  mode: 'automerge',
  rows: 12_345_678,
  problem: undefined,
} as const;

/** Everything that is laid out in columns, for a terminal of that many. */
const LAID_OUT: readonly (readonly [what: string, draw: (columns: number) => string])[] = [
  ['status', (columns) => drawn([table, table], { rows: true, columns })],
  [
    'peers',
    (columns) =>
      linesOf('manager', [peer, { ...peer, state: 'connected', heldBack: [] }], columns).join('\n'),
  ],
  [
    'conflicts',
    (columns) => paragraphOf(new RowText('t', { key: ['addr', 'port'], value: 'string' }), conflict, columns),
  ],
  [
    'query',
    (width) =>
      [
        ...answerText(
          {
            columns: ['address', 'service', 'count', 'first_seen'],
            rows: [
              {
                address: '2001:db8:1234:5678:9abc:def0:1234:5678',
                service: 'https',
                count: 12n,
                first_seen: 1,
              },
            ],
            position: 1,
          },
          { format: 'table', width },
        ),
      ].join(''),
  ],
  ['compare', (columns) => comparisonLines(comparison, columns).join('\n')],
];

const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

test.each(LAID_OUT)(
  '%s has no line beyond a terminal of 60 columns, and says all that a wide one has',
  (_, draw) => {
    const [narrow, wide] = [draw(NARROW), draw(200)];
    // What has room beside is not broken up; these have none.
    expect(widest(wide)).toBeGreaterThan(NARROW);
    expect(widest(narrow)).toBeLessThanOrEqual(NARROW);
    const words = (text: string): Set<string> =>
      new Set(text.replaceAll(/[│─┌┐└┘├┤┬┴┼:,]/g, ' ').split(/\s+/));
    // The first column has no name there: what it holds is the heading of the others.
    const said = words(narrow).add('').add('table').add('peer');
    expect([...words(wide)].filter((word) => !said.has(word))).toEqual([]);
  },
);

test('a line is broken at spaces, and what follows is indented; a longer word stays whole', () => {
  expect(hanging('  kept  one two three', 12).split('\n')).toEqual(['  kept  one', '    two', '    three']);
  expect(hanging(`  ${'x'.repeat(20)}`, 12)).toContain('x'.repeat(20));
  expect(hanging('short', 60)).toBe('short');
  expect(hanging('any length', Infinity)).toBe('any length');
});

test('columns of wide characters are as wide as they are shown', () => {
  const drawing = { head: ['key', 'value'], rows: [['鍵'.repeat(14), 'x'.repeat(20)]] };
  expect(drawnRows({ ...drawing, width: 55 })).toContain('│');
  expect(drawnRows({ ...drawing, width: 54 })).not.toContain('│');
});

test('the help of each command fits a narrow terminal, and says the same', () => {
  for (const command of program('0.0.0').commands) {
    const helpAt = (columns: number): string => {
      let text = '';
      command.configureOutput({ getOutHelpWidth: () => columns, writeOut: (part) => (text += part) });
      command.outputHelp();
      return helpText(text, columns);
    };
    const narrow = helpAt(NARROW);
    const long = narrow.split('\n').filter((line) => line.length > NARROW && line.trim().includes(' '));
    expect([command.name(), long]).toEqual([command.name(), []]);
    const words = (text: string): string => text.replaceAll(/\s+/g, ' ');
    expect(words(narrow)).toBe(words(helpAt(200)));
  }
});

test('paragraphs of help are broken anew at any width; what is indented keeps its lines', () => {
  const text = 'One two three\nfour five.\nSix:\n  - seven\n  - eight nine ten\n\neleven\ntwelve';
  const narrow = 'One two\nthree four\nfive.\nSix:\n  - seven\n  - eight\n    nine ten\n\neleven\ntwelve';
  expect(helpText(text, 12)).toBe(narrow);
  const wide = 'One two three four five.\nSix:\n  - seven\n  - eight nine ten\n\neleven twelve';
  expect(helpText(text, 200)).toBe(wide);
  expect(
    helpText('word '.repeat(40).trim(), Infinity)
      .split('\n')
      .map(({ length }) => length),
  ).toEqual([79, 79, 39]);
});

test('what is counted stands in the plural unless it is one', () => {
  expect([0, 1, 2].map((count) => counted(count, 'row'))).toEqual(['0 rows', '1 row', '2 rows']);
});
