import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SetTable, openNode } from 'tablecast';
import { type StreamEvent, ask, followStream, newDirectory, openWithHttp } from './support.ts';

const hosts = { key: 'string', value: 'count', backend: 'sqlite' } as const;
const CHANGES = '/v1/tables/hosts/changes';

/** The rows that somebody holds who applies events as docs/http.md says. */
function folded(events: readonly StreamEvent[], rows = new Map<unknown, unknown>()): Map<unknown, unknown> {
  for (const { data } of events) {
    const { kind, key, standing } = data;
    if (kind === 'clear' || kind === 'switch') {
      rows.clear();
      for (const row of standing as { key: unknown; value: unknown }[]) rows.set(row.key, row.value);
      continue;
    }
    const row = 'row' in data ? data['row'] : kind === 'set' ? data : null;
    if (row === null) rows.delete(key);
    else rows.set(key, (row as { value: unknown }).value);
  }
  return rows;
}

describe('A stream of changes', () => {
  test('goes on behind the last id, without a gap or a duplicate, when both sides were restarted', async () => {
    const directory = newDirectory();
    const first = await openWithHttp({ directory });
    const table = first.table('hosts', hosts);
    table.set('before', 1);
    await first.flush();
    const stream = await followStream(first.url, CHANGES);
    for (let n = 1; n <= 5; n++) table.set('a', n);
    const seen = await stream.take(3);
    stream.close();
    await first.close();

    const second = await openWithHttp({ directory });
    const again = second.table('hosts', hosts);
    again.set('b', 1);
    const rest = await followStream(second.url, CHANGES, { 'Last-Event-ID': seen.at(-1)?.id ?? '' });
    const behind = await rest.take(3);
    again.set('c', 1);
    const events = [...seen, ...behind, ...(await rest.take(1))];
    expect(events.map(({ data }) => [data['key'], data['value']])).toEqual([
      ['a', 1],
      ['a', 2],
      ['a', 3],
      ['a', 4],
      ['a', 5],
      ['b', 1],
      ['c', 1],
    ]);
    const ids = events.map(({ id }) => Number.parseInt(id));
    expect(ids).toEqual([...new Set(ids)].toSorted((one, other) => one - other));
  });

  test('names where it begins before its first event, so that a reader of an idle table misses nothing', async () => {
    const node = await openWithHttp({ directory: newDirectory() });
    const table = node.table('hosts', hosts);
    table.set('a', 1);
    await node.flush();
    const idle = await followStream(node.url, CHANGES);
    table.set('b', 2);
    await idle.take(1);
    const stream = await followStream(node.url, CHANGES, { 'Last-Event-ID': '1' });
    expect((await stream.take(1))[0]?.data['key']).toBe('b');
  });

  test('begins with everything that is kept when after=0 asks for it', async () => {
    const node = await openWithHttp({ directory: newDirectory() });
    const table = node.table('hosts', hosts);
    for (let n = 0; n < 3000; n++) table.set(`k${n % 7}`, n);
    const stream = await followStream(node.url, `${CHANGES}?after=0`);
    const events = await stream.take(3000);
    expect(events.map(({ data }) => data['value'])).toEqual(Array.from({ length: 3000 }, (_, n) => n));
    expect(folded(events)).toEqual(new Map(table));
  });

  test('of a memory table is 410 for an id of another life, which the new one may have given again', async () => {
    const first = await openWithHttp();
    const table = first.table('hosts', { ...hosts, backend: 'memory' });
    const stream = await followStream(first.url, CHANGES);
    table.set('a', 1);
    const [event] = await stream.take(1);
    await first.close();
    const second = await openWithHttp();
    const again = second.table('hosts', { ...hosts, backend: 'memory' });
    for (let n = 0; n < 10; n++) again.set('a', n);
    await second.flush();
    const refused = await ask(second.url, CHANGES, { headers: { 'Last-Event-ID': event?.id ?? '' } });
    expect(refused).toMatchObject({ status: 410, json: { code: 'LOG_TRIMMED' } });
    expect(refused.json['hint']).toContain('Read the rows');
  });

  test('is 410 behind a position that the log has not reached, and 400 for what is no id', async () => {
    const node = await openWithHttp({ directory: newDirectory() });
    node.table('hosts', hosts).set('a', 1);
    await node.flush();
    expect((await ask(node.url, CHANGES, { headers: { 'Last-Event-ID': '2' } })).status).toBe(410);
    expect((await ask(node.url, `${CHANGES}?after=x`)).status).toBe(400);
    expect((await ask(node.url, `${CHANGES}?after=-1`)).status).toBe(400);
  });

  test('ends when its node closes', async () => {
    const node = await openWithHttp({ directory: newDirectory() });
    node.table('hosts', hosts);
    const stream = await followStream(node.url, CHANGES);
    const ended = stream.next();
    await node.close();
    expect(await ended).toBeUndefined();
  });

  test('whose reader reads nothing holds up nobody, and tells it everything once it reads', async () => {
    const node = await openWithHttp({ directory: newDirectory() });
    const table = node.table('hosts', { ...hosts, value: 'string' });
    const slow = await followStream(node.url, CHANGES);
    const fast = await followStream(node.url, CHANGES);
    const value = 'x'.repeat(10_000);
    for (let n = 0; n < 2000; n++) table.set(`k${n}`, value);
    const events = await fast.take(2000);
    expect(events.at(-1)?.data['key']).toBe('k1999');
    const late = await slow.take(2000);
    expect(late.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
  });

  test.each(['naive', 'lww', 'automerge'] as const)(
    'gives the rows of a table in mode %s to who applies it',
    async (mode) => {
      const other = await openNode({ id: 'o', listen: { port: 0 } });
      const node = await openWithHttp({ peers: [other.address as string] });
      const tables = [node, other].map((one) => one.table('hosts', { ...hosts, backend: 'memory', mode }));
      const [here, there] = tables as [(typeof tables)[0], (typeof tables)[0]];
      const stream = await followStream(node.url, CHANGES);
      const [marks, mark] = [node, other].map((one) => one.table('marks', { key: 'string' })) as [
        SetTable<string>,
        SetTable<string>,
      ];
      const rows = new Map<unknown, unknown>();
      let count = 0;
      const write = fc.record({
        side: fc.boolean(),
        key: fc.constantFrom('a', 'b', 'c'),
        kind: fc.constantFrom('set', 'set', 'delete', 'increment', 'clear'),
        value: fc.nat(100),
      });
      try {
        await fc.assert(
          fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 20 }), async (writes) => {
            for (const { side, key, kind, value } of writes) {
              const table = side ? here : there;
              if (kind === 'set') table.set(key, value);
              else if (kind === 'increment') table.increment(key, value);
              else if (kind === 'delete') table.delete(key);
              else table.clear();
            }
            // In a table of their own: a write of the other side may have a later stamp than a mark in this one.
            const seen = new Promise<void>((resolve) => {
              const watching = marks.changes.subscribe(() => {
                watching.unsubscribe();
                resolve();
              });
            });
            mark.add(String(++count));
            await seen;
            const end = `end-${count}`;
            here.set(end, 1);
            const events: StreamEvent[] = [];
            do events.push(...(await stream.take(1)));
            while (events.at(-1)?.data['key'] !== end);
            expect(folded(events, rows)).toEqual(new Map(here));
          }),
          { numRuns: 20, seed: 12_063 },
        );
      } finally {
        await other.close();
      }
    },
  );
});

describe('The stream of the log', () => {
  test('tells every operation of tables that may be read, and goes on after a restart, also with memory tables', async () => {
    const directory = newDirectory();
    const first = await openWithHttp({ directory });
    const kept = first.table('hosts', hosts);
    const memory = first.table('seen', { key: 'string' });
    const stream = await followStream(first.url, '/v1/log');
    kept.set('a', 1);
    memory.add('x');
    await first.flush();
    memory.add('y');
    const seen = await stream.take(3);
    expect(seen.map(({ data }) => [data['table'], data['key']])).toEqual([
      ['hosts', 'a'],
      ['seen', 'x'],
      ['seen', 'y'],
    ]);
    await first.close();
    const second = await openWithHttp({ directory });
    second.table('seen', { key: 'string' });
    second.table('hosts', hosts).set('b', 2);
    const rest = await followStream(second.url, '/v1/log', { 'Last-Event-ID': seen.at(-1)?.id ?? '' });
    expect((await rest.take(1))[0]?.data).toMatchObject({ table: 'hosts', key: 'b' });
  });

  test('leaves out tables that the credential may not read', async () => {
    const credentials = [{ name: 'reader', token: 'r', nodes: [], read: ['hosts'], write: [] }];
    const node = await openWithHttp({ directory: newDirectory(), auth: { token: 't', credentials } });
    const table = node.table('hosts', hosts);
    const secret = node.table('secret', { ...hosts });
    const stream = await followStream(node.url, '/v1/log', { authorization: 'Bearer r' });
    secret.set('s', 1);
    table.set('a', 1);
    const [event] = await stream.take(1);
    expect(event?.data['table']).toBe('hosts');
    expect(JSON.stringify(event)).not.toContain('secret');
  });

  test('ends for a credential that is gone', async () => {
    const credentials = [{ name: 'reader', token: 'r', nodes: [], read: ['hosts'] }];
    const node = await openWithHttp({ auth: { token: 't', credentials } });
    node.table('hosts', { ...hosts, backend: 'memory' });
    const gone = await followStream(node.url, '/v1/log', { authorization: 'Bearer r' });
    const stays = await followStream(node.url, '/v1/log', { authorization: 'Bearer t' });
    node.reloadCredentials({ token: 't' });
    expect(await gone.next()).toBeUndefined();
    node.table('more', { key: 'string' }).add('a');
    expect((await stays.take(1))[0]?.data['key']).toBe('a');
  });
});
