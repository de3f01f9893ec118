import { firstValueFrom, filter } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { TablecastError, openNode } from '../../src/index.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';

const declaration = { key: 'string', value: 'count' } as const;

describe('closing a node', () => {
  it('lets its peers have everything that was written, also in memory tables', async () => {
    const stays = await openNode({ id: 'stays', listen: { port: 0 } });
    const leaves = await openNode({ id: 'leaves', peers: [stays.address as string] });
    const kept = stays.table('kept', declaration);
    const table = leaves.table('kept', declaration);
    await firstValueFrom(table.synced.pipe(filter(Boolean)));
    const rows = 30_000;
    for (let row = 0; row < rows; row++) table.set(`a key of some length ${row}`, row);
    await leaves.close();
    expect(kept.size).toBe(rows);
    await stays.close();
  });

  it('rejects when the store could not be closed, as when its last sync failed', async () => {
    const failure = new TablecastError('BACKEND_FAILED', 'could not sync', { hint: 'Look at the disk.' });
    const durableBackend = Object.assign(new SimulatedDisk().backend(), {
      close: () => Promise.reject(failure),
    });
    const node = await openNodeOf({ id: 'alone' }, { durableBackend });
    await node.flush();
    await expect(node.close()).rejects.toBe(failure);
  });

  it('refuses writes and reads on, and may be asked for twice', async () => {
    const node = await openNode({ id: 'alone' });
    const table = node.table('kept', declaration);
    table.set('a', 1);
    const [first, second] = [node.close(), node.close()];
    expect(() => table.set('b', 2)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    await Promise.all([first, second]);
    expect([...table]).toEqual([['a', 1]]);
    expect(() => node.table('other', declaration)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});
