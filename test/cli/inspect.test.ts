import { type NodeOptions, type TableNode, openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { run, start } from './support/command.ts';

async function open(options: Partial<NodeOptions> = {}): Promise<TableNode> {
  const node = await openNode({ id: 'manager', listen: { port: 0 }, ...options });
  onTestFinished(() => node.close());
  return node;
}

/** The rows of a table, as the page at an address is told them. */
async function rowsAt(page: string, table: string): Promise<unknown> {
  const response = await fetch(new URL(`/v1/tables/${table}/rows`, page));
  const { rows = [] } = (await response.json()) as { rows?: readonly { key: unknown; value?: unknown }[] };
  return rows.map(({ key, value }) => [key, value]);
}

test('inspect says where the page of a node is that answers over HTTP, and whether it asks for a token', async () => {
  const node = await open({ http: { port: 0 } });
  const guarded = await open({ id: 'guarded', http: { port: 0 }, auth: { token: 'secret' } });
  const [said, asked, known] = await Promise.all([
    run(['inspect', String(node.httpAddress)]),
    run(['inspect', String(guarded.httpAddress), '--json']),
    run(['inspect', String(guarded.httpAddress), '--json'], { env: { TABLECAST_TOKEN: 'secret' } }),
  ]);
  expect(said).toEqual({ code: 0, stdout: `The page of manager: ${node.httpAddress ?? ''}/\n`, stderr: '' });
  expect(JSON.parse(asked.stdout)).toEqual({ page: `${guarded.httpAddress ?? ''}/`, wantsToken: true });
  expect(JSON.parse(known.stdout)).toMatchObject({ node: 'guarded', wantsToken: true });
});

test('inspect serves a page for a node without an HTTP port, with the tables it has and those it gets', async () => {
  const node = await open();
  node.table('hosts', { key: 'addr', value: 'count' }).set('10.0.0.1', 7);
  const inspecting = start(['inspect', String(node.address)]);
  const [, page = ''] = /(http:\S+)/.exec(await inspecting.printed('The page of manager: ')) ?? [];
  await expect.poll(() => rowsAt(page, 'hosts')).toEqual([['10.0.0.1', 7]]);
  node.table('later', { key: 'string' }).add('a');
  await expect.poll(() => rowsAt(page, 'later')).toEqual([['a', undefined]]);
  inspecting.process.kill('SIGTERM');
  expect((await inspecting.finished).code).toBe(0);
});

test.each([
  ['http://127.0.0.1:1', 3, 'No node answers at http://127.0.0.1:1'],
  ['http://user:secret@127.0.0.1:1', 2, 'no http:// or https:// URL'],
  ['ftp://127.0.0.1', 2, 'no ws:// or wss:// URL'],
])('inspect says what is wrong with %s, and repeats no secret', async (address, code, words) => {
  const finished = await run(['inspect', address]);
  expect(finished).toMatchObject({ code, stdout: '' });
  expect(finished.stderr).toContain(words);
  expect(finished.stderr).not.toContain('secret');
});
