import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import {
  defaultMapping,
  readRecords,
  recordMapper,
  writeRecords,
  type ExportRow,
  type LogFormat,
  type MappedRow,
  type WriteOptions,
} from '../../../src/cli/formats/index.ts';
import type { TypeName } from '../../../src/index.ts';
import { failureOf } from './collect.ts';

const FORMATS: readonly LogFormat[] = ['zeek', 'csv', 'json'];

async function written(rows: readonly ExportRow[], options: WriteOptions): Promise<string> {
  let text = '';
  for await (const piece of writeRecords(rows, { now: () => 0, ...options })) text += piece;
  return text;
}

async function readBack(text: string, options: WriteOptions): Promise<MappedRow[]> {
  const { declaration } = options;
  const mapper = recordMapper(options.mapping ?? defaultMapping(declaration), declaration);
  const rows: MappedRow[] = [];
  const stream = readRecords({ name: 'export', chunks: [text] });
  for await (const record of stream) {
    const row = mapper(record);
    if (row !== undefined) rows.push(row);
  }
  if (text !== '') expect(stream.format).toBe(options.format);
  return rows;
}

const wholeNumber = (min: bigint, max: bigint): fc.Arbitrary<number | bigint> =>
  fc.bigInt({ min, max }).map((value) => {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  });
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('\t', '\n', '\r', '"', ',', '\\', 'x', '0', '#', '-', ' ', ';', '\u0000'),
  }),
  fc.constantFrom('', '-', '(empty)', '#fields', '\\x41', '\uFEFF', '{"a":1}', 'null', 'ü\u2028'),
  // Strings of bytes: 0xff, the text of its escape, and U+F00FF, which stands for it, byte by byte.
  fc.constantFrom('\u{f00ff}', '\\xff', '\\\\xff', 'a\u{f00c3}(', '\u{f00f3}\u{f00b0}\u{f0083}\u{f00bf}'),
);
const nanoseconds = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const jsonValue = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const ARBITRARY: Partial<Record<TypeName, fc.Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  count: wholeNumber(0n, 2n ** 64n - 1n),
  int: wholeNumber(-(2n ** 63n), 2n ** 63n - 1n),
  double: fc.double(),
  string: text,
  addr: fc.oneof(fc.ipV4(), fc.ipV6()),
  subnet: fc.tuple(fc.ipV4(), fc.nat(32)).map(([address, width]) => `${address}/${width}`),
  port: fc
    .tuple(fc.nat(65_535), fc.constantFrom('tcp', 'udp', 'icmp', 'unknown'))
    .map(([number, protocol]) => `${number}/${protocol}`),
  time: nanoseconds,
  interval: nanoseconds,
  enum: fc.constantFrom('Demo::RED', 'tcp', '_x'),
  pattern: fc.tuple(text, fc.constantFrom('', 'i', 's', 'is')).map(([inner, flags]) => `/${inner}/${flags}`),
  any: jsonValue,
};

describe('writing rows', () => {
  it.each(FORMATS)('reads back what it wrote as %s, exactly, for every type', async (format) => {
    for (const [type, values] of Object.entries(ARBITRARY) as [TypeName, fc.Arbitrary<unknown>][]) {
      const options: WriteOptions = { format, declaration: { key: 'string', value: type } };
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(text, values), { maxLength: 8 }), async (rows) => {
          const back = await readBack(await written(rows, options), options);
          expect(back.map((row) => [row.key, row.value])).toEqual(rows);
        }),
        { numRuns: 60 },
      );
    }
  });

  it.each(FORMATS)('reads back sets and composite keys as %s', async (format) => {
    const set: WriteOptions = { format, declaration: { key: 'string' } };
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 8 }), async (keys) => {
        const rows = await readBack(
          await written(
            keys.map((key) => [key]),
            set,
          ),
          set,
        );
        expect(rows.map((row) => row.key)).toEqual(keys);
      }),
      { numRuns: 60 },
    );
    const mapping = { key: ['host', 'port_num/port_proto'], value: 'n' };
    const composite: WriteOptions = {
      format,
      mapping,
      declaration: { key: ['addr', 'port'], value: 'count' },
    };
    const rows: ExportRow[] = [
      [['10.0.0.1', '80/tcp'], 1],
      [['::1', '53/udp'], 2n ** 64n - 1n],
    ];
    const back = await readBack(await written(rows, composite), composite);
    expect(back.map((row) => [row.key, row.value])).toEqual(rows);
    expect(await readBack(await written([], composite), composite)).toEqual([]);
  });

  it('gives a Zeek log the header Zeek expects', async () => {
    const mapping = { key: ['host', 'port_num/port_proto'], value: 'last' };
    const declaration = { key: ['addr', 'port'], value: 'time' } as const;
    const rows: ExportRow[] = [[['10.0.0.1', '80/tcp'], 1_521_911_720_865_716_000n]];
    expect(await written(rows, { format: 'zeek', mapping, declaration, path: 'services' })).toBe(
      [
        '#separator \\x09',
        '#set_separator\t,',
        '#empty_field\t(empty)',
        '#unset_field\t-',
        '#path\tservices',
        '#open\t1970-01-01-00-00-00',
        '#fields\thost\tport_num\tport_proto\tlast',
        '#types\taddr\tport\tenum\ttime',
        '10.0.0.1\t80\ttcp\t1521911720.865716',
        '#close\t1970-01-01-00-00-00',
        '',
      ].join('\n'),
    );
  });

  it('writes a JSON number only where doubles keep the value', async () => {
    const line = async (type: TypeName, value: unknown): Promise<string> =>
      written([[value]], { format: 'json', declaration: { key: type } });
    expect(await line('count', 5)).toBe('{"key":5}\n');
    expect(await line('count', 2n ** 64n - 1n)).toBe('{"key":"18446744073709551615"}\n');
    expect(await line('time', 1_521_911_720_865_716_000n)).toBe('{"key":1521911720.865716}\n');
    expect(await line('time', 1_521_911_720_865_716_001n)).toBe('{"key":"1521911720.865716001"}\n');
    expect(await line('double', -0)).toBe('{"key":-0}\n');
    expect(await line('double', NaN)).toBe('{"key":"nan"}\n');
    expect(await line('any', { a: [1] })).toBe('{"key":{"a":[1]}}\n');
    expect(await line('any', 'x')).toBe(String.raw`{"key":"\"x\""}` + '\n');
  });

  it('keeps half surrogate pairs in JSON and refuses them elsewhere', async () => {
    const json: WriteOptions = { format: 'json', declaration: { key: 'string' } };
    const back = await readBack(await written([['\ud800']], json), json);
    expect(back[0]?.key).toBe('\ud800');
    for (const format of ['zeek', 'csv'] as const) {
      const error = await failureOf(() => written([['\ud800']], { format, declaration: { key: 'string' } }));
      expect(error).toMatchObject({ code: 'VALUE_INVALID', details: { field: 'key' } });
    }
  });

  it.each<[TypeName, unknown]>([
    ['count', '5'],
    ['count', 1.5],
    ['time', 5],
    ['port', 80],
    ['string', undefined],
    ['bool', 'T'],
    ['string', Object.create(null)],
    ['any', 5n],
    ['any', undefined],
  ])('refuses a value that is no %s', async (type, value) => {
    const error = await failureOf(() => written([[value]], { format: 'csv', declaration: { key: type } }));
    expect(error.code).toBe('VALUE_INVALID');
  });

  it('refuses columns of one name, and a port that does not have the fixed protocol', async () => {
    const declaration = { key: ['addr', 'port'] } as const;
    const twice = { format: 'csv', declaration, mapping: { key: ['a', 'a'] } } as const;
    expect((await failureOf(() => written([], twice))).code).toBe('OPTION_INVALID');
    const fixed = { format: 'csv', declaration, mapping: { key: ['a', 'p/tcp'] } } as const;
    expect(await written([[['::1', '80/tcp']]], fixed)).toBe('a,p\n::1,80\n');
    expect((await failureOf(() => written([[['::1', '80/udp']]], fixed))).code).toBe('VALUE_INVALID');
  });

  it('takes rows from an async source and writes them in pieces', async () => {
    async function* rows(): AsyncGenerator<ExportRow> {
      for (let i = 0; i < 2000; i += 1) yield [i];
    }
    let pieces = 0;
    let lines = 0;
    for await (const piece of writeRecords(rows(), { format: 'csv', declaration: { key: 'count' } })) {
      pieces += 1;
      lines += piece.split('\n').length - 1;
    }
    expect(lines).toBe(2001);
    expect(pieces).toBeGreaterThan(3);
  });

  it('writes long rows in pieces of their own, so that many of them are no text of gigabytes', async () => {
    const long = '\u0001'.repeat(20_000);
    const rows = Array.from({ length: 40 }, (_, row): ExportRow => [row, long]);
    const pieces: string[] = [];
    const options = { format: 'json', declaration: { key: 'count', value: 'string' } } as const;
    for await (const piece of writeRecords(rows, options)) pieces.push(piece);
    expect(pieces.join('').split('\n')).toHaveLength(41);
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(65_536 + 6 * 20_000 + 100);
  });
});
