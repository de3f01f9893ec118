import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isTablecastError, TablecastError } from '../../../src/errors.ts';
import { readBinary } from '../../../src/zeek/broker-store/binary.ts';
import { readBrokerStore } from '../../../src/zeek/broker-store/read.ts';
import { parseZeekType } from '../../../src/zeek/protocol/zeek-type-parser.ts';
import { typeText } from '../../../src/zeek/protocol/zeek-type.ts';
import { hasStores, storeFolder } from './recorded.ts';
import { printRow } from './zeek-print.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'broker-store-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Row = readonly [key: Uint8Array, value: Uint8Array | null, expiry: bigint | null];

function makeStore(rows: readonly Row[], name = '___sync_store_Own::table.sqlite'): string {
  const file = join(folder, name);
  const database = new Database(file);
  database.exec('CREATE TABLE meta(key text primary key, value text)');
  database.exec('CREATE TABLE store(key blob primary key, value blob, expiry integer)');
  database.exec("INSERT INTO meta VALUES ('broker_version', '2.8.0')");
  for (const row of rows) database.prepare('INSERT INTO store VALUES (?, ?, ?)').run(...row);
  database.close();
  return file;
}

const utf8 = new TextEncoder();
const text = (value: string): number[] => [5, utf8.encode(value).length, ...utf8.encode(value)];
const count = (value: number): number[] => [2, 0, 0, 0, 0, 0, 0, 0, value];
const bytes = (...parts: number[][]): Uint8Array => Buffer.from(parts.flat());

function refusal(run: () => unknown): TablecastError {
  try {
    run();
  } catch (error) {
    if (isTablecastError(error)) return error;
    throw error;
  }
  throw new Error('not refused');
}

/** What Zeek printed of each table: its rows without order. */
function printed(): ReadonlyMap<string, readonly string[]> {
  const tables = new Map<string, readonly string[]>();
  for (const part of readFileSync(join(storeFolder, 'printed-by-zeek.txt'), 'utf8').matchAll(
    /^(\w+), \{\n([^]*?)\n\}$/gm,
  )) {
    const rows = (part[2] ?? '').split(/,?\n/).filter((row) => row !== '');
    tables.set(part[1] ?? '', rows.toSorted());
  }
  return tables;
}

describe.skipIf(!hasStores)('stores written by Zeek 8.2.2', () => {
  const tables = hasStores ? [...printed()] : [];
  const record = 'table[string] of record { a: count; b: string; c: vector of string; d: addr &optional; }';

  test('are all there', () => {
    expect(tables).toHaveLength(18);
    expect(readdirSync(storeFolder).filter((name) => name.endsWith('.sqlite'))).toHaveLength(18);
  });

  test.each(tables)('%s holds what Zeek printed', (name, rows) => {
    const file = join(storeFolder, `___sync_store_Store::${name}.sqlite`);
    const store = readBrokerStore(file, name === 'records' ? { type: record } : {});
    try {
      expect(store.tableName).toBe(`Store::${name}`);
      expect(store.brokerVersion).toBe('2.8.0');
      const type = store.type;
      const read = [...store.entries()].map(({ key, value }) =>
        type === undefined ? '' : printRow(type, key, value),
      );
      expect(read.toSorted()).toEqual(rows);
    } finally {
      store.close();
    }
  });

  test.each([
    ['by_addr', 'table[addr] of addr', { key: 'addr', value: 'addr' }],
    ['by_enum', 'table[enum] of enum', { key: 'enum', value: 'enum' }],
    ['hosts', 'set[addr]', { key: 'addr' }],
    ['services', 'set[addr, port]', { key: ['addr', 'port'] }],
    ['multi', 'table[string, count, addr] of double', { key: ['string', 'count', 'addr'], value: 'double' }],
    ['pat', 'table[string] of pattern', { key: 'string', value: 'pattern' }],
    [
      'records',
      'table[string] of record { field1: count; field2: string; field3: vector of string; field4: addr &optional; }',
      { key: 'string', value: 'record', complexValues: true },
    ],
    ['empty', undefined, undefined],
  ])('the declaration of %s is guessed', (name, type, declaration) => {
    const store = readBrokerStore(join(storeFolder, `___sync_store_Store::${name}.sqlite`));
    expect(store.type === undefined ? undefined : typeText(store.type)).toBe(type);
    expect(store.declaration).toEqual(declaration);
    store.close();
  });

  test('keep deadlines to the nanosecond', () => {
    const store = readBrokerStore(join(storeFolder, '___sync_store_Store::expiring.sqlite'));
    expect([...store.entries()].map(({ expiry }) => expiry)).toEqual([
      1797928543074469289n,
      1797928543075708953n,
    ]);
    store.close();
  });

  test('keep bytes that are not UTF-8, and say so', () => {
    const store = readBrokerStore(join(storeFolder, '___sync_store_Store::by_string.sqlite'));
    const escaped = [...store.entries()].filter((entry) => entry.escaped);
    expect(escaped.map(({ key, value }) => [key, value])).toEqual([
      ['ünïcødé \u{f00ff}\u0000 bytes', 18446744073709551615n],
    ]);
    store.close();
  });
});

describe('a Broker store', () => {
  test('of an own making gives its rows without touching the file or its folder', () => {
    const file = makeStore([
      [bytes(text('a')), bytes(count(1)), 12n],
      [bytes(text('b')), bytes(count(2)), null],
    ]);
    const before = readFileSync(file);
    const store = readBrokerStore(file);
    expect([...store.entries()]).toEqual([
      { key: 'a', value: 1, expiry: 12n, escaped: false },
      { key: 'b', value: 2, expiry: undefined, escaped: false },
    ]);
    expect(store.declaration).toEqual({ key: 'string', value: 'count' });
    store.close();
    expect(readFileSync(file)).toEqual(before);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test('left in write-ahead mode is read', () => {
    const file = makeStore([[bytes(text('a')), bytes(count(1)), null]]);
    const writer = new Database(file);
    writer.pragma('journal_mode = WAL');
    writer.close();
    const store = readBrokerStore(file);
    expect([...store.entries()]).toHaveLength(1);
    store.close();
  });

  test('whose write-ahead log was left behind gives the rows of the log too', () => {
    const live = makeStore([[bytes(text('a')), bytes(count(1)), null]], 'live.sqlite');
    const writer = new Database(live);
    writer.pragma('journal_mode = WAL');
    writer.prepare('INSERT INTO store VALUES (?, ?, ?)').run(bytes(text('b')), bytes(count(2)), null);
    const file = join(folder, 'copy.sqlite');
    copyFileSync(live, file);
    copyFileSync(`${live}-wal`, `${file}-wal`);
    writer.close();
    const store = readBrokerStore(file);
    expect([...store.entries()].map(({ key }) => key)).toEqual(['a', 'b']);
    store.close();
  });

  test('keeps a byte apart from the text of its escape', () => {
    const raw = (...content: number[]): Uint8Array => Buffer.from([5, content.length, ...content]);
    const texts = [raw(0xff), bytes(text('\\xff')), bytes(text('\\\\xff')), bytes(text('\u{f00ff}'))];
    const store = readBrokerStore(makeStore(texts.map((key) => [key, null, null])));
    expect([...store.entries()].map(({ key, escaped }) => [key, escaped])).toEqual([
      ['\u{f00ff}', true],
      ['\\xff', false],
      ['\\\\xff', false],
      ['\u{f00f3}\u{f00b0}\u{f0083}\u{f00bf}', true],
    ]);
    store.close();
  });

  test('with rows of several types needs a declaration', () => {
    const file = makeStore([
      [bytes(text('a')), bytes(count(1)), null],
      [bytes(count(1)), bytes(count(1)), null],
    ]);
    expect(refusal(() => readBrokerStore(file))).toMatchObject({ code: 'IMPORT_INVALID' });
    const store = readBrokerStore(file, { type: 'table[string] of count' });
    expect(refusal(() => [...store.entries()])).toMatchObject({ code: 'VALUE_INVALID' });
    store.close();
  });

  test('that is a link, a folder, another database or no database is refused', () => {
    const file = makeStore([]);
    symlinkSync(file, join(folder, 'link.sqlite'));
    writeFileSync(join(folder, 'text.sqlite'), 'SQLite? no');
    new Database(join(folder, 'other.sqlite')).exec('CREATE TABLE other(a)').close();
    const trap = join(folder, 'trap.sqlite');
    copyFileSync(file, trap);
    new Database(trap).exec('CREATE VIEW v AS SELECT 1').close();
    for (const name of ['link.sqlite', 'text.sqlite', 'other.sqlite', 'trap.sqlite', 'missing.sqlite', '.']) {
      expect(
        refusal(() => readBrokerStore(join(folder, name))),
        name,
      ).toMatchObject({ code: 'IMPORT_INVALID' });
    }
  });

  test('with any byte of its file changed is read or refused, never worse', () => {
    const rows = Array.from({ length: 40 }, (_, at): Row => [
      bytes(text(`key ${at}`)),
      bytes(count(at)),
      null,
    ]);
    const whole = readFileSync(makeStore(rows));
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const file = join(folder, 'broken.sqlite');
        const broken = Buffer.from(whole);
        broken[at] = byte;
        writeFileSync(file, broken);
        try {
          const store = readBrokerStore(file);
          try {
            for (const entry of store.entries()) expect(entry.escaped).toBeTypeOf('boolean');
          } finally {
            store.close();
          }
        } catch (error) {
          if (!isTablecastError(error)) throw error;
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('a stored value', () => {
  test('of any bytes is read or refused, never worse', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (raw) => {
        try {
          readBinary(raw);
        } catch (error) {
          if (!isTablecastError(error)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('that claims more items than it has bytes is refused at once', () => {
    expect(refusal(() => readBinary(Uint8Array.from([14, 0xff, 0xff, 0x03])))).toMatchObject({
      code: 'IMPORT_INVALID',
    });
    expect(refusal(() => readBinary(Uint8Array.from([14, 0xff, 0xff, 0xff, 0xff, 0xff])))).toMatchObject({
      code: 'IMPORT_INVALID',
    });
  });

  test('of as many items and levels as one may have is read, and with one more refused', () => {
    const limits = { maxDepth: 2, maxItems: 3 };
    const list = (...items: readonly number[][]): number[] => [14, items.length, ...items.flat()];
    const one = [1, 1];
    expect(readBinary(bytes(list(one, list(one))), limits).data.type).toBe('vector');
    for (const tooMuch of [list(one, list(one, one)), list(list(list(one)))])
      expect(refusal(() => readBinary(bytes(tooMuch), limits))).toMatchObject({ code: 'IMPORT_INVALID' });
  });

  test('nested a thousand deep is refused', () => {
    const raw = Uint8Array.from(Array.from({ length: 2000 }, (_, at) => (at % 2 === 0 ? 14 : 1)));
    expect(refusal(() => readBinary(raw))).toMatchObject({ code: 'IMPORT_INVALID' });
  });

  test('of every type is read', () => {
    const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    const cases: readonly (readonly [number[], unknown])[] = [
      [[0], { type: 'none' }],
      [[1, 1], { type: 'boolean', data: true }],
      [[3, ...Array<number>(8).fill(255)], { type: 'integer', data: -1n }],
      [[6, ...mapped, 10, 0, 0, 1], { type: 'address', data: '10.0.0.1' }],
      [[7, ...mapped, 10, 9, 9, 9, 104], { type: 'subnet', data: '10.0.0.0/8' }],
      [[7, 0x20, 1, 0xd, 0xb8, ...Array<number>(12).fill(0), 32], { type: 'subnet', data: '2001:db8::/32' }],
      [[8, 1, 187, 1], { type: 'port', data: '443/tcp' }],
      [
        [13, 1, ...text('k'), 1, 0],
        {
          type: 'table',
          data: [{ key: { type: 'string', data: 'k' }, value: { type: 'boolean', data: false } }],
        },
      ],
    ];
    for (const [raw, data] of cases) expect(readBinary(Uint8Array.from(raw)).data).toEqual(data);
  });
});

test('types are written as they are read', () => {
  for (const type of [
    'set[addr, port]',
    'table[string] of vector of count',
    'table[count] of record { a: int &optional; }',
  ]) {
    expect(typeText(parseZeekType(type))).toBe(type);
  }
});
