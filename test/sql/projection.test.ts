import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type NodeEvent, type NodeOptions, type TableNode, openNode } from 'tablecast';
import { type TestTarget, targetKinds } from './support/targets.ts';

describe.each(targetKinds())('into $name', (kind) => {
  let directory: string;
  let target: TestTarget;
  const nodes: TableNode[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tablecast-projection-'));
    target = await kind.make();
  });

  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.close()));
    await target.close();
    rmSync(directory, { recursive: true, force: true });
  });

  afterAll(() => kind.close());

  async function open(options: Partial<NodeOptions> = {}): Promise<TableNode> {
    const node = await openNode({ id: 'n', directory, ...options });
    nodes.push(node);
    return node;
  }

  const hosts = { key: 'addr', value: 'count', backend: 'sqlite' } as const;

  test('every type goes into a column of its own, exactly', async () => {
    const node = await open();
    const key = [
      'bool',
      { type: 'count', as: 'exact' },
      { type: 'int', as: 'exact' },
      'string',
      'addr',
      'subnet',
      'port',
      'time',
    ] as const;
    const wide = node.table('wide', { key, value: 'double' });
    wide.set(
      [
        true,
        2n ** 64n - 1n,
        -(2n ** 63n),
        'a\u0000\u{F0000}"\'',
        '::ffff',
        '10.0.0.0/8',
        '1/tcp',
        2n ** 63n - 1n,
      ],
      0.1,
    );
    const json = node.table('json', { key: 'interval', value: 'record', complexValues: true });
    json.set(-5n, { a: [1, null, 'x\u0000'], b: {} });
    const set = node.table('members', { key: ['enum', 'pattern'] });
    set.add(['A::B', '/x/i']);
    const projection = node.project(['wide', 'json', 'members'], { to: target.to });
    await projection.reached();
    const isSqlite = kind.name === 'sqlite';
    const nul = isSqlite ? 'a\u0000\u{F0000}"\'' : 'a\u{F0000}0\u{F0000}\u{F0000}"\'';
    const [row] = await target.read(
      'SELECT key_1, key_2, key_3, key_4, key_5, key_6, key_7, key_8, value FROM wide',
    );
    expect(Object.values(row ?? {})).toEqual([
      isSqlite ? '1' : true,
      '18446744073709551615',
      '-9223372036854775808',
      nul,
      '::ffff',
      '10.0.0.0/8',
      '1/tcp',
      '9223372036854775807',
      0.1,
    ]);
    const [value] = await target.read('SELECT key, value FROM json');
    expect(value?.['key']).toBe('-5');
    const expected = { a: [1, null, isSqlite ? 'x\u0000' : 'x\u{F0000}0'], b: {} };
    expect(isSqlite ? JSON.parse(String(value?.['value'])) : value?.['value']).toEqual(expected);
    expect(await target.read('SELECT key_1, key_2 FROM members')).toEqual([{ key_1: 'A::B', key_2: '/x/i' }]);
    // What is found by its key again is not written anew, and not taken away.
    const again = node.project(['wide', 'json', 'members'], { to: target.to });
    await projection.close();
    await again.reached();
    expect(await target.read('SELECT count(*) AS n FROM wide')).toEqual([{ n: '1' }]);
  });

  test('writes, deletes, clears and batches arrive, and reached() waits for them', async () => {
    const node = await open();
    const table = node.table('hosts', hosts);
    const projection = node.project('hosts', { to: target.to });
    table.set('10.0.0.1', 1);
    table.set('10.0.0.2', 2);
    expect(await projection.reached()).toBeGreaterThanOrEqual(node.log.position);
    expect(await target.read('SELECT value FROM hosts ORDER BY 1')).toHaveLength(2);
    node.batch(() => {
      table.delete('10.0.0.1');
      table.set('10.0.0.2', 5);
    });
    await projection.reached();
    expect(await target.read('SELECT CAST(value AS varchar(9)) AS v, _origin AS o FROM hosts')).toEqual([
      { v: '5', o: expect.stringMatching(/^n@/) as string },
    ]);
    table.clear();
    await projection.reached();
    expect(await target.read('SELECT * FROM hosts')).toEqual([]);
    expect(projection.state).toBe('following');
  });

  test('what is written together with tables of another backend arrives', async () => {
    const node = await open();
    const table = node.table('hosts', hosts);
    const brief = node.table('brief', { key: 'int' });
    const projections = ['hosts', 'brief'].map((name) => node.project(name, { to: target.to }));
    for (let index = 0; index < 5; index++) {
      brief.add(index);
      table.set(`10.0.0.${index}`, index);
      brief.add(100 + index);
      // What was written is closed while the projections wait for it.
      await node.flush();
      await Promise.all(projections.map((projection) => projection.reached()));
      expect(await target.read('SELECT * FROM hosts')).toHaveLength(index + 1);
      expect(await target.read('SELECT * FROM brief')).toHaveLength(2 * (index + 1));
    }
  });

  test('expired rows go', async () => {
    const node = await open();
    const table = node.table('hosts', { ...hosts, writeExpire: 50 });
    const projection = node.project('hosts', { to: target.to });
    const expired = new Promise<void>((resolve) => {
      table.changes.subscribe(({ kind: change }) => {
        if (change === 'expired') resolve();
      });
    });
    table.set('10.0.0.1', 1);
    await expired;
    await projection.reached();
    expect(await target.read('SELECT * FROM hosts')).toEqual([]);
  });

  test('a second projection waits until the first one ends, and goes on where it was', async () => {
    const node = await open();
    const table = node.table('hosts', hosts);
    table.set('10.0.0.1', 1);
    const first = node.project('hosts', { to: target.to });
    await first.reached();
    const told = new Promise<NodeEvent>((resolve) => {
      node.events.subscribe((event) => {
        if (event.code === 'projection-failed') resolve(event);
      });
    });
    const second = node.project('hosts', { to: target.to });
    expect((await told).message).toContain('hosts');
    expect(second.state).toBe('waiting');
    table.set('10.0.0.2', 2);
    await first.reached();
    await first.close();
    await second.reached();
    expect(await target.read('SELECT key FROM hosts')).toHaveLength(2);
  });

  test('what happened while nobody projected is made good, and what somebody else wrote into the table as well', async () => {
    const node = await open();
    const table = node.table('hosts', hosts);
    for (let index = 0; index < 20; index++) table.set(`10.0.0.${index}`, index);
    const first = node.project('hosts', { to: target.to });
    await first.reached();
    await first.close();
    table.delete('10.0.0.3');
    table.set('10.0.0.4', 400);
    await target.read('DELETE FROM hosts WHERE value < 2');
    await node.project('hosts', { to: target.to }).reached();
    const rows = await target.read('SELECT CAST(value AS varchar(9)) AS v FROM hosts');
    expect(rows.map(({ v }) => Number(v)).toSorted((a, b) => a - b)).toEqual(
      [...table.values()].map(Number).toSorted((a, b) => a - b),
    );
  });

  test('another declaration makes the table anew beside the old one, and says so', async () => {
    const node = await open();
    const table = node.table('hosts', hosts);
    table.set('10.0.0.1', 1);
    await node.project('hosts', { to: target.to }).reached();
    await node.close();
    rmSync(directory, { recursive: true });
    const other = await open();
    const told: NodeEvent[] = [];
    other.events.subscribe((event) => void told.push(event));
    const renewed = other.table('hosts', { key: 'addr', value: 'string', backend: 'sqlite' });
    renewed.set('10.0.0.9', 'nine');
    await other.project('hosts', { to: target.to }).reached();
    expect(await target.read('SELECT value FROM hosts')).toEqual([{ value: 'nine' }]);
    expect(told.map(({ code, details }) => [code, details?.['rebuilt']])).toContainEqual([
      'projection-began',
      'hosts',
    ]);
  });

  test('a history holds every version with its span, and reads as the table was', async () => {
    const node = await open();
    const table = node.table('hosts', hosts);
    const projection = node.project('hosts', { to: target.to, history: true });
    const moments: [number, number][] = [];
    for (let index = 0; index < 60; index++) {
      if (index % 7 === 6) table.delete(`10.0.0.${index % 5}`);
      else if (index === 40) table.clear();
      else table.set(`10.0.0.${index % 5}`, index);
      moments.push([node.log.position, table.size]);
      if (index % 9 === 0) await projection.reached();
    }
    await projection.reached();
    for (const [position, size] of moments) {
      const at = `from_position <= ${position} AND (to_position > ${position} OR to_position IS NULL)`;
      const rows = await target.read(
        `SELECT key, CAST(value AS varchar(9)) AS v FROM hosts_history WHERE ${at}`,
      );
      expect(rows).toHaveLength(size);
      const state = await node.log.stateAt({ table: 'hosts', position });
      expect(new Map(rows.map(({ key, v }) => [key, Number(v)]))).toEqual(new Map(state));
    }
  });

  test('a history goes on exactly over a restart, as long as the log reaches back', async () => {
    const told: NodeEvent[] = [];
    for (let life = 0; life < 3; life++) {
      const node = await open();
      node.events.subscribe((event) => void told.push(event));
      const table = node.table('hosts', hosts);
      // While nobody projects, and then while somebody does.
      for (let index = 0; index < 5; index++) table.set('10.0.0.1', life * 10 + index);
      const projection = node.project('hosts', { to: target.to, history: true });
      await projection.reached();
      for (let index = 5; index < 10; index++) table.set('10.0.0.1', life * 10 + index);
      await projection.reached();
      await node.close();
    }
    const rows = await target.read(
      'SELECT CAST(value AS varchar(9)) AS v FROM hosts_history ORDER BY from_position',
    );
    expect(rows.map(({ v }) => Number(v))).toEqual(Array.from({ length: 30 }, (_, index) => index));
    expect(told.filter(({ code }) => code === 'projection-gap')).toEqual([]);
  });

  test('a history of another declaration begins with the rows of the new table', async () => {
    for (const [value, row] of [
      ['string', 'seven'],
      ['count', 7],
    ] as const) {
      const node = await open();
      node.table('hosts', { ...hosts, value }).set('10.0.0.1', row);
      await node.project('hosts', { to: target.to, history: true }).reached();
      const rows = await target.read('SELECT CAST(value AS varchar(9)) AS v, to_position FROM hosts_history');
      expect(rows).toEqual([{ v: String(row), to_position: null }]);
      await node.close();
      rmSync(directory, { recursive: true });
    }
  });

  test('a module filters and maps, and its columns have types', async () => {
    const node = await open();
    const table = node.table('hosts', hosts);
    table.set('10.0.0.1', 1);
    table.set('10.0.0.2', 200);
    const module = new URL('support/busy-hosts.mjs', import.meta.url);
    const projection = node.project('hosts', {
      to: target.to,
      module,
      into: { hosts: 'busy' },
      columns: { hosts: ['host'] },
    });
    await projection.reached();
    expect(await target.read('SELECT host, label, twice FROM busy')).toEqual([
      { host: '10.0.0.2', label: 'n', twice: 400 },
    ]);
    table.set('10.0.0.1', 300);
    table.set('10.0.0.2', 2);
    await projection.reached();
    expect(await target.read('SELECT host, label, twice FROM busy')).toEqual([
      { host: '10.0.0.1', label: 'n', twice: 600 },
    ]);
  });

  test('a table of the user is written when that is asked for; its other columns stay', async () => {
    const node = await open();
    node.table('hosts', hosts).set('10.0.0.1', 7);
    const address = kind.name === 'sqlite' ? 'TEXT' : 'inet';
    await target.read(
      `CREATE TABLE mine (host ${address} PRIMARY KEY, note TEXT DEFAULT 'mine', seen BIGINT)`,
    );
    const names = { into: { hosts: 'mine' }, columns: { hosts: ['host', 'seen'] } };
    await expect(node.project('hosts', { to: target.to, ...names }).reached()).rejects.toThrow(
      /no projection made/,
    );
    const wrong = node.project('hosts', { to: target.to, existing: true, into: { hosts: 'mine' } });
    await expect(wrong.reached()).rejects.toThrow(/no column key, value/);
    await node.project('hosts', { to: target.to, existing: true, ...names }).reached();
    expect(await target.read('SELECT note, CAST(seen AS varchar(9)) AS seen FROM mine')).toEqual([
      { note: 'mine', seen: '7' },
    ]);
  });
});
