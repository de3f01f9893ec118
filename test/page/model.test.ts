import { describe, expect, test } from 'vitest';
import { cellOf, keyQuery, shown, visible, written } from '../../page/src/model/cells.ts';
import { placeNodes } from '../../page/src/model/drawing.ts';
import { bytes, nodeOf, span } from '../../page/src/model/format.ts';
import { moved } from '../../page/src/model/grid-keys.ts';
import { linkRates } from '../../page/src/model/link-rates.ts';
import { bucketPlaces, rateLines } from '../../page/src/model/rate-lines.ts';
import { rateSeries, series, withSample, type Sample } from '../../page/src/model/samples.ts';
import type { Rates } from '../../page/src/api/types.ts';
import { lookOf, peerOf } from './look.ts';

describe('a cell', () => {
  test.each([
    ['a\u0000b\nc', 'a⟨U+0000⟩b⟨U+000A⟩c'],
    ['\u202Egnp.exe', '⟨U+202E⟩gnp.exe'],
    ['\u{F00FF}\u{F0000}', String.raw`\xFF\x00`],
    ['<b>&amp;</b>', '<b>&amp;</b>'],
    ['नमस्ते שלום 👩‍👧', 'नमस्ते שלום 👩‍👧'],
  ])('hides nothing: %j', (text, expected) => {
    expect(visible(text)).toBe(expected);
  });

  test('of type time and interval is shown to the nanosecond, before 1970 too', () => {
    expect(shown('1500000000123456789', 'time')).toBe('2017-07-14T02:40:00.123456789Z');
    expect(shown('-1', 'time')).toBe('1969-12-31T23:59:59.999999999Z');
    expect(shown('30000000000', 'interval')).toBe('30 s');
    expect(shown('1500000001', 'interval')).toBe('1.5 s (1500000001 ns)');
  });

  test.each([
    ['42', 'count', 42],
    ['18446744073709551615', 'count', '18446744073709551615'],
    ['-9223372036854775808', 'int', '-9223372036854775808'],
    ['0.5', 'double', 0.5],
    ['-inf', 'double', '-inf'],
    ['true', 'bool', true],
    ['1500000000', 'interval', '1500000000'],
    ['{"a":[1]}', 'record', { a: [1] }],
    [' as it is ', 'string', ' as it is '],
  ])('is read from a form without loss: %s as %s', (text, type, cell) => {
    expect(cellOf(text, type)).toEqual(cell);
    expect(cellOf(written(cell, type), type)).toEqual(cell);
  });

  test.each([
    ['-1', 'count', /whole number from 0/],
    ['1.5', 'int', /whole number/],
    ['', 'double', /number such as/],
    ['yes', 'bool', /true or false/],
    ['1s', 'interval', /nanoseconds/],
    ['{', 'record', /not JSON/],
  ])('is refused with what to write: %j as %s', (text, type, words) => {
    expect(() => cellOf(text, type)).toThrow(words);
  });

  test('of a key goes into a query column by column', () => {
    expect(keyQuery(['10.0.0.1', '53/udp'])).toEqual(['10.0.0.1', '53/udp']);
    expect(keyQuery(7)).toEqual(['7']);
  });
});

describe('numbers', () => {
  test('are told in units that people read', () => {
    expect([bytes(0), bytes(1536), bytes(5 * 1024 ** 3)]).toEqual(['0 B', '1.5 KiB', '5.0 GiB']);
    expect([span(0.4), span(999), span(61_000), span(90_000_000)]).toEqual([
      '0.4 ms',
      '999 ms',
      '1 min 1 s',
      '1 d 1 h',
    ]);
    expect(nodeOf('a@b@12')).toBe('a@b');
  });

  test('of a connection are rates between two looks, and begin anew with the connection', () => {
    const before = lookOf({ peers: [peerOf({ sentOperations: 100 })] });
    const node = { ...before.node, time: before.node.time + 2000 };
    const after = lookOf({ node, peers: [peerOf({ sentOperations: 300, receivedOperations: 10 })] });
    expect(linkRates(before, after).get('ws://127.0.0.1:1')).toEqual({ sent: 100, received: 5 });
    const again = lookOf({ node, peers: [peerOf({ since: 9000, sentOperations: 300 })] });
    expect(linkRates(before, again).size).toBe(0);
    expect(linkRates(undefined, after).size).toBe(0);
  });
});

describe('samples of a node', () => {
  const look = (time: number, parts: { life?: string; position?: number } = {}): ReturnType<typeof lookOf> =>
    lookOf({
      node: { ...lookOf().node, time, ...parts },
      metrics: [{ name: 'bytes', samples: [{ labels: { table: 'a' }, value: 1 }, { value: 2 }] }],
    });

  test('are summed over labels, and kept to a bounded number', () => {
    let kept: readonly Sample[] = [];
    for (let second = 1; second <= 700; second++) kept = withSample(kept, look(second * 1000));
    expect(kept).toHaveLength(600);
    expect(kept.at(-1)).toMatchObject({ time: 700, values: { bytes: 3 } });
    expect(series(kept, 'nothing of this name').every((value) => value === null)).toBe(true);
  });

  test('give rates of counters, with a gap where one began anew', () => {
    let kept: readonly Sample[] = [];
    for (const [time, position] of [
      [1000, 10],
      [3000, 30],
      [4000, 5],
      [5000, 6],
    ] as const)
      kept = withSample(kept, look(time, { position }));
    expect(rateSeries(kept, 'position')).toEqual([null, 10, null, 1]);
  });

  test('begin anew with another life of the node, and when its clock went back', () => {
    const kept = withSample(withSample([], look(1000)), look(2000));
    expect(withSample(kept, look(3000, { life: '2' }))).toHaveLength(1);
    expect(withSample(kept, look(1500))).toHaveLength(1);
  });
});

describe('operations over time', () => {
  const rates = (told: Rates['series']): Rates => ({
    by: 'time',
    from: 10_000,
    to: 14_000,
    width: 2000,
    first: 1,
    last: 9,
    firstTime: null,
    lastTime: null,
    series: told,
  });

  test('are added up by table, or by the node that wrote them, a second', () => {
    const added = rates([
      { table: 'a', origin: 'one@1', counts: [2, 4] },
      { table: 'a', origin: 'one@2', counts: [2, 0] },
      { table: 'b', origin: 'two@1', counts: [0, 8] },
    ]);
    expect(rateLines(added, 'table').map(({ name, values }) => [name, values])).toEqual([
      ['a', [2, 2]],
      ['b', [0, 4]],
    ]);
    expect(rateLines(added, 'origin').map(({ name, values }) => [name, values])).toEqual([
      ['one', [2, 2]],
      ['two', [0, 4]],
    ]);
    expect(bucketPlaces(added)).toEqual([11, 13]);
  });

  test('of more tables than there are colours are one line together', () => {
    const many = Array.from({ length: 20 }, (_, index) => ({
      table: `t${index}`,
      origin: 'o@1',
      counts: [20 - index, 0],
    }));
    const lines = rateLines(rates(many), 'table');
    expect(lines).toHaveLength(8);
    expect(lines.at(-1)).toMatchObject({ name: '13 others', values: [45.5, 0] });
  });
});

describe('the drawing of a cluster', () => {
  test('is a star where there is room', () => {
    expect(placeNodes(4, 1200).peers.some(({ elbow }) => elbow)).toBe(false);
    expect(placeNodes(4, 400).peers.every(({ elbow }) => elbow)).toBe(true);
  });

  const counts = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 13, 64];
  const widths = [320, 400, 700, 760, 1000, 1400, 1900];
  const cases = counts.flatMap((peers) => widths.map((width) => [peers, width] as const));
  test.each(cases)(
    'of %i peers has room for every card on %i pixels, and none over another',
    (peers, width) => {
      const { self, peers: others, height } = placeNodes(peers, width);
      const cards = [self, ...others];
      for (const card of cards) {
        expect(card.left).toBeGreaterThanOrEqual(0);
        expect(card.left + card.width).toBeLessThanOrEqual(width);
        expect(card.bottom).toBeLessThanOrEqual(height);
      }
      for (const [index, one] of cards.entries()) {
        for (const other of cards.slice(index + 1)) {
          const apart =
            Math.abs(one.x - other.x) >= (one.width + other.width) / 2 || Math.abs(one.y - other.y) >= 64;
          expect(apart, `${index} of ${peers} on ${width}`).toBe(true);
        }
      }
    },
  );
});

describe('the keys of a grid', () => {
  test.each([
    ['ArrowDown', 6],
    ['ArrowUp', 4],
    ['PageDown', 15],
    ['PageUp', -5],
    ['Home', 0],
    ['End', 99],
    ['x', undefined],
  ])('%s leads from row 5 to %s', (key, row) => {
    expect(moved(key, 5, 10, 100)).toBe(row);
  });
});
