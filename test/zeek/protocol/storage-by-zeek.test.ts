/** Rows that Zeek 9.0.0-rc1 wrote through its storage framework: the last seven by its own scripts, of its test traces. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isTablecastError } from '../../../src/errors.ts';
import { readStorageFile } from '../../../src/zeek/storage-file/read.ts';
import { makeStorage, type StorageRow } from './storage-files.ts';

interface Written {
  readonly table: string;
  readonly key: string;
  readonly value: string;
  readonly expiry: number;
}

const lines = readFileSync(fileURLToPath(new URL('storage-by-zeek.jsonl', import.meta.url)), 'utf8');
const written = lines
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Written);

const types = {
  Rec: 'record { name: string; seen: count &optional; ports: set[port]; }',
  Key: 'record { a: addr; b: count &optional; }',
};

/** What the script gave to Zeek, in the words of this project, by table: type of the value, then the value. */
const values: readonly (readonly [table: string, type: string, value: unknown])[] = [
  ['v_count', 'count', 18_446_744_073_709_551_615n],
  ['v_int', 'int', -9_223_372_036_854_775_808n],
  ['v_double', 'double', 345],
  ['v_small', 'double', 0.1],
  ['v_bool', 'bool', true],
  ['v_string', 'string', 'a"b\n'],
  ['v_bytes', 'string', String.raw`caf\xc3\xa9 \xff\x00 x`],
  ['v_addr', 'addr', '2001:db8::1'],
  ['v_subnet', 'subnet', '2001:db8::/32'],
  ['v_port', 'port', '53/udp'],
  ['v_port0', 'port', '0/unknown'],
  ['v_time', 'time', 1_763_000_000_123_456_000n],
  ['v_interval', 'interval', 15_000_000_000n],
  ['v_interval2', 'interval', -95_400_000_000_000n],
  ['v_interval0', 'interval', 0n],
  ['v_pattern', 'pattern', '/foo|bar/'],
  ['v_patterni', 'pattern', '/foo/i'],
  ['v_enum', 'enum', 'Try::LOW'],
  ['v_vector', 'vector of count', [1, 2, 3, null, 5]],
  ['v_set', 'set[addr, port]', [['10.0.0.1', '1/tcp']]],
  ['v_table', 'table[count] of string', [[2, 'b']]],
  ['v_tables', 'table[string] of count', [['a"b', 1]]],
  ['v_table2', 'table[addr, count] of bool', [[['10.0.0.1', 5], true]]],
  ['v_rec', 'Rec', { name: 'a', ports: ['80/tcp', '443/tcp'] }],
  ['v_rec_seen', 'Rec', { name: 'a', seen: 3, ports: [] }],
];

const keys: readonly (readonly [table: string, type: string, keys: readonly unknown[]])[] = [
  ['k_addr', 'table[addr] of bool', ['10.0.0.1']],
  ['k_addr6', 'table[addr] of bool', ['fe80::1']],
  ['k_count', 'table[count] of string', [7]],
  ['k_port', 'table[port] of string', ['443/tcp']],
  ['k_subnet', 'table[subnet] of string', ['10.0.0.0/8']],
  ['k_key', 'table[Key] of string', [['10.0.0.1', 2]]],
  ['k_keyless', 'table[Key] of string', []],
  ['k_bytes', 'table[string] of count', [String.raw`\xff\xfe`]],
  ['k_back', 'table[string] of count', [String.raw`\xff`]],
  ['gone', 'table[string] of count', ['soon', 'later', 'never']],
  ['zeekknownhosts', '', ['74.125.239.97', '192.168.18.50', '192.150.187.43', '10.0.2.15']],
  [
    'zeekknownservices',
    '',
    [
      ['74.125.239.97', '443/tcp', 'SSL'],
      ['192.150.187.43', '80/tcp', 'HTTP'],
    ],
  ],
  ['zeekknowncerts', '', [['74.125.239.97', 'e2fb0771ee6fc0d0e324bc863c02b57921257c86']]],
];

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'storage-by-zeek-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function rowsOf(table: string): readonly StorageRow[] {
  return written
    .filter((row) => row.table === table)
    .map(({ key, value, expiry }) => [Buffer.from(key), Buffer.from(value), expiry]);
}

test('are read as what the script gave, and none is left out here', () => {
  const tables = [...new Set(written.map(({ table }) => table))];
  const file = readStorageFile(
    makeStorage(join(folder, 'zeek.sqlite'), Object.fromEntries(tables.map((name) => [name, rowsOf(name)]))),
  );
  const entriesOf = (name: string, type: string) => [
    ...file.table(name, type === '' ? {} : { type, types }).entries(() => undefined),
  ];
  for (const [table, type, value] of values) {
    const read = entriesOf(table, `table[string] of ${type}`).map((entry) => [entry.key, entry.value]);
    expect([table, read]).toEqual([table, [['k', value]]]);
  }
  for (const [table, type, expected] of keys) {
    expect([table, entriesOf(table, type).map(({ key }) => key)]).toEqual([table, expected]);
  }
  expect(tables.toSorted()).toEqual([...values, ...keys].map(([table]) => table).toSorted());
  file.close();
});

test('stand in the journal beside a file that Zeek has left: without it the file is refused, with it they are read', () => {
  const left = join(folder, 'hosts.sqlite');
  const database = new Database(left);
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE zeekknownhosts (key_str blob primary key, value_str blob, expire_time real)');
  database.prepare('INSERT INTO zeekknownhosts VALUES (?, ?, ?)').run(...(rowsOf('zeekknownhosts')[0] ?? []));
  const copy = join(folder, 'copy.sqlite');
  copyFileSync(left, copy);
  expect(existsSync(`${left}-wal`)).toBe(true);
  let hint: unknown;
  try {
    readStorageFile(copy);
  } catch (error) {
    hint = isTablecastError(error) ? error.hint : error;
  }
  expect(hint).toContain('-wal');
  copyFileSync(`${left}-wal`, `${copy}-wal`);
  database.close();
  const file = readStorageFile(copy);
  expect(Array.from(file.table('zeekknownhosts').entries(), ({ key }) => key)).toEqual(['74.125.239.97']);
  file.close();
});
