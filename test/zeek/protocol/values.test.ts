import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeZeekReal } from '../../../src/zeek/protocol/data/real-text.ts';
import { parsePort, parseSubnet } from '../../../src/zeek/protocol/data/network-text.ts';
import { readTagged, writeTagged } from '../../../src/zeek/protocol/data/tagged.ts';
import {
  parseTimespan,
  parseTimestamp,
  settledInterval,
  settledTime,
  throughZeek,
  writeTimespan,
  writeTimestamp,
} from '../../../src/zeek/protocol/data/time-text.ts';
import type { ZeekData } from '../../../src/zeek/protocol/data/zeek-data.ts';
import { readJson } from '../../../src/zeek/protocol/json/reader.ts';
import { writeJson } from '../../../src/zeek/protocol/json/writer.ts';
import { zeekLimits } from '../../../src/zeek/protocol/limits.ts';
import { decodeValue } from '../../../src/zeek/protocol/values/decode.ts';
import { encodeValue } from '../../../src/zeek/protocol/values/encode.ts';
import { patternData, patternText } from '../../../src/zeek/protocol/values/pattern.ts';
import { parseZeekType } from '../../../src/zeek/protocol/zeek-type-parser.ts';
import type { ZeekType } from '../../../src/zeek/protocol/zeek-type.ts';
import { compileZeekTable } from '../../../src/zeek/protocol/zeek-table.ts';
import { writeChanges } from '../../../src/zeek/protocol/table-changes.ts';
import { holdsBytes, textOfBytes } from '../../../src/schema/byte-strings.ts';
import { isRefused as refused } from './refused.ts';

const limits = zeekLimits();
const types = new Map([
  ['Demo::Color', 'enum { RED, GREEN }'],
  [
    'Demo::Rec',
    'record { a: count; b: string &optional; c: set[port]; d: table[addr, count] of vector of Demo::Color; }',
  ],
]);

function viaFrame(data: ZeekData): ZeekData {
  return readTagged(readJson(writeJson(writeTagged(data, 'strict')), limits));
}

/** Text that Zeek takes: what stands for bytes that are not UTF-8 is refused, which has a test of its own. */
const wellFormed = fc.string({ unit: 'binary' }).filter((text) => !holdsBytes(text));
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const compact = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;

const samples: readonly (readonly [string, fc.Arbitrary<unknown>])[] = [
  ['bool', fc.boolean()],
  ['count', fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(compact)],
  ['int', int64.map(compact)],
  ['double', fc.double({ noNaN: true, noDefaultInfinity: true })],
  ['string', wellFormed],
  ['addr', fc.ipV4()],
  [
    'port',
    fc.tuple(fc.nat(65535), fc.constantFrom('tcp', 'udp', 'icmp', 'unknown')).map((parts) => parts.join('/')),
  ],
  ['enum', fc.constantFrom('Demo::RED', 'Demo::GREEN')],
  ['vector', fc.array(fc.nat())],
  [
    'record',
    fc.record(
      {
        a: fc.nat(),
        b: wellFormed,
        c: fc.constantFrom([], ['1/tcp', '2/udp']),
        d: fc.constantFrom([], [[['10.0.0.1', 3], ['Demo::RED']]]),
      },
      { requiredKeys: ['a', 'c', 'd'] },
    ),
  ],
];
const sampleTypes: Readonly<Record<string, string>> = {
  enum: 'Demo::Color',
  vector: 'vector of count',
  record: 'Demo::Rec',
};

test.each(samples)('every %s that is sent is read back as it was', (name, values) => {
  const type = parseZeekType(sampleTypes[name] ?? name, types);
  fc.assert(
    fc.property(values, (value) => {
      expect(decodeValue(type, viaFrame(encodeValue(type, value, 'value')), 'value')).toEqual(value);
    }),
  );
});

test('times and intervals of up to 64 bits are spelt without loss', () => {
  fc.assert(
    fc.property(int64, (nanoseconds) => {
      expect(parseTimestamp(writeTimestamp(nanoseconds))).toBe(nanoseconds);
      expect(parseTimespan(writeTimespan(nanoseconds))).toBe(nanoseconds);
    }),
  );
});

test('a time of whole milliseconds that Zeek gives back does not drift', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 4_000_000_000_000n }), (milliseconds) => {
      const published = throughZeek(settledTime(milliseconds * 1_000_000n)) / 1_000_000n;
      expect(published).toBe(milliseconds);
    }),
  );
});

test('an interval that Zeek published is published again as it was when it is sent back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n }), (held) => {
      const published = throughZeek(held);
      expect(throughZeek(settledInterval(published))).toBe(published);
    }),
  );
});

test('numbers are written as printf would', () => {
  expect(
    [0.0078125, 0.0234375, -0.0078125, 1e300, -0, 3, 2 ** 53, 0.1 + 0.2, NaN, -Infinity].map(writeZeekReal),
  ).toEqual([
    '0.007812',
    '0.023438',
    '-0.007812',
    `${10n ** 300n === BigInt(1e300) ? '' : String(BigInt(1e300))}.000000`,
    '-0.000000',
    '3.000000',
    '9007199254740992.000000',
    '0.300000',
    'nan',
    '-inf',
  ]);
});

describe('patterns', () => {
  test.each([
    ['^?(foo|bar)$?', '^?(.|\\n)*(foo|bar)', '/foo|bar/'],
    ['(?i:^?(foo.*bar)$?)', '(?i:^?(.|\\n)*(foo.*bar))', '/foo.*bar/i'],
    ['^?(a/b)$?', '^?(.|\\n)*(a/b)', '/a\\/b/'],
    ['(^?(a)$?)|(^?(b)$?)', '(^?(.|\\n)*(a))|(^?(.|\\n)*(b))', '/(^?(a)$?)|(^?(b)$?)/'],
    ['^?(a)$?|^?(b)$?', '^?(.|\\n)*(a)', '/^?(a)$?|^?(b)$?/'],
  ])('%s is %s', (exact, anywhere, written) => {
    expect(patternText(exact, anywhere)).toBe(written);
  });

  test('keep their written form through Zeek', () => {
    for (const written of ['/x/', '/a|b/i', '/[(]/s', '/a\\/b/is', '/(a)|(b)/']) {
      const data = patternData(written);
      const [exact, anywhere] = data?.type === 'vector' ? data.data : [];
      const texts = [exact, anywhere].map((part) => (part?.type === 'string' ? part.data : ''));
      expect(patternText(texts[0] ?? '', texts[1] ?? '')).toBe(written);
    }
  });

  test('keep as their text any number of flags that Zeek never writes', () => {
    for (const levels of [5, 100_000]) {
      const text = patternText(`${'(?i:'.repeat(levels)}^?(x)$?${')'.repeat(levels)}`, '');
      expect(text).toBe(`/${'(?i:'.repeat(levels)}^?(x)$?${')'.repeat(levels)}/`);
    }
  });

  test('that would close a group of Zeek are refused', () => {
    for (const written of ['/)|(/', '/(/', '/[/', 'x', '/x/g']) expect(patternData(written)).toBeUndefined();
  });
});

describe('values that Zeek would store as a null entry or refuse', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['count', -1],
    ['count', 2n ** 64n],
    ['count', 1.5],
    ['count', '1x'],
    ['count', undefined],
    ['int', 2n ** 63n],
    ['double', NaN],
    ['double', Infinity],
    ['double', 1n],
    ['bool', 1],
    ['string', 5],
    ['string', '\ud800'],
    ['addr', '10.0.0'],
    ['addr', 'fe80::1%eth0'],
    ['subnet', '10.0.0.0/33'],
    ['port', '80/sctp'],
    ['port', '65536/tcp'],
    ['enum', 'Demo::RED'],
    ['Demo::Color', 'Demo::PURPLE'],
    ['pattern', 'x'],
    ['Demo::Rec', { a: 1 }],
    ['Demo::Rec', { a: 1, c: [], d: [], e: 1 }],
    ['Demo::Rec', '80/tcp'],
    ['vector of count', [1, null]],
    ['set[addr]', ['10.0.0.1', '10.0.0.1']],
    ['set[addr]', '10.0.0.1'],
    [
      'table[count] of count',
      [
        [1, 2],
        [1, 3],
      ],
    ],
  ];
  test.each(cases)('%s %o is refused before it is sent', (type, value) => {
    expect(refused(() => encodeValue(parseZeekType(type, types), value, 'value'))).toBe(true);
  });
});

test('any value for any type is encoded or refused, and what is encoded is read back', () => {
  const all = [
    'count',
    'Demo::Rec',
    'set[addr, port]',
    'table[string] of double',
    'vector of time',
    'pattern',
    'interval',
  ].map((text) => parseZeekType(text, types));
  const arbitrary = fc.oneof(
    fc.anything({ withBigInt: true }),
    fc.array(fc.string()),
    fc.record({ a: fc.anything(), c: fc.anything() }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...all), arbitrary, (type: ZeekType, value) => {
      let data: ZeekData | undefined;
      if (!refused(() => (data = encodeValue(type, value, 'value'))) && data !== undefined) {
        const sent = data;
        expect(refused(() => decodeValue(type, viaFrame(sent), 'value'))).toBe(false);
      }
    }),
    { numRuns: 2000 },
  );
});

test('network values have one text each', () => {
  expect(parseSubnet('10.1.2.3/8')).toBe('10.0.0.0/8');
  expect(parseSubnet('2001:DB8::1/32')).toBe('2001:db8::/32');
  expect(parsePort('80')).toBe('80/tcp');
  expect(parsePort('99/?')).toBe('99/unknown');
});

describe('a string that is not UTF-8', () => {
  const table = compileZeekTable('t', { type: 'table[string] of set[string]' });
  const options = { header: { time: 0, nodeId: '' }, batch: { maxChanges: 10, maxBytes: 1e6 } };
  const written = (key: string, value: readonly string[]) =>
    writeChanges(table, [{ kind: 'new', key, value, time: 0 }], options);

  test.each([
    ['a\u{f00ff}', []],
    ['a', ['\u{f00c3}']],
    ['\u{f00c3}\u{f00bc}', []],
  ])('is kept from Zeek, as text that no bytes have: %j, %j', (key, value) => {
    const { frames, refused: kept } = written(key, value);
    expect(frames).toEqual([]);
    expect(kept[0]?.error).toMatchObject({ code: 'VALUE_INVALID' });
    expect(kept[0]?.error.message).toContain('not UTF-8');
  });

  test('is none when its bytes are UTF-8 of a code point that stands for a byte', () => {
    const spelled = textOfBytes(Buffer.from('\u{f00ff}'));
    const { frames } = written(spelled, ['\\xff', spelled]);
    expect(frames[0]).toContain('"data":"\u{f00ff}"');
    expect(frames[0]).toContain(String.raw`"data":"\\xff"`);
    const type = { kind: 'string' } as const;
    expect(decodeValue(type, { type: 'string', data: spelled }, '')).toBe(spelled);
  });
});
