import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { JsonFault, scanJsonObject } from '../../../src/cli/formats/json-scanner.ts';
import { formatLimits } from '../../../src/cli/formats/index.ts';
import { collect, failureOf, pairs } from './collect.ts';

describe('reading JSON lines', () => {
  it('keeps every digit of numbers', async () => {
    const text =
      '{"n":18446744073709551615,"ts":1521911720.865716123,"e":8.7e-05,"z":-0,"i":9007199254740993}';
    const [record] = await collect(text);
    expect(pairs(record).map(([, value]) => value)).toEqual([
      '18446744073709551615',
      '1521911720.865716123',
      '8.7e-05',
      '-0',
      '9007199254740993',
    ]);
  });

  it('reads text, words, null, arrays and nested objects', async () => {
    const text =
      ' {"s":"a\\"\\u00fc\\n","t":true,"f":false,"u":null,"a":[1,"x",null,{"y":[2]}],"id":{"orig_h":"::1"}} ';
    const [record] = await collect(`\n${text}\n`);
    expect(record?.line).toBe(2);
    expect(pairs(record)).toEqual([
      ['s', 'a"ü\n'],
      ['t', 'true'],
      ['f', 'false'],
      ['u', undefined],
      ['a', ['1', 'x', undefined, '{"y":[2]}']],
      ['id.orig_h', '::1'],
    ]);
    expect([...(record?.json ?? [])]).toEqual([
      ['a', '[1,"x",null,{"y":[2]}]'],
      ['id', '{"orig_h":"::1"}'],
    ]);
  });

  it('reads raw bytes that are not UTF-8 as what stands for them, and their escape as text', async () => {
    const lines = Buffer.from('{"a":"/@b"}\n{"a":"/\\\\xffb"}\n{"a":"/\\udb80\\udcffb"}\n{"a":"\\ud83d@"}\n');
    for (let at = lines.indexOf('@'); at !== -1; at = lines.indexOf('@')) lines[at] = 0xff;
    const texts = (await collect(lines)).map((record) => record.fields.get('a'));
    expect(texts).toEqual(['/\u{f00ff}b', '/\\xffb', '/\u{f00ff}b', '\ud83d\u{f00ff}']);
  });

  it('treats __proto__ and constructor as names like any other', async () => {
    const [record] = await collect('{"__proto__":{"polluted":1},"constructor":"x"}');
    expect(pairs(record)).toEqual([
      ['__proto__.polluted', '1'],
      ['constructor', 'x'],
    ]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each([
    ['{"a":1,}', 8],
    ['{"a" 1}', 6],
    ['{"a":"x', 8],
    ['{"a":[1}', 8],
    ['{"a":1} x', 9],
    ['{"a":}', 6],
    ['{"a":[1 2]}', 9],
    ['{a:1}', 2],
  ])('refuses %s and says where', async (text, column) => {
    const error = await failureOf(() => collect(`{"a":1}\n${text}\n`));
    expect(error.message).toContain('test input, line 2: expected ');
    expect(error.message).toContain(`at column ${column}`);
  });

  it.each([
    ['{"a":01,"b":1}', 'a JSON value, found "01,\\"b\\":1}" at column 6'],
    ['{"a":"\\q","b":1}', 'a string with valid escapes, found'],
    ['{"a":tru,"b":1}', 'a JSON value'],
    ['{"a":+1,"b":1}', 'a JSON value'],
    ['{"a":NaN,"b":1}', 'a JSON value'],
    ['{"a":"\t","b":1}', 'a string with valid escapes'],
    ['{"a":[1,"\\x"],"b":1}', 'a string with valid escapes'],
    ['{"a":"\\v","a":"\\q","b":1}', 'a string with valid escapes'],
  ])('harms only the field whose value is no JSON in %s', async (text, fault) => {
    const [record] = await collect(text);
    expect(pairs(record)).toEqual([['b', '1']]);
    expect(record?.faults?.get('a')).toContain(`expected ${fault}`);
  });

  it.each([
    ['text', ['\\x07\\\\', '\u{f0007}\u{f00ff}']],
    ['hex', ['\u0007\\\\', '\u{f0007}\u{f00f3}\u{f00b0}\u{f0083}\u{f00bf}']],
    ['tsv', ['\u0007\\', '\u{f0007}\u{f00f3}\u{f00b0}\u{f0083}\u{f00bf}']],
    ['pua', ['\\x07\\\\', '\u0007\u{f00ff}']],
  ] as const)('reads strings as Zeek escaped them: %s', async (jsonStrings, [first, second]) => {
    const text = String.raw`{"a":"\\x07\\\\","b":["\udb80\udc07\udb80\udcff"],"n":1.50}`;
    const [record] = await collect(text, { jsonStrings });
    expect(record?.fields.get('a')).toBe(first);
    if (jsonStrings === 'text' || jsonStrings === 'pua') expect(record?.fields.get('b')).toEqual([second]);
    expect(JSON.parse(record?.json?.get('b') ?? '')).toEqual(record?.fields.get('b'));
    expect(record?.fields.get('n')).toBe('1.50');
  });

  it('accepts what JSON.parse does, with equal content, and finds fault with all else', () => {
    const mutated = fc
      .tuple(fc.json({ maxDepth: 4 }), fc.nat(), fc.constantFrom('', '"', ',', '}', '\\', '1', ' ', '-', '.'))
      .map(([json, at, insert]) => {
        const text = `{"a":${json}}`;
        const cut = at % text.length;
        return text.slice(0, cut) + insert + text.slice(cut + (at % 2));
      });
    fc.assert(
      fc.property(mutated, (text) => {
        const parsed = attempt(() => JSON.parse(text) as unknown);
        const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
        const scanned = attempt(() => scanJsonObject(text));
        expect(scanned !== undefined && scanned.faults.size === 0).toBe(isObject);
        if (!isObject || scanned === undefined) return;
        for (const [name, json] of scanned.json) {
          // Names with dots, and names that come twice, have no one counterpart.
          if (!Object.hasOwn(parsed, name) || name.includes('.')) continue;
          expect(JSON.parse(json)).toEqual((parsed as Record<string, unknown>)[name]);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('bounds nesting, and leaves dotted names that are too long out', async () => {
    const deep = `{"a":${'['.repeat(formatLimits.maxNesting)}${']'.repeat(formatLimits.maxNesting)}}`;
    expect((await failureOf(() => collect(deep))).message).toContain('levels of nesting');
    const hostile = `{"${'k'.repeat(1000)}":{"${'m'.repeat(100)}":{"a":1},"b":2}}`;
    const [record] = await collect(hostile);
    expect([...(record?.fields.values() ?? [])]).toEqual(['2']);
  });

  it('refuses more fields than a record may have', async () => {
    const many = Array.from({ length: formatLimits.maxFields + 1 }, (_, i) => `"f${i}":1`).join(',');
    expect((await failureOf(() => collect(`{${many}}`))).message).toContain('at most 4096 fields');
  });

  it('explains that an array of objects is not JSON lines', async () => {
    expect((await failureOf(() => collect('[{"a":1}]'))).message).toContain('one JSON object per line');
  });
});

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof JsonFault) return undefined;
    throw error;
  }
}
