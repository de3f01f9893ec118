import { afterEach, expect, test } from 'vitest';
import type { Backend } from '../../src/log/backend.ts';
import { memoryBackend } from '../../src/backends/memory.ts';
import type { MapTable } from '../../src/index.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { tableChangeEvent } from '../../src/zeek/protocol/table-changes.ts';
import { compileZeekTable } from '../../src/zeek/protocol/zeek-table.ts';
import type { AttachedTable } from '../../src/zeek/attachment/attached-table.ts';
import { ChangeQueue } from '../../src/zeek/attachment/change-queue.ts';
import { StandIn } from './protocol/stand-in/server.ts';
import { rowsOf, simulated } from './cluster.ts';
import { attached, attachmentTo, cleanUp, later, until } from './support.ts';

afterEach(cleanUp);

/** A durable backend whose commits wait for `release`. */
function heldBackend(): { backend: Backend; release(): void } {
  const memory = memoryBackend();
  let open: () => void = () => {};
  let gate: Promise<void> = Promise.resolve();
  const backend: Backend = {
    name: 'held',
    durable: true,
    open: async () => {
      const recovery = await memory.open();
      return recovery;
    },
    commit: async (commit) => {
      if (commit.segments.length > 0) await gate;
      await memory.commit(commit);
    },
    read: (after, maxBytes) => memory.read(after, maxBytes),
    writeCheckpoint: (checkpoint) => memory.writeCheckpoint(checkpoint),
    trim: (position) => memory.trim(position),
    seal: (position) => memory.seal(position),
    positionKeeping: (bytes) => memory.positionKeeping(bytes),
    close: () => memory.close(),
  };
  gate = new Promise((resolve) => (open = resolve));
  return { backend, release: () => open() };
}

test('Zeek is told of nothing that is not durable, neither changes nor whole tables', async () => {
  const zeek = simulated({ tablecast: { tables: ['E2e::counts'], announceMs: 20 } });
  await zeek.listen();
  later(() => zeek.stop());
  const held = heldBackend();
  const node = await openNodeOf({ id: 'a' }, { durableBackend: held.backend });
  later(() => node.close());
  const tables = { 'E2e::counts': { type: 'table[string] of count', backend: 'sqlite' } } as const;
  node.attachZeek(attachmentTo(zeek.url, { tables }));
  const counts = node.tables.get('E2e::counts') as unknown as MapTable<string, number>;
  await until(() => zeek.script('worker').acknowledged);
  counts.set('k', 1);
  zeek.startNode('worker');
  await until(() => zeek.script('worker').acknowledged);
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(zeek.received.filter(({ name }) => name === tableChangeEvent)).toEqual([]);
  held.release();
  await until(() => rowsOf(zeek, 'worker', 'E2e::counts').get('k') === 1);
  await until(() => rowsOf(zeek, 'manager', 'E2e::counts').get('k') === 1);
});

test('a Zeek that reads slowly holds back what is sent, and gets all of it in the end', async () => {
  const name = 'E2e::texts';
  const type = 'table[string] of string';
  const table = compileZeekTable(name, { type });
  const zeek = new StandIn({ tables: [{ table, publish: { changes: ['new'] } }], pingMs: 100 });
  await zeek.listen();
  later(() => zeek.stop());
  const { node, codes } = await attached(
    { id: 'a' },
    attachmentTo(zeek.url, { tables: { [name]: { type } }, limits: { maxQueuedBytes: 65_536 } }),
  );
  await until(() => codes().includes('zeek-connected'));
  const texts = node.tables.get(name) as unknown as MapTable<string, string>;
  zeek.read(false);
  for (let at = 0; at < 4000; at++) texts.set(`k${at}`, 'x'.repeat(2500));
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (let at = 0; at < 100; at++) texts.delete(`k${at}`);
  zeek.read(true);
  await until(() => zeek.node().size(name) === 3900);
  expect(codes()).not.toContain('zeek-lost');
  expect(codes()).not.toContain('zeek-refused');
});

const topic = 'zeek/table/';

test('a queue that grows too long is given up for the whole tables', () => {
  const queue = new ChangeQueue();
  const one = { name: 'one' } as AttachedTable;
  const two = { name: 'two' } as AttachedTable;
  const change = { kind: 'new', key: 'k', time: 0 } as const;
  for (let at = 0; at < 65_536; at++) queue.push({ attached: one, topic, position: at, change });
  expect(queue.overflowed.size).toBe(0);
  queue.push({ attached: two, topic, position: 65_536, change });
  expect([...queue.overflowed]).toEqual([one]);
  expect(queue.length).toBe(1);
  queue.push({ attached: one, topic, position: 65_537, change });
  expect(queue.length).toBe(1);
});

test('changes leave the queue in order, by table, and not before they may', () => {
  const queue = new ChangeQueue();
  const one = { name: 'one' } as AttachedTable;
  const two = { name: 'two' } as AttachedTable;
  const change = { kind: 'new', key: 'k', time: 0 } as const;
  for (const [at, table] of [one, one, two, one].entries()) {
    queue.push({ attached: table, topic, position: at + 1, change });
  }
  const upTo = (last: number) =>
    queue.take(10, ({ position }) => position <= last).map((item) => item.position);
  expect(upTo(0)).toEqual([]);
  expect(upTo(1)).toEqual([1]);
  expect(upTo(9)).toEqual([2]);
  expect(upTo(9)).toEqual([3]);
  expect(queue.first).toBe(4);
  expect(upTo(9)).toEqual([4]);
  expect(queue.first).toBeUndefined();
});
