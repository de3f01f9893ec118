import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom } from 'rxjs';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type TableNode, openNode } from '../../src/index.ts';
import { type ChildBundle, bundleChildren } from './support/child-bundle.ts';
import { endProcess } from '../support/end-process.ts';

let bundle: ChildBundle;
let directory = '';
const children: ChildProcess[] = [];
let node: TableNode;

beforeAll(async () => {
  bundle = await bundleChildren(['holding-child']);
  directory = mkdtempSync(join(tmpdir(), 'tablecast-test-'));
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => endProcess(child)));
  await node.close();
});
afterAll(() => {
  bundle.remove();
  rmSync(directory, { recursive: true });
});

/** Starts another process; resolves with the number of rows that it finds. */
async function started(id: string, own: string | undefined): Promise<{ child: ChildProcess; rows: number }> {
  const args = [
    bundle.program('holding-child'),
    id,
    String(node.address),
    ...(own === undefined ? [] : [own]),
  ];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, rows: Number(line) };
}

it('waits for other processes: one with a disk, which is killed, one with memory, one that may not read the table', async () => {
  const credential = (id: string, read: string[]) => {
    return { name: id, token: `token-of-${id}-0123456789`, nodes: [id], read };
  };
  node = await openNode({
    id: 'writer',
    directory: join(directory, 'writer'),
    listen: { port: 0 },
    auth: {
      credentials: [credential('disk', ['*']), credential('memory', ['*']), credential('blind', ['other'])],
    },
  });
  const table = node.table('t', { key: 'string', value: 'count', backend: 'sqlite' });
  const place = join(directory, 'disk');
  const { child, rows } = await started('disk', place);
  expect(rows).toBe(0);
  await started('memory', undefined);
  await started('blind', undefined);
  await firstValueFrom(node.peers.pipe(filter((peers) => peers.length === 3)));
  for (let key = 0; key < 1000; key++) table.set(`${key}`, key);
  await node.flush({ peers: 2 });

  await expect(node.flush({ peers: 3, timeoutMs: 500 })).rejects.toMatchObject({
    code: 'PEERS_BEHIND',
    message: expect.stringMatching(/2 of 3 peers .*blind: does not share table t/),
  });

  // What was said to be held by two is there after a kill.
  await endProcess(child);
  table.set('after', 1);
  await expect(node.flush({ peers: 2, timeoutMs: 500 })).rejects.toMatchObject({ code: 'PEERS_BEHIND' });
  const again = await started('disk', place);
  expect(again.rows).toBe(1000);
  await node.flush({ peers: 2 });
});
