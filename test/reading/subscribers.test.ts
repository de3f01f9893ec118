import type { Subscription } from 'rxjs';
import { filter, firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { type NodeEvent, type TableNode, follow, openNode } from '../../src/index.ts';

let node: TableNode | undefined;

afterEach(async () => {
  await node?.close();
  node = undefined;
});

interface Watched {
  readonly node: TableNode;
  readonly told: NodeEvent[];
}

async function watched(maxSubscribers?: number): Promise<Watched> {
  node = await openNode({ id: 'a', ...(maxSubscribers !== undefined && { limits: { maxSubscribers } }) });
  const told: NodeEvent[] = [];
  node.events.subscribe((event) => event.code === 'subscribers-many' && told.push(event));
  return { node, told };
}

/** Events are told in a later turn than the subscribing. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const details = (told: readonly NodeEvent[]): unknown[] => told.map((event) => event.details);

describe('a stream with more subscribers than maxSubscribers', () => {
  it('is told with its table, once, and again when there are twice as many; nobody is refused', async () => {
    const { node: here, told } = await watched(3);
    const hosts = here.table('hosts', { key: 'string' });
    let changes = 0;
    const more = (count: number): void => {
      for (let each = 0; each < count; each++) hosts.changes.subscribe(() => changes++);
    };
    more(3);
    await settled();
    expect(told).toEqual([]);
    more(5);
    await settled();
    expect(told).toMatchObject([
      {
        severity: 'warning',
        table: 'hosts',
        message: expect.stringContaining('4 subscribers of changes of table hosts') as string,
        details: { stream: 'changes', subscribers: 4, maxSubscribers: 3 },
      },
    ]);
    more(1);
    await settled();
    expect(details(told).at(-1)).toMatchObject({ subscribers: 9 });
    expect(told).toHaveLength(2);
    hosts.add('x');
    expect(changes).toBe(9);
  });

  it('is not told when subscribers come and go, however many in all', async () => {
    const { node: here, told } = await watched(2);
    const hosts = here.table('hosts', { key: 'string' });
    const last: Subscription[] = [];
    for (let each = 0; each < 20; each++) {
      last.push(hosts.changes.subscribe(), hosts.conflicts.subscribe());
      if (last.length > 2) for (const one of last.splice(0, 2)) one.unsubscribe();
      await firstValueFrom(hosts.synced);
      await follow(hosts.changes).return();
      const reader = here.log.follow();
      hosts.add(`host ${each}`);
      await reader.next();
      await reader.return?.();
      await firstValueFrom(here.log.operations());
      await firstValueFrom(here.log.operations({ after: -1 })).catch(() => undefined);
    }
    await settled();
    expect(told).toEqual([]);
  });

  it.each([
    ['changes', 'hosts', (here: TableNode) => void here.tables.get('hosts')?.changes.subscribe()],
    ['conflicts', 'hosts', (here: TableNode) => void here.tables.get('hosts')?.conflicts.subscribe()],
    ['synced', 'hosts', (here: TableNode) => void here.tables.get('hosts')?.synced.subscribe()],
    ['divergence', 'hosts', (here: TableNode) => void here.tables.get('hosts')?.divergence.subscribe()],
    ['peers', undefined, (here: TableNode) => void here.peers.subscribe()],
    ['events', undefined, (here: TableNode) => void here.events.subscribe()],
    ['log', undefined, (here: TableNode) => void here.log.operations().subscribe()],
    ['log', undefined, (here: TableNode) => void here.log.follow().next()],
    ['changes', 'hosts', (here: TableNode) => void follow(here.tables.get('hosts')!.changes)],
  ])('is named: %s of %s', async (stream, table, subscribe) => {
    const { node: here, told } = await watched(4);
    here.table('hosts', { key: 'string' });
    here.table('others', { key: 'string' }).changes.subscribe();
    for (let each = 0; each < 6; each++) subscribe(here);
    await settled();
    expect(told).toMatchObject([{ table, details: { stream, maxSubscribers: 4 } }]);
  });

  it('has 1,024 of them by default before it is told', async () => {
    const { node: here, told } = await watched();
    const { changes } = here.table('hosts', { key: 'string' });
    for (let each = 0; each < 1024; each++) changes.subscribe();
    await settled();
    expect(told).toEqual([]);
    const one = firstValueFrom(here.events.pipe(filter(({ code }) => code === 'subscribers-many')));
    changes.subscribe();
    expect((await one).details).toEqual({ stream: 'changes', subscribers: 1025, maxSubscribers: 1024 });
  });
});
