import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { schemaLimits, type TypeName } from '../../src/schema/index.ts';
import { atomicNames, atoms, compositeKeys, nulText, schemaOf } from './arbitraries.ts';
import { expectRefusal, isAccepted } from './refusals.ts';

describe.each(atomicNames)('a key of type %s', (type) => {
  const schema = schemaOf(type);
  const keys = atoms[type] as fc.Arbitrary<unknown>;

  test('survives its text, which is canonical and acceptable from peers', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const text = schema.keyText(key);
        schema.checkKeyText(text);
        expect(schema.keyText(schema.keyOf(text))).toBe(text);
        expect(schema.textKeys ? schema.keyOf(text) : text).toBe(text);
        expect(schema.keyOf(text)).toBe(
          schemaOf('string', type).value(key) === 0 ? 0 : schemaOf('string', type).value(key),
        );
      }),
    );
  });

  test('has one text per key: of any text, checkKeyText accepts exactly what keyText gives', () => {
    const digits = fc.string({
      unit: fc.constantFrom('0', '1', '-', '.', 'e', '+', ' ', 'n', 'T', '/'),
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.oneof(digits, nulText, fc.string()), (text) => {
        if (!isAccepted(() => schema.checkKeyText(text), 'OPERATION_INVALID')) return;
        expect(schema.keyText(schema.keyOf(text))).toBe(text);
      }),
    );
  });
});

describe('composite keys', () => {
  test('survive their text, as frozen arrays', () => {
    fc.assert(
      fc.property(compositeKeys, ({ types, keys: [key] }) => {
        const schema = schemaOf(types);
        const text = schema.keyText(key);
        schema.checkKeyText(text);
        expect(schema.keyText(schema.keyOf(text))).toBe(text);
        expect(schema.keyOf(text)).toHaveLength(types.length);
        expect(Object.isFrozen(schema.keyOf(text))).toBe(true);
      }),
    );
  });

  test('share a text only when every column is equal', () => {
    fc.assert(
      fc.property(compositeKeys, ({ types, keys: [left, right] }) => {
        const schema = schemaOf(types);
        const equal = types.every(
          (type, column) => schemaOf(type).keyText(left[column]) === schemaOf(type).keyText(right[column]),
        );
        expect(schema.keyText(left) === schema.keyText(right)).toBe(equal);
      }),
    );
  });

  test.each([2, 3])('of %i texts full of U+0000 and U+0001 come back column by column', (columns) => {
    const schema = schemaOf(Array<TypeName>(columns).fill('string'));
    fc.assert(
      fc.property(fc.array(nulText, { minLength: columns, maxLength: columns }), (key) => {
        expect(schema.keyOf(schema.keyText(key))).toEqual(key);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([2, 3])(
    'of %i columns: any text of U+0000 and U+0001 is refused or comes back as it is',
    (columns) => {
      const schema = schemaOf(Array<TypeName>(columns).fill('string'));
      let seen = 0;
      fc.assert(
        fc.property(fc.string({ unit: fc.constantFrom('\u0000', '\u0001', 'a'), maxLength: 9 }), (text) => {
          try {
            schema.checkKeyText(text);
          } catch (error) {
            expect(error).toMatchObject({ code: 'OPERATION_INVALID' });
            return;
          }
          seen++;
          expect(schema.keyText(schema.keyOf(text))).toBe(text);
          expect(schema.keyOf(text)).toHaveLength(columns);
        }),
        { numRuns: 5_000 },
      );
      expect(seen).toBeGreaterThan(20);
    },
  );

  test('are written as documented', () => {
    expect(schemaOf(['addr', 'port']).keyText(['::ffff:10.0.0.1', '443/tcp'])).toBe(
      '10.0.0.1\u0000\u0000443/tcp',
    );
    expect(schemaOf(['string', 'count']).keyText(['a\u0000b', 7n])).toBe('a\u0000\u0001b\u0000\u00007');
  });

  test('of the wrong arity, or no array, are refused', () => {
    for (const columns of [2, 3]) {
      const schema = schemaOf(Array<TypeName>(columns).fill('addr'));
      for (const key of [
        '10.0.0.1',
        [],
        ['10.0.0.1'],
        Array(4).fill('10.0.0.1'),
        undefined,
        { 0: 'a', length: columns },
      ]) {
        expectRefusal(() => schema.keyText(key), 'KEY_INVALID', new RegExp(`an array of ${columns}`));
      }
    }
  });
});

test.each<[TypeName, unknown, string]>([
  ['bool', true, 'T'],
  ['bool', false, 'F'],
  ['count', 2n ** 64n - 1n, '18446744073709551615'],
  ['int', -5n, '-5'],
  ['double', -0, '0'],
  ['double', 0.1, '0.1'],
  ['double', -Infinity, '-Infinity'],
  ['time', '1970-01-01T00:00:01Z', '1000000000'],
  ['interval', '-1ms', '-1000000'],
  ['string', '', ''],
])('the text of the %s key %o is %j', (type, key, text) => {
  expect(schemaOf(type).keyText(key)).toBe(text);
});

test.each<[TypeName | TypeName[], unknown, RegExp]>([
  ['double', Number.NaN, /NaN/],
  ['string', 'a\udfff', /surrogate/],
  ['string', 5, /must be a string, not 5/],
  ['string', ['a'], /an array of 1/],
  ['string', '€'.repeat(342), /1024 bytes/],
  ['string', 'a'.repeat(1_025), /1024 bytes/],
  ['pattern', `/${'a'.repeat(1_023)}/`, /1024 bytes/],
  [['string', 'string'], ['a'.repeat(600), 'b'.repeat(423)], /1024 bytes/],
  [['string', 'string', 'string'], ['\u0000'.repeat(400), 'b'.repeat(230), ''], /1024 bytes/],
  ['addr', undefined, /not undefined/],
  ['count', Symbol('x'), /a symbol/],
])('as key, %j refuses %s', (type, key, pattern) => {
  expectRefusal(() => schemaOf(type).keyText(key), 'KEY_INVALID', /table 't'/, pattern);
});

test('the limit of a key is bytes of UTF-8, not characters', () => {
  const schema = schemaOf('string');
  for (const key of ['a'.repeat(1_024), '€'.repeat(341), '😀'.repeat(256), 'é'.repeat(512)]) {
    expect(schema.keyText(key)).toBe(key);
    expect(Buffer.byteLength(key)).toBeLessThanOrEqual(schemaLimits.maxKeyBytes);
    expectRefusal(() => schema.keyText(`${key}€`), 'KEY_INVALID', /1024 bytes/);
  }
});

test.each<[TypeName | TypeName[], string]>([
  ['count', '-1'],
  ['count', '007'],
  ['count', '18446744073709551616'],
  ['count', ''],
  ['int', '-0'],
  ['int', '0x10'],
  ['bool', 't'],
  ['double', 'NaN'],
  ['double', '-0'],
  ['double', '1.0'],
  ['time', ' 1'],
  ['addr', '::FFFF:1.2.3.4'],
  ['string', '\ud83d'],
  ['string', 'a'.repeat(1_025)],
  [['addr', 'port'], '10.0.0.1'],
  [['addr', 'port'], '10.0.0.1\u0000443/tcp'],
  [['addr', 'port'], '10.0.0.1\u0000\u0000443/tcp\u0000\u0000'],
  [['string'], 'a\u0000b'],
])('of type %j, the text %j is not acceptable from a peer', (type, text) => {
  expectRefusal(
    () => schemaOf(type).checkKeyText(text),
    'OPERATION_INVALID',
    /key of an operation of table 't'/,
  );
});

test('a key that throws when read is refused like any other', () => {
  const hostile = new Proxy([], {
    get: () => {
      throw new TypeError('no');
    },
  });
  expectRefusal(() => schemaOf(['addr', 'port']).keyText(hostile), 'KEY_INVALID');
  expectRefusal(() => schemaOf('addr').keyText(hostile), 'KEY_INVALID');
});
