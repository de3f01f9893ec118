// One process of scripts/campaigns/carrier-scale.ts: many nodes of a group.
import { createHash } from 'node:crypto';
import { filter, firstValueFrom } from 'rxjs';
import { openNode, type TableNode } from '../../src/index.ts';
import type { Ask, Told } from './carrier-scale-messages.ts';

const declaration = { key: 'string', value: 'string', mode: 'lww' } as const;
/** So many nodes are opened at a time. */
const AT_ONCE = 10;
const nodes: TableNode[] = [];
/** Of each write, how many nodes have it and how long it took until the last one here had. */
const arrivals = new Map<string, { count: number; worst: number }>();
let deliveries = 0;

function tell(told: Told): void {
  process.send?.(told);
}

function tableOf(node: TableNode) {
  return node.table('t', declaration);
}

async function open(servers: string, id: string): Promise<void> {
  const node = await openNode({ id, nats: { servers, group: 'scale' } });
  nodes.push(node);
  const table = tableOf(node);
  table.changes.subscribe(({ key, value, origin }) => {
    if (typeof value !== 'string' || origin.startsWith(`${id}@`)) return;
    deliveries++;
    const took = Date.now() - Number(value);
    const known = arrivals.get(key);
    if (known === undefined) arrivals.set(key, { count: 1, worst: took });
    else {
      known.count++;
      known.worst = Math.max(known.worst, took);
    }
  });
  await firstValueFrom(table.synced.pipe(filter((isSynced) => isSynced)));
}

async function openAll({ servers, first, count }: Extract<Ask, { type: 'open' }>): Promise<void> {
  for (let at = 0; at < count; at += AT_ONCE) {
    const ids = Array.from({ length: Math.min(AT_ONCE, count - at) }, (_, index) => `n${first + at + index}`);
    await Promise.all(ids.map((id) => open(servers, id)));
  }
}

/** Each of the first nodes writes so often, spread over a second; other processes have other turns. */
async function write({
  writers,
  perSecond,
  seconds,
  round,
  turn,
}: Extract<Ask, { type: 'write' }>): Promise<void> {
  const ends: Promise<void>[] = nodes.slice(0, writers).map((node, index) => {
    const table = tableOf(node);
    let count = 0;
    return new Promise((resolve) => {
      const once = (): void => {
        table.set(`${node.id} ${round} ${count++}`, String(Date.now()));
        if (count < perSecond * seconds) setTimeout(once, 1000 / perSecond);
        else resolve();
      };
      setTimeout(once, (((index + turn) / writers) * 1000) / perSecond);
    });
  });
  await Promise.all(ends);
}

function digestOf(node: TableNode): string {
  const rows = [...tableOf(node)].map(([key, value]) => `${key} ${value}`).toSorted();
  return createHash('sha256').update(rows.join('\n')).digest('hex').slice(0, 16);
}

function sayState(isCollected: boolean): void {
  if (isCollected) globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  tell({
    type: 'state',
    cpuMs: (user + system) / 1000,
    rss,
    heap: heapUsed,
    deliveries,
    sizes: [...new Set(nodes.map((node) => tableOf(node).size))],
  });
}

async function answer(ask: Ask): Promise<void> {
  switch (ask.type) {
    case 'open':
      await openAll(ask);
      return tell({ type: 'done' });
    case 'write':
      await write(ask);
      return tell({ type: 'done' });
    case 'state':
      return sayState(ask.isCollected);
    case 'arrivals':
      tell({ type: 'arrivals', arrivals: Array.from(arrivals, ([key, one]) => ({ key, ...one })) });
      return arrivals.clear();
    case 'digests':
      return tell({ type: 'digests', digests: [...new Set(nodes.map(digestOf))] });
  }
}

process.on('message', (ask: Ask) => {
  answer(ask).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit(0));
