import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Cell, TypeName } from '../../src/schema/index.ts';
import { atomicNames, atoms, schemaOf } from './arbitraries.ts';
import { expectRefusal, isAccepted } from './refusals.ts';

function canonical(type: TypeName, value: unknown): unknown {
  return schemaOf('string', type).value(value);
}

describe.each(atomicNames)('any %s', (type) => {
  const schema = schemaOf('string', type);
  const values = atoms[type] as fc.Arbitrary<unknown>;

  test('has a canonical form that is its own canonical form', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(schema.value(schema.value(value))).toBe(schema.value(value));
      }),
    );
  });

  test('survives its cell, which peers accept', () => {
    fc.assert(
      fc.property(values, (value) => {
        const cell = schema.toColumn(schema.value(value));
        schema.checkCell(cell);
        expect(schema.fromColumn(cell)).toBe(schema.value(value));
      }),
    );
  });

  test('is told apart from anything: refused with a hint, or canonical and accepted as a cell', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.anything({ withBigInt: true, withDate: true }), ...Object.values(atoms)),
        (value) => {
          if (!isAccepted(() => schema.value(value), 'VALUE_INVALID')) return;
          expect(isAccepted(() => schema.checkCell(schema.value(value) as Cell), 'OPERATION_INVALID')).toBe(
            true,
          );
        },
      ),
    );
  });
});

const accepted: readonly [TypeName, unknown, unknown][] = [
  ['count', 5n, 5],
  ['count', 2n ** 53n, 2n ** 53n],
  ['count', 2n ** 64n - 1n, 2n ** 64n - 1n],
  ['count', -0, 0],
  ['int', -(2n ** 63n), -(2n ** 63n)],
  ['int', -7n, -7],
  ['double', Number.NaN, Number.NaN],
  ['double', -0, -0],
  ['string', '', ''],
  ['addr', '::ffff:10.0.0.1', '10.0.0.1'],
  ['addr', '::FFFF:0a00:1', '10.0.0.1'],
  ['addr', '[2001:DB8:0:0:0:0:0:1]', '2001:db8::1'],
  ['addr', '::1.2.3.4', '::102:304'],
  ['addr', '0:0:0:0:0:0:0:0', '::'],
  ['addr', '1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ['addr', '1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
  ['subnet', '10.1.2.3/8', '10.0.0.0/8'],
  ['subnet', '10.1.2.3/32', '10.1.2.3/32'],
  ['subnet', '255.255.255.255/0', '0.0.0.0/0'],
  ['subnet', '255.255.255.255/31', '255.255.255.254/31'],
  ['subnet', '[2001:db8:ffff::1]/33', '2001:db8:8000::/33'],
  ['subnet', '::ffff:10.1.2.3/104', '10.0.0.0/8'],
  ['subnet', '::ffff:10.1.2.3/96', '0.0.0.0/0'],
  ['subnet', '::ffff:10.1.2.3/90', '::ffc0:0:0/90'],
  ['port', { port: 53, protocol: 'udp' }, '53/udp'],
  ['port', '0/unknown', '0/unknown'],
  ['time', new Date(1_500), 1_500_000_000n],
  ['time', '1970-01-01T00:00:01.000000001Z', 1_000_000_001n],
  ['time', '1970-01-01T00:00:01', 1_000_000_000n],
  ['time', '1970-01-01T02:00:00.5+02:00', 500_000_000n],
  ['time', '1969-12-31T23:59:59.9Z', -100_000_000n],
  ['time', '2024-02-29T00:00:00-00:30', BigInt(Date.UTC(2024, 1, 29, 0, 30)) * 1_000_000n],
  ['interval', '1.5s', 1_500_000_000n],
  ['interval', '-90s', -90_000_000_000n],
  ['interval', '99999ns', 99_999n],
  ['interval', '5m', 300_000_000_000n],
  ['interval', '5min', 300_000_000_000n],
  ['enum', 'Notice::ACTION_LOG', 'Notice::ACTION_LOG'],
  ['enum', 'RED', 'RED'],
  ['pattern', '/a/b/si', '/a\\/b/is'],
  ['pattern', '/a\\/b/', '/a\\/b/'],
];

test.each(accepted)('%s accepts %o as %o', (type, value, expected) => {
  expect(canonical(type, value)).toBe(expected);
});

const refused: readonly [TypeName, unknown, RegExp][] = [
  ['bool', 1, /true or false, not 1/],
  ['count', -1, /type int/],
  ['count', -1n, /from 0 to 2\^64-1/],
  ['count', 2n ** 64n, /18446744073709551616n/],
  [
    'count',
    2 ** 53,
    /beyond 2\^53, where a number is already rounded[^]*Write a bigint, in a column declared as { type: 'count', as: 'bigint' }/,
  ],
  ['count', 1.5, /double/],
  ['count', '5', /Number\(\)/],
  ['count', undefined, /not undefined/],
  ['int', 2n ** 63n, /2\^63-1/],
  ['int', -(2 ** 53), /beyond 2\^53/],
  ['int', 10n ** 5_000n, /many digits/],
  ['int', Number.NaN, /NaN/],
  ['double', 5n, /5n/],
  ['double', null, /null/],
  ['string', 5, /not 5/],
  ['string', 'a\ud800', /surrogate/],
  ['string', 'x'.repeat(262_145), /longer than 262144 bytes/],
  ['string', '€'.repeat(87_382), /longer than 262144 bytes/],
  ['addr', '010.1.1.1', /IP address/],
  ['addr', '1', /IP address/],
  ['addr', '10.0.0', /IP address/],
  ['addr', '10.0.0.256', /IP address/],
  ['addr', '10.0.0.1 ', /IP address/],
  ['addr', '0x1.2.3.4', /IP address/],
  ['addr', '10..0.1', /IP address/],
  ['addr', '[10.0.0.1]', /IP address/],
  ['addr', 'fe80::1%eth0', /zone/],
  ['addr', '1::2::3', /IP address/],
  ['addr', '::ffff:010.1.1.1', /IP address/],
  ['addr', '1:2:3:4:5:6:7:8:9', /IP address/],
  ['addr', '', /IP address/],
  ['addr', `${'0'.repeat(5_000)}::`, /5002 characters/],
  ['addr', 167_772_161, /167772161/],
  ['subnet', '10.0.0.0', /subnet/],
  ['subnet', '10.0.0.0/33', /a prefix length beyond 32/],
  ['subnet', '10.0.0.0/4294967296', /a prefix length beyond 32/],
  ['subnet', '10.0.0.0/08', /subnet/],
  ['subnet', '10.0.0.0/', /subnet/],
  ['subnet', '::/129', /a prefix length beyond 128/],
  ['subnet', '10.0.0.0/255.0.0.0', /subnet/],
  ['port', '65536/tcp', /beyond the largest port, 65535/],
  ['port', { port: 100_000, protocol: 'udp' }, /beyond the largest port, 65535/],
  ['port', '443', /443\/tcp/],
  ['port', '0443/tcp', /443\/tcp/],
  ['port', '443/TCP', /443\/tcp/],
  ['port', '443/tcpx', /443\/tcp/],
  ['port', '/tcp', /443\/tcp/],
  ['port', { port: 1.5, protocol: 'tcp' }, /443\/tcp/],
  ['port', 443, /not 443/],
  ['time', 1_700_000_000_000, /does not say its unit[^]*new Date\(ms\)/],
  ['time', new Date(Number.NaN), /invalid Date/],
  ['time', '2023-02-29T00:00:00Z', /time/],
  ['time', '2023-01-01T24:00:00Z', /time/],
  ['time', '2023-01-01T00:00:60Z', /time/],
  ['time', '2023-01-01T00:00:00.1234567890Z', /time/],
  ['time', '2023-01-01', /time/],
  ['time', '9999-01-01T00:00:00Z', /64 bits of nanoseconds \(1677-09-21 to 2262-04-11\)/],
  ['time', 2n ** 63n, /64 bits of nanoseconds/],
  ['interval', 5, /does not say its unit/],
  ['interval', '5', /interval/],
  ['interval', '0.5ns', /interval/],
  ['interval', '1e3s', /interval/],
  ['interval', '99999999999d', /292 years/],
  ['interval', `${'9'.repeat(30)}d`, /292 years/],
  ['enum', 'Notice::', /enum label/],
  ['enum', 'a-b', /enum label/],
  ['enum', '', /enum label/],
  ['enum', 'a'.repeat(1025), /longer than 1024 bytes/],
  ['pattern', 'foo', /pattern/],
  ['pattern', '/', /pattern/],
  ['pattern', '/foo/g', /pattern/],
  ['pattern', '/foo/ii', /pattern/],
  ['pattern', '/foo\\/', /pattern/],
  ['pattern', /foo/, /an object/],
];

test.each(refused)('%s refuses %s', (type, value, pattern) => {
  expectRefusal(() => canonical(type, value), 'VALUE_INVALID', /table 't' \(declared /, pattern);
});

const refusedCells: readonly [TypeName, Cell][] = [
  ['bool', 1],
  ['bool', 'T'],
  ['count', -1],
  ['count', -0],
  ['count', 1.5],
  ['count', 2 ** 60],
  ['count', 2n ** 64n],
  ['int', -(2n ** 63n) - 1n],
  ['double', '1'],
  ['time', 5],
  ['time', 2n ** 63n],
  ['time', '1970-01-01T00:00:00Z'],
  ['interval', '5m'],
  ['string', '\udc00'],
  ['string', 5],
  ['addr', '::ffff:10.0.0.1'],
  ['addr', '2001:DB8::'],
  ['subnet', '10.0.0.1/8'],
  ['port', '443'],
  ['pattern', '/a/b/'],
];

test.each(refusedCells)('a cell of %s from a peer may not be %s', (type, cell) => {
  expectRefusal(
    () => schemaOf('string', type).checkCell(cell),
    'OPERATION_INVALID',
    /operation of table 't'/,
  );
});

test('a small integer that came as a bigint is a number again', () => {
  const schema = schemaOf('string', 'count');
  schema.checkCell(5n);
  expect(schema.fromColumn(5n)).toBe(5);
});

test('a set has neither values nor cells', () => {
  const schema = schemaOf('string');
  expect(schema.value(undefined)).toBeUndefined();
  expect(schema.fromColumn(schema.toColumn(undefined))).toBeUndefined();
  schema.checkCell(schema.toColumn(undefined));
  expectRefusal(() => schema.value(1), 'VALUE_INVALID', /the table is a set/);
  for (const cell of [true, 0, '']) expectRefusal(() => schema.checkCell(cell), 'OPERATION_INVALID');
});
