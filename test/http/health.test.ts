import { expect, test } from 'vitest';
import { ask, openWithHttp } from './support.ts';

const credentials = [
  { name: 'reader', token: 'reads', nodes: [], read: ['hosts'], write: [] },
  { name: 'operator', token: 'all', nodes: [] },
];

test('health and metrics are answered on the HTTP port only where they are asked for', async () => {
  const without = await openWithHttp();
  for (const path of ['/livez', '/readyz', '/metrics'])
    expect([path, (await ask(without.url, path)).status]).toEqual([path, 404]);
});

test('they are what the health listener answers', async () => {
  const node = await openWithHttp({ health: { port: 0 }, http: { port: 0, health: true } });
  node.table('hosts', { key: 'string' }).add('a');
  for (const path of ['/livez', '/readyz']) {
    const [here, there] = await Promise.all(
      [node.url, node.healthAddress as string].map((url) => ask(url, path)),
    );
    expect(here?.status).toBe(200);
    expect(here?.text).toBe(there?.text);
    expect(here?.headers['content-type']).toContain('json');
  }
  const names = (text: string): string[] => text.match(/^# TYPE \S+ \S+$/gm) ?? [];
  const here = await ask(node.url, '/metrics');
  const there = await ask(node.healthAddress as string, '/metrics');
  expect(names(here.text).length).toBeGreaterThan(10);
  expect(names(here.text)).toEqual(names(there.text));
  expect(here.headers['content-type']).toBe(there.headers['content-type']);
  expect(here.text).toContain('tablecast_table_rows{table="hosts"} 1');
});

test('who shows no credential is told whether the node lives and is ready, and nothing else', async () => {
  const node = await openWithHttp({
    auth: { credentials },
    peers: ['ws://127.0.0.1:1/tablecast'],
    http: { port: 0, health: true },
  });
  const told = async (path: string, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const { status, text } = await ask(node.url, path, { headers });
    return [status, text.trim()];
  };
  for (const token of [undefined, 'wrong', 'reads'])
    expect(await told('/livez', token)).toEqual([200, '{"alive":true}']);
  expect(await told('/readyz')).toEqual([503, '{"ready":false}']);
  expect((await told('/readyz', 'all'))[1]).toContain('peer ws://127.0.0.1:1: ');
  expect((await told('/readyz', 'reads'))[1]).toContain('told to those who may read every table');
  expect((await told('/metrics'))[0]).toBe(401);
  expect((await told('/metrics', 'reads'))[0]).toBe(200);
  expect((await ask(node.url, '/livez', { method: 'POST' })).status).not.toBe(200);
  expect((await ask(node.url, '/livez', { headers: { host: 'rebound.example' } })).status).toBe(403);
});
