import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonValue, TypeName } from '../../src/schema/index.ts';
import { schemaOf } from './arbitraries.ts';
import { expectRefusal } from './refusals.ts';

const any = schemaOf('string', 'any');
const json = fc.jsonValue({ stringUnit: 'binary', maxDepth: 6 });

function nested(depth: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

function everyPartFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(everyPartFrozen);
}

describe('complex values', () => {
  test('are copied, deeply frozen, and survive their cell', () => {
    fc.assert(
      fc.property(json, (value) => {
        const canonical = any.value(value);
        const cell = any.toColumn(canonical);
        any.checkCell(cell);
        expect(JSON.stringify(canonical)).toBe(JSON.stringify(value));
        expect(any.fromColumn(cell)).toEqual(canonical);
        expect(JSON.stringify(any.value(canonical))).toBe(cell);
        expect(everyPartFrozen(canonical) && everyPartFrozen(any.fromColumn(cell))).toBe(true);
      }),
    );
  });

  test('do not follow later changes of the original', () => {
    const original = { list: [1] };
    const canonical = any.value(original);
    original.list.push(2);
    expect(canonical).toEqual({ list: [1] });
    expect(Object.isFrozen(original)).toBe(false);
    expect(() => (canonical as { list: number[] }).list.push(3)).toThrow(TypeError);
  });

  test('may be shared by two members', () => {
    const shared = { a: 1 };
    expect(any.value([shared, shared])).toEqual([{ a: 1 }, { a: 1 }]);
  });

  test('keep a member named __proto__ as data, and no prototype changes', () => {
    const text = '{"__proto__":{"polluted":true},"constructor":1}';
    const canonical = any.value(JSON.parse(text)) as Readonly<Record<string, JsonValue>>;
    expect(any.toColumn(canonical)).toBe(text);
    any.checkCell(text);
    for (const value of [canonical, any.fromColumn(text) as object]) {
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect('polluted' in value).toBe(false);
      expect(everyPartFrozen(value)).toBe(true);
    }
    expect('polluted' in {}).toBe(false);
  });

  test('may be 32 levels deep, not 33', () => {
    expect(JSON.stringify(any.value(nested(32)))).toBe(JSON.stringify(nested(32)));
    expectRefusal(() => any.value(nested(33)), 'VALUE_INVALID', /32 levels/);
    expectRefusal(() => any.checkCell(JSON.stringify(nested(33))), 'OPERATION_INVALID', /32 levels/);
    expectRefusal(() => any.checkCell('['.repeat(200_000)), 'OPERATION_INVALID');
    expectRefusal(
      () => any.checkCell('['.repeat(100_000) + ']'.repeat(100_000)),
      'OPERATION_INVALID',
      /32 levels/,
    );
  });

  test('may take 256 KiB as JSON in UTF-8, not more', () => {
    expect(any.value('a'.repeat(262_142))).toHaveLength(262_142);
    for (const value of [
      'a'.repeat(262_143),
      '€'.repeat(90_000),
      '\u0001'.repeat(50_000),
      Array(90_000).fill(123),
      { ['k'.repeat(300_000)]: 1 },
    ]) {
      expectRefusal(() => any.value(value), 'VALUE_INVALID', /262144 bytes/);
    }
    expectRefusal(() => any.checkCell(`"${'€'.repeat(90_000)}"`), 'OPERATION_INVALID', /262144 bytes/);
  });

  test('that multiply by sharing are refused before they grow', () => {
    let value: unknown = [1];
    for (let level = 0; level < 30; level++) value = [value, value];
    expectRefusal(() => any.value(value), 'VALUE_INVALID', /262144 bytes/);
  });
});

class Point {
  readonly x = 1;
}

const cycle: unknown[] = [];
cycle.push({ back: cycle });

const throwing = {
  get a(): never {
    throw new Error('no');
  },
};

test.each<[string, unknown, RegExp]>([
  ['a cycle', cycle, /holds itself at \[0\]\["back"\]/],
  ['a function', { a: [() => 0] }, /a function at \["a"\]\[0\]/],
  ['a Date', { when: new Date() }, /a Date at \["when"\]/],
  ['a class instance', [new Point()], /instance of a class at \[0\]/],
  ['a Map', new Map(), /instance of a class/],
  ['an undefined member', { a: undefined }, /undefined at \["a"\]/],
  ['a hole', Array(2), /undefined at \[0\]/],
  ['undefined itself', undefined, /undefined/],
  ['a bigint', { a: 1n }, /bigint[^]*text/],
  ['NaN', [Number.NaN], /NaN/],
  ['Infinity', [Infinity], /Infinity/],
  ['a symbol', [Symbol('s')], /a symbol/],
  ['a member named by a symbol', { [Symbol('s')]: 1 }, /symbol/],
  ['half a surrogate pair', ['\ud800'], /surrogate pair at \[0\]/],
  ['half a surrogate pair in a name', { '\ud800': 1 }, /surrogate pair at/],
  ['a getter that throws', throwing, /reading it threw/],
])('%s is refused with its path', (_what, value, pattern) => {
  expectRefusal(() => any.value(value), 'VALUE_INVALID', pattern);
});

test.each<[TypeName, unknown[], unknown[]]>([
  ['record', [{}, { a: 1 }], [[], 1, null, 'a']],
  ['set', [[], [1]], [{}, 1, null]],
  ['vector', [[], [[1]]], [{}, 'a', null]],
  ['table', [{}, { a: 1 }, [], [['a', 1]]], [[1], [['a']], [['a', 1, 2]], 'a', null]],
  ['any', [{}, [], 1, null, 'a', false], []],
])('%s takes values of its kind, from users and peers', (type, fitting, others) => {
  const schema = schemaOf('string', type);
  for (const value of fitting) {
    expect(schema.value(value)).toEqual(value);
    schema.checkCell(JSON.stringify(value));
  }
  for (const value of others) {
    expectRefusal(() => schema.value(value), 'VALUE_INVALID', new RegExp(`declared ${type}`));
    expectRefusal(() => schema.checkCell(JSON.stringify(value)), 'OPERATION_INVALID');
  }
});

test.each([
  '',
  '{',
  '{"a":1,"a":2}',
  '[1.0]',
  '[-0]',
  '[ 1]',
  '[1e999]',
  '"\\ud800"',
  'undefined',
  '"\\u0041"',
])('the cell %j from a peer is refused', (cell) => {
  expectRefusal(() => any.checkCell(cell), 'OPERATION_INVALID');
});

test('a cell of another kind from a peer is refused', () => {
  for (const cell of [1, 1n, true])
    expectRefusal(() => any.checkCell(cell), 'OPERATION_INVALID', /a cell of string/);
});
