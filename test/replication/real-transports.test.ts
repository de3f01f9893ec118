import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom, timeout } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MapTable, type TableNode, openNode } from '../../src/index.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { inProcessNetwork } from '../../src/transport/in-process.ts';

const declaration = { key: 'string', value: 'count', backend: 'sqlite' } as const;
const memory = { key: 'string', value: 'count', backend: 'memory' } as const;

type Numbers = MapTable<string, number | bigint>;

/** Resolves once a table has a number of rows. */
async function rows(table: Numbers, size: number): Promise<void> {
  if (table.size === size) return;
  await firstValueFrom(
    table.changes.pipe(
      filter(() => table.size === size),
      timeout(15_000),
    ),
  );
}

describe('nodes on real transports', () => {
  let directory: string;
  const nodes: TableNode[] = [];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tablecast-replication-'));
  });
  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.close();
    rmSync(directory, { recursive: true });
  });

  const open = async (id: string, peers: readonly string[] = [], port = 0): Promise<TableNode> => {
    const node = await openNode({ id, directory: join(directory, id), listen: { port }, peers });
    nodes.push(node);
    return node;
  };
  const close = async (node: TableNode): Promise<void> => {
    nodes.splice(nodes.indexOf(node), 1);
    await node.close();
  };

  it('replicate over WebSocket and SQLite, three in a mesh, both ways', async () => {
    const a = await open('a');
    const b = await open('b', [a.address as string]);
    const c = await open('c', [a.address as string, b.address as string]);
    const tables = [a, b, c].map((node) => node.table('t', declaration));
    for (const [index, table] of tables.entries())
      for (let key = 0; key < 500; key++) table.set(`${index} ${key}`, key);
    for (const table of tables) await rows(table, 1500);
    const contents = tables.map((table) => Array.from(table, String).toSorted());
    expect(contents[1]).toEqual(contents[0]);
    expect(contents[2]).toEqual(contents[0]);
  });

  it('find each other again after a restart, with what was written meanwhile', async () => {
    const a = await open('a');
    const address = a.address as string;
    const port = Number(new URL(address).port);
    const b = await open('b', [address]);
    const here = b.table('t', declaration);
    a.table('t', declaration).set('before', 1);
    await rows(here, 1);
    await close(a);
    here.set('while away', 2);
    const again = await open('a', [], port);
    const there = again.table('t', declaration);
    expect(there.get('before')).toBe(1);
    await rows(there, 2);
    there.set('back', 3);
    await rows(here, 3);
  });

  it('replicate inside one process', async () => {
    const network = inProcessNetwork();
    for (const id of ['a', 'b', 'c']) {
      nodes.push(
        await openNodeOf(
          { id, listen: { port: 0 }, peers: id === 'a' ? [] : ['ws://a'] },
          { transport: network.transport(`ws://${id}`) },
        ),
      );
    }
    const tables = nodes.map((node) => node.table('t', memory));
    for (const [index, table] of tables.entries()) table.set(`${index}`, index);
    for (const table of tables) await rows(table, 3);
    network.cut('ws://a', 'ws://b');
    tables[1]?.set('behind a cut', 1);
    tables[0]?.set('before it', 1);
    network.heal('ws://a', 'ws://b');
    for (const table of tables) await rows(table, 5);
  });
});
