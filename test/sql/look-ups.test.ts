import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { type PlainDeclaration, type TableNode, openNode } from 'tablecast';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addAddressFunctions } from '../../src/sql/queries/addresses.ts';
import { exactly } from '../../src/schema/exactly.ts';

/** Each with rows, and parameters of which some are keys of rows and some only look like it. */
const TABLES: readonly {
  readonly name: string;
  readonly declaration: PlainDeclaration;
  readonly rows: readonly (readonly [key: unknown, value?: unknown])[];
  readonly parameters: readonly (readonly unknown[])[];
}[] = [
  {
    name: 'texts',
    declaration: { key: 'string', value: 'double' },
    rows: [
      ['a', 0.5],
      ['', -0],
      ['5', Infinity],
      ['nan', NaN],
    ],
    parameters: [['a'], [''], ['5'], [5], ['A'], [null], ['nan'], ['b']],
  },
  {
    name: 'numbers',
    declaration: { key: 'int', value: 'count' },
    rows: [
      [0, 2n ** 64n - 1n],
      [-5, 7],
      [2n ** 62n, 2n ** 62n],
      [5_000_000_000, 1],
    ],
    parameters: [[0], [-0], ['0'], [-5], [2n ** 62n], [5_000_000_000], [0.5], [9]],
  },
  {
    name: 'hosts',
    declaration: { key: ['addr', 'port', 'count'], value: 'record', complexValues: true },
    rows: [
      [['fe80::1', '22/tcp', 3], { b: [1, 'x'] }],
      [['10.0.0.1', '22/tcp', 2n ** 62n], { c: null }],
    ],
    parameters: [
      ['fe80::1', '22/tcp', 3],
      ['FE80::1', '22/tcp', 3],
      ['10.0.0.1', '22/tcp', '18446744073709551615'],
      ['10.0.0.1', '22/tcp', -1],
      ['no address', '22/tcp', 3],
      ['fe80::1', '', 3],
    ],
  },
  {
    name: 'flags',
    declaration: { key: 'bool', value: 'time' },
    rows: [
      [true, 2n ** 62n],
      [false, 5n],
    ],
    parameters: [[1], [0], ['1'], [2]],
  },
  { name: 'group', declaration: { key: 'string' }, rows: [['x']], parameters: [['x'], ['y']] },
];

describe('a row that is asked by its key', () => {
  let node: TableNode;

  beforeAll(async () => {
    node = await openNode({ id: 'n' });
    for (const { name, declaration, rows } of TABLES) {
      const table = node.table(name, exactly(declaration)) as unknown as Record<
        string,
        (...args: unknown[]) => void
      >;
      for (const [key, value] of rows) {
        if (value === undefined) table['add']?.(key);
        else table['set']?.(key, value);
      }
    }
  });
  afterAll(() => node.close());

  test.each(TABLES)('of $name is what SQLite finds', async ({ name, declaration, rows, parameters }) => {
    const keys =
      typeof declaration.key === 'string' ? ['key'] : declaration.key.map((_, at) => `key_${at + 1}`);
    const where = keys.map((key) => `${key} = ?`).join(' AND ');
    let found = 0;
    for (const list of ['*', `_time, ${keys.join(', ')}, _origin`, keys.join(',').toUpperCase()]) {
      for (const given of [
        ...rows.map(([key]) => [key].flat().map((cell) => (typeof cell === 'boolean' ? Number(cell) : cell))),
        ...parameters,
      ]) {
        const sql = `SELECT ${list} FROM "${name}" WHERE ${where}`;
        // The form is known by its whole text, so that this one goes to the process.
        const wanted = await node.query(`${sql} LIMIT 1`, given as never);
        const { rows: own, columns, position } = await node.query(sql, given as never);
        expect({ own, columns, position }).toEqual({
          own: wanted.rows,
          columns: wanted.columns.map((column) =>
            list.startsWith('KEY') ? expect.stringMatching(new RegExp(column, 'i')) : column,
          ) as never,
          position: wanted.position,
        });
        found += own.length;
      }
    }
    expect(found).toBeGreaterThan(2);
  });

  test('is there at once, while a query goes on, and when more wait than may', async () => {
    const going = node.query(
      'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c',
      [],
      { maxMs: 600_000 },
    );
    const ended = going.catch((error: unknown) => error);
    (node.tables.get('texts') as unknown as { set(key: string, value: number): void }).set('new', 7);
    const asked = 'SELECT value FROM texts WHERE key = ?';
    expect((await node.query(asked, ['new'])).rows).toEqual([{ value: 7 }]);
    expect((await node.query(asked, ['none'])).rows).toEqual([]);
    const others = Array.from({ length: 63 }, () =>
      expect(node.query('SELECT 1 AS one')).rejects.toMatchObject({ code: 'CLOSED' }),
    );
    await expect(node.query('SELECT 1 AS one')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect((await node.query(asked, ['new'])).rows).toEqual([{ value: 7 }]);
    await Promise.all([...others, node.close()]);
    expect(await ended).toMatchObject({ code: 'CLOSED' });
    await expect(node.query(asked, ['new'])).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

const octet = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 127, 128, 255));
const ipv4 = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join('.'));
const anyAddress = fc.oneof(
  { weight: 5, arbitrary: ipv4 },
  fc.ipV6(),
  fc.constantFrom(
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1..2.3',
    '.1.2.3',
    '1.2.3.',
    '1.2.3.4 ',
    'x',
  ),
);

test('addr_in is the same for every address and subnet, however they are written', () => {
  const database = new Database(':memory:');
  addAddressFunctions(database);
  const asked = database.prepare<unknown[], number | null>('SELECT addr_in(?, ?)').pluck();
  const reference = (subnet: string, addr: string): number | null => {
    if (!ipaddr.isValidCIDR(subnet) || !ipaddr.isValid(addr)) return null;
    const [[network, bits], address] = [ipaddr.parseCIDR(subnet), ipaddr.parse(addr)];
    return network.kind() === address.kind() && address.match(network, bits) ? 1 : 0;
  };
  fc.assert(
    fc.property(anyAddress, anyAddress, fc.nat(32), (base, addr, bits) => {
      const subnet = `${base}/${bits}`;
      expect(asked.get(subnet, addr)).toBe(reference(subnet, addr));
    }),
    { numRuns: 3000, seed: 85 },
  );
  database.close();
});

test('addr_mask is the same for every address, however it is written', () => {
  const database = new Database(':memory:');
  addAddressFunctions(database);
  const asked = database.prepare<unknown[], string | null>('SELECT addr_mask(?, ?)').pluck();
  const reference = (addr: string, bits: number | null): string | null => {
    if (bits === null || !Number.isInteger(bits) || bits < 0 || !ipaddr.isValid(addr)) return null;
    const kind = ipaddr.parse(addr).kind();
    if (bits > (kind === 'ipv4' ? 32 : 128)) return null;
    const of = kind === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
    // Short forms of IPv4 are addresses, and subnets of them are none.
    const network = of.networkAddressFromCIDR(`${ipaddr.parse(addr).toString()}/${bits}`);
    return `${network.toString()}/${bits}`;
  };
  const anyBits = fc.oneof(fc.integer({ min: -1, max: 34 }), fc.nat(129), fc.constantFrom(1.5, null));
  fc.assert(
    fc.property(anyAddress, anyBits, (addr, bits) => {
      expect(asked.get(addr, bits)).toBe(reference(addr, bits));
    }),
    { numRuns: 2000, seed: 86 },
  );
  database.close();
});
