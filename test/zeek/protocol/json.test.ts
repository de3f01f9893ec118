import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonNumber, type Json } from '../../../src/zeek/protocol/json/json.ts';
import { readJson } from '../../../src/zeek/protocol/json/reader.ts';
import { zeekLimits } from '../../../src/zeek/protocol/limits.ts';
import { isRefused as refused } from './refused.ts';

const limits = zeekLimits();

describe('JSON', () => {
  test('that any program writes is read, numbers as they were spelt', () => {
    const plain = (json: Json): unknown => {
      if (json instanceof JsonNumber) return Number(json.text);
      if (json instanceof Map) return new Map([...json].map(([name, value]) => [name, plain(value as Json)]));
      return Array.isArray(json) ? json.map((item) => plain(item as Json)) : json;
    };
    const wanted = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(wanted);
      if (typeof value === 'object' && value !== null)
        return new Map(Object.entries(value).map(([name, held]) => [name, wanted(held)]));
      return value;
    };
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(plain(readJson(text, limits))).toEqual(wanted(JSON.parse(text)));
      }),
    );
  });

  test('of hostile shape is refused without harm', () => {
    const texts = [
      '[1,]',
      '{"a":1,"a":2}',
      '01',
      '1.',
      '+1',
      '--1',
      'infinity',
      '"\\x"',
      '"\\ud800"',
      '"a',
      '[1 2]',
      '{"a"}',
      'tru',
      '',
      ' ',
    ];
    for (const text of texts)
      expect(
        refused(() => readJson(text, limits)),
        text,
      ).toBe(true);
    expect(refused(() => readJson('['.repeat(100_000), limits))).toBe(true);
    expect(refused(() => readJson('9'.repeat(401), limits))).toBe(true);
    expect(refused(() => readJson(`"${'ä'.repeat(20)}"`, { ...limits, maxFrameBytes: 41 }))).toBe(true);
  });

  test('with names of prototypes stays data', () => {
    const json = readJson('{"__proto__":{"polluted":true},"constructor":1}', limits);
    expect(json).toBeInstanceOf(Map);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});
