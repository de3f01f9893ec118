import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isTablecastError, type TablecastError } from '../../../src/errors.ts';
import { readBrokerStore } from '../../../src/zeek/broker-store/read.ts';
import { readStorageFile, type StorageTableOptions } from '../../../src/zeek/storage-file/read.ts';
import { json, makeStorage, type StorageRow } from './storage-files.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'storage-file-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(tables: Readonly<Record<string, readonly StorageRow[]>>): string {
  const file = join(folder, 'file.sqlite');
  rmSync(file, { force: true });
  return makeStorage(file, tables);
}

function refusal(run: () => unknown): TablecastError {
  try {
    run();
  } catch (error) {
    if (isTablecastError(error)) return error;
    throw error;
  }
  throw new Error('not refused');
}

/** The rows of the only table of a file, and what was said of those that cannot be read. */
function read(rows: readonly StorageRow[], options: StorageTableOptions = {}, name = 'own') {
  const file = readStorageFile(fileOf({ [name]: rows }));
  const table = file.table(name, options);
  const unreadable: string[] = [];
  const entries = [...table.entries((error) => unreadable.push(error.message))];
  file.close();
  const { type, size, declaration } = table;
  return { entries, unreadable, type, size, declaration };
}

/** What one key and one value of a type become. */
function one(type: string, key: string, value: string, types: Readonly<Record<string, string>> = {}) {
  const { entries, unreadable } = read([[json(key), json(value), 0]], { type, types });
  const [entry] = entries;
  return entry === undefined ? unreadable : [entry.key, entry.value];
}

describe("the files of Zeek 9.0's own scripts", () => {
  test('give hosts, services and certificates as sets, with when they go', () => {
    const hosts = read([[json('"10.0.0.1"'), json('true'), 1763000000.25]], {}, 'zeekknownhosts');
    expect(hosts).toMatchObject({ type: 'set[addr]', size: 1, declaration: { key: 'addr' } });
    expect(hosts.entries).toEqual([
      { key: '10.0.0.1', value: undefined, expiry: 1_763_000_000_250_000_000n, escaped: false },
    ]);
    const service = json('{"host":"fe80::1","p":{"port":443,"proto":"tcp"},"serv":"ssl"}');
    const services = read([[service, json('true'), 0]], {}, 'zeekknownservices');
    expect(services.declaration).toEqual({ key: ['addr', 'port', 'string'] });
    expect(services.entries[0]).toMatchObject({ key: ['fe80::1', '443/tcp', 'ssl'], expiry: undefined });
    const cert = json('{"host":"10.0.0.1","hash":"c0ffee"}');
    const certs = read([[cert, json('true'), 0]], {}, 'zeekknowncerts');
    expect(certs.declaration).toEqual({ key: ['addr', 'string'] });
    expect(certs.entries[0]?.key).toEqual(['10.0.0.1', 'c0ffee']);
  });

  test('a value that no set has is told and left out', () => {
    const hosts = read(
      [
        [json('"10.0.0.1"'), json('false'), 0],
        [json('"10.0.0.2"'), json('true'), 0],
      ],
      {},
      'zeekknownhosts',
    );
    expect(hosts.entries.map(({ key }) => key)).toEqual(['10.0.0.2']);
    expect(hosts.unreadable).toEqual(['The value is not T, as every value of a set is.']);
  });
});

describe('values', () => {
  const record = 'record { name: string; seen: count &optional; ports: set[port]; }';

  test.each([
    ['count', '18446744073709551615', 18_446_744_073_709_551_615n],
    ['int', '-9223372036854775808', -9_223_372_036_854_775_808n],
    ['double', '345.0', 345],
    ['bool', 'true', true],
    ['string', String.raw`"a\"b\n"`, 'a"b\n'],
    ['addr', '"[2001:db8::1]"', '2001:db8::1'],
    ['subnet', '"[2001:db8::]/32"', '2001:db8::/32'],
    ['port', '{"port":53,"proto":"udp"}', '53/udp'],
    ['port', '{"port":0,"proto":"unknown"}', '0/unknown'],
    ['time', '1763000000.123456', 1_763_000_000_123_456_000n],
    ['time', '1.5e9', 1_500_000_000_000_000_000n],
    ['interval', '"15.0 secs"', 15_000_000_000n],
    ['interval', '"-1.0 day -2.5 hrs"', -95_400_000_000_000n],
    ['interval', '"0 secs"', 0n],
    ['pattern', String.raw`"/^?(foo|bar)$?/"`, '/foo|bar/'],
    ['pattern', String.raw`"/(?i:^?(foo)$?)/"`, '/foo/i'],
    ['enum', '"Site::LOW"', 'Site::LOW'],
    ['vector of count', '[1,null,3]', [1, null, 3]],
    ['set[addr, port]', '[["10.0.0.1",{"port":1,"proto":"tcp"}]]', [['10.0.0.1', '1/tcp']]],
    ['table[count] of string', '{"2":"b"}', [[2, 'b']]],
    ['table[string] of count', String.raw`{"a\\\"b":1}`, [['a"b', 1]]],
    ['table[addr, count] of bool', String.raw`{"[\"10.0.0.1\",5]":true}`, [[['10.0.0.1', 5], true]]],
    ['Rec', '{"name":"a","ports":[]}', { name: 'a', ports: [] }],
  ])('%s: %s', (type, text, expected) => {
    expect(one(`table[string] of ${type}`, '"k"', text, { Rec: record })).toEqual(['k', expected]);
  });

  test.each([
    ['count', '-1'],
    ['count', '18446744073709551616'],
    ['double', 'null'],
    ['addr', '"10.0.0"'],
    ['port', '{"port":53,"proto":"sctp"}'],
    ['time', '1e300'],
    ['interval', '"5.0 weeks"'],
    ['interval', '"5.0"'],
    ['pattern', '"foo"'],
    ['enum { LOW }', '"HIGH"'],
    ['Rec', '{"name":"a"}'],
    ['Rec', '{"name":"a","ports":[],"more":1}'],
    ['set[addr, port]', '[["10.0.0.1"]]'],
    ['table[count] of string', '{"x":"b"}'],
    ['string', '{"opaque_type":"bloomfilter"}'],
  ])('%s is not %s, which is told', (type, text) => {
    expect(one(`table[string] of ${type}`, '"k"', text, { Rec: record })).toEqual([expect.any(String)]);
  });

  test('a record as key is its fields, in the order of the type; one that is unset is told', () => {
    const types = { Key: 'record { a: addr; b: count &optional; }' };
    expect(one('table[Key] of string', '{"a":"10.0.0.1","b":2}', '"v"', types)).toEqual([
      ['10.0.0.1', 2],
      'v',
    ]);
    expect(one('table[addr, count] of string', '{"a":"10.0.0.1","b":2}', '"v"')).toEqual([
      ['10.0.0.1', 2],
      'v',
    ]);
    expect(one('table[Key] of string', '{"a":"10.0.0.1"}', '"v"', types)).toEqual([
      "The key's b has nothing where count is declared.",
    ]);
    expect(one('table[addr, count] of string', '{"a":"10.0.0.1"}', '"v"')).toEqual([
      'The key is no record of 2 fields.',
    ]);
  });

  test('text that may have been a byte is marked, and stays as Zeek reads it', () => {
    const { entries } = read([
      [json(String.raw`"\\xff"`), json('1'), 0],
      [json('"xff"'), json('1'), 0],
    ]);
    expect(entries.map(({ key, escaped }) => [key, escaped])).toEqual([
      [String.raw`\xff`, true],
      ['xff', false],
    ]);
  });
});

describe('types', () => {
  test.each([
    ['"10.0.0.1" "::1"', '1 2', 'table[addr] of count'],
    ['"10.0.0.1" "web"', '1 -2', 'table[string] of int'],
    ['"10.0.0.0/8" "fe80::/10"', '1 0.5', 'table[subnet] of double'],
    ['{"port":1,"proto":"tcp"}', '"10.0.0.1"', 'table[port] of addr'],
    ['{"a":"x","b":1} {"a":"y","b":2}', 'true', 'table[record { a: string; b: count; }] of bool'],
  ])('%s to %s are guessed', (keys, values, type) => {
    const texts = values.split(' ');
    const rows = keys
      .split(' ')
      .map((key, at): StorageRow => [json(key), json(texts[at] ?? texts[0] ?? ''), 0]);
    expect(read(rows).type).toBe(type);
  });

  test.each([
    ['{"a":1} {"b":1}', '1'],
    ['"a" 1', '1'],
    ['"a"', '{"x":1}'],
    ['"a"', '[1]'],
    ['"a" "b"', '1 "x"'],
  ])('of %s to %s nobody knows, and it is asked for', (keys, values) => {
    const texts = values.split(' ');
    const rows = keys
      .split(' ')
      .map((key, at): StorageRow => [json(key), json(texts[at] ?? texts[0] ?? ''), 0]);
    expect(refusal(() => read(rows)).message).toBe(
      'file.sqlite does not say of which type the rows of own are; give it.',
    );
  });

  test('an empty table has none, and no rows', () => {
    expect(read([])).toEqual({
      entries: [],
      unreadable: [],
      type: undefined,
      size: 0,
      declaration: undefined,
    });
  });

  test('a type that is no table is refused', () => {
    expect(refusal(() => read([[json('1'), json('1'), 0]], { type: 'count' })).code).toBe(
      'DECLARATION_INVALID',
    );
  });
});

describe('files', () => {
  test('several tables of a file are read apart, and tables of others are named', () => {
    const path = fileOf({ one: [[json('1'), json('1'), 0]], two: [[json('2'), json('2'), 0]] });
    const file = readStorageFile(makeStorage(path, {}, 'CREATE TABLE notes(text)'));
    expect([file.tables, file.others]).toEqual([['one', 'two'], ['notes']]);
    expect(Array.from(file.table('two').entries(), ({ key }) => key)).toEqual([2]);
    expect(refusal(() => file.table('notes')).message).toBe(
      'file.sqlite has no table notes; it has one, two.',
    );
    file.close();
  });

  test('a row of another serializer, of none, and of no bytes is told and left out', () => {
    const { entries, unreadable } = read(
      [
        [json('1'), json('1'), 0],
        ['JSONv2;2', json('1'), 0],
        ['2', json('1'), 0],
        [json('{"a"'), json('1'), 0],
        [Buffer.from([...Buffer.from('JSONv1;"'), 0xff, 0x22]), json('1'), 0],
        [json('['.repeat(40) + ']'.repeat(40)), json('1'), 0],
      ],
      { type: 'table[count] of count' },
    );
    expect(entries.map(({ key }) => key)).toEqual([1]);
    expect(unreadable).toEqual([
      'The key is written by JSONv2, not by JSONv1.',
      'The key is written by no serializer that says its version, not by JSONv1.',
      'The key is not JSON as Zeek writes it.',
      'The key is not UTF-8.',
      'The key is nested too deeply.',
    ]);
  });

  test('an expiry that no 64 bits of nanoseconds hold is none; a negative one is over', () => {
    const { entries } = read([
      [json('1'), json('1'), 1e300],
      [json('2'), json('1'), -1],
      [json('3'), json('1'), null],
    ]);
    expect(entries.map(({ expiry }) => expiry)).toEqual([undefined, -1_000_000_000n, undefined]);
  });

  test('a store of Broker, another database and what is none are refused, with what reads them', () => {
    const nothing = join(folder, 'nothing.sqlite');
    writeFileSync(nothing, 'nothing');
    expect(refusal(() => readStorageFile(nothing)).message).toBe('nothing.sqlite is no SQLite database.');
    const other = makeStorage(join(folder, 'other.sqlite'), {}, 'CREATE TABLE notes(text)');
    expect(refusal(() => readStorageFile(other)).message).toContain('has no table with key_str');
    const broker = makeStorage(
      join(folder, 'broker.sqlite'),
      {},
      'CREATE TABLE store(key blob primary key, value blob, expiry integer)',
    );
    expect(refusal(() => readStorageFile(broker)).hint).toContain('--broker-store FILE');
    const storage = fileOf({ own: [[json('1'), json('1'), 0]] });
    expect(refusal(() => readBrokerStore(storage)).hint).toContain('--storage FILE');
    const view = makeStorage(join(folder, 'view.sqlite'), { own: [] }, 'CREATE VIEW seen AS SELECT 1');
    expect(refusal(() => readStorageFile(view)).message).toContain('has a view');
  });

  test('whatever bytes of a file are damaged, it is refused or its rows are read, and nothing else happens', () => {
    const rows = Array.from({ length: 200 }, (_, at): StorageRow => [json(`"host-${at}"`), json('true'), 0]);
    const sound = readFileSync(fileOf({ own: rows }));
    const damaged = join(folder, 'damaged.sqlite');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1 }), (changes) => {
        const bytes = Buffer.from(sound);
        for (const [at, byte] of changes) bytes[at] = byte;
        writeFileSync(damaged, bytes);
        try {
          const file = readStorageFile(damaged);
          for (const name of file.tables)
            expect(
              [...file.table(name, { type: 'set[string]' }).entries(() => undefined)].length,
            ).toBeLessThan(201);
          file.close();
        } catch (error) {
          expect(isTablecastError(error)).toBe(true);
        }
      }),
      { numRuns: 25 },
    );
  });
});
