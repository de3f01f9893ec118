import { fileURLToPath } from 'node:url';
import { filter, firstValueFrom } from 'rxjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type * as core from '../../src/entries/core.ts';
import { type NodeOptions, type TableNode, openNode } from '../../src/index.ts';
import { type Bundle, bundleForPage, runInPage } from './support/page.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let bundle: Bundle;

beforeAll(async () => {
  bundle = await bundleForPage('./src/entries/core.ts', root);
});

/** Resolves when a table of a node has a key. */
async function arrived(node: TableNode, table: string, key: string): Promise<unknown> {
  const map = node.tables.get(table) as core.MapTable<string>;
  if (!map.has(key)) await firstValueFrom(map.changes.pipe(filter((change) => change.key === key)));
  return map.get(key);
}

const DECLARATION = { key: 'string', value: 'count' } as const;

describe('the core', () => {
  test('is bundled for a browser without anything of Node.js, of the command, of SQL, HTTP, Zeek or Automerge', () => {
    const folders = ['backends/sqlite', 'backup', 'cli', 'modes/automerge', 'observability', 'zeek/protocol'];
    const strangers = [...bundle.files.keys()].filter(
      (file) =>
        /^src\/(?:http|sql)\/(?!options\.ts)/.test(file) ||
        folders.some((folder) => file.startsWith(`src/${folder}/`)) ||
        /node_modules\/(?:@automerge|better-sqlite3|ws|commander|fastify)\//.test(file),
    );
    expect(strangers).toEqual([]);
    expect(bundle.files.size).toBeGreaterThan(100);
  });

  test('a browser that has to bundle the whole package instead is refused what is of Node.js', async () => {
    await expect(bundleForPage('./src/index.ts', root)).rejects.toThrow('node:');
  });

  // INV-10
  test('keeps tables of two nodes alike where nothing of Node.js is', async () => {
    const { openNode: open, inProcessNetwork } = runInPage(bundle);
    const network = inProcessNetwork();
    const one = await open({ id: 'one', transports: [network.transport('in-process://one')] });
    const two = await open({
      id: 'two',
      transports: [network.transport('in-process://two')],
      peers: [String(one.address)],
    });
    for (const mode of ['naive', 'lww'] as const)
      for (const node of [one, two]) node.table(mode, { ...DECLARATION, mode });
    const [here, there] = [
      one.table('lww', { ...DECLARATION, mode: 'lww' }),
      two.table('naive', DECLARATION),
    ];
    here.set('a', 1);
    there.increment('b', 2);
    expect([await arrived(two, 'lww', 'a'), await arrived(one, 'naive', 'b')]).toEqual([1, 2]);
    await two.close();
    await one.close();
  });

  test('dials a node of Node.js over the WebSocket of the page, with its token, and both hear of each other', async () => {
    const server = await openNode({ id: 'server', listen: { port: 0 }, auth: { token: 'a-token-of-all' } });
    const there = server.table('visits', DECLARATION);
    const { openNode: open } = runInPage(bundle, { WebSocket });
    const page = await open({
      id: 'page',
      peers: [String(server.address)],
      auth: { token: 'a-token-of-all' },
    });
    const here = page.table('visits', DECLARATION);
    there.set('from the server', 1);
    here.set('from the page', 2);
    expect(await arrived(page, 'visits', 'from the server')).toBe(1);
    expect(await arrived(server, 'visits', 'from the page')).toBe(2);
    await page.close();
    await server.close();
  });

  test.each<[string, Partial<NodeOptions>]>([
    ['directory', { directory: 'data' }],
    ['failureMode', { failureMode: 'delete' }],
    ['listen', { listen: { port: 0 } }],
    ['health', { health: { port: 0 } }],
    ['http', { http: { port: 0 } }],
    ['sql', { sql: 'rows.db' }],
    ['zeek', { zeek: [] }],
    ['auth.ca', { auth: { ca: 'pem' } }],
    ['peers', { peers: ['ws://127.0.0.1:1'] }],
  ])('refuses option %s, which needs what is not there', async (option, options) => {
    const { openNode: open } = runInPage(bundle);
    await expect(open({ id: 'page', ...options })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining(option) as unknown,
    });
  });

  test('says of members that need Node.js that they do, and of a mode that it does not have which there are', async () => {
    const node = await runInPage(bundle).openNode({ id: 'page' });
    const needed = [
      () => node.attachZeek({ url: 'ws://127.0.0.1:1', tables: {} }),
      () => node.project('visits', { to: 'rows.db' }),
      () => node.reloadCertificates({ dial: { ca: 'pem' } }),
      () => node.reloadCertificates({ http: { cert: 'pem', key: 'pem' } }),
      () => node.reloadCredentials({ token: 'another' }),
    ];
    for (const call of needed) expect(call).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
    expect(() => node.table('t', { ...DECLARATION, mode: 'automerge' })).toThrow(
      expect.objectContaining({ code: 'DECLARATION_INVALID', hint: 'Declare it with one of: naive, lww.' }),
    );
    await node.close();
  });
});
