import { describe, expect, it } from 'vitest';
import type { TableNode } from '../../src/index.ts';
import { Parts } from '../../src/carrier/parts-of-messages.ts';
import { BUNDLE, CHECKPOINT, LEASE, OPERATIONS } from '../../src/carrier/subjects.ts';
import { carried, codesOf, declaration, declare } from './carried.ts';

it('rows of a checkpoint that are gone are told, and come again from the nodes that have them', async () => {
  const { cluster, memory } = carried(3);
  for (const index of [0, 1]) await cluster.start(index, declare);
  const a = cluster.node(0).table('t', declaration);
  for (let index = 0; index < 100; index++) a.set(`k${index}`, 'x'.repeat(100));
  await cluster.run(10_000);
  // It stands for everything: nothing else says it any more.
  expect(memory.messages.filter(({ subject: [kind] }) => kind === OPERATIONS)).toHaveLength(0);
  memory.blobs.clear();
  const late = await cluster.start(2, declare);
  await cluster.run(10_000);
  expect(late.table('t', declaration).size).toBe(100);
  expect(codesOf(cluster, 2).filter((code) => code === 'carrier-incomplete')).toHaveLength(1);
  expect(codesOf(cluster, 2)).not.toContain('peer-lost');
  await cluster.close();
});

it('a batch that its author did not end is told after a minute, and holds up nothing but itself until it ends', async () => {
  const { cluster, memory } = carried(3);
  const both = (node: TableNode) => [node.table('t', declaration), node.table('other', declaration)] as const;
  const a = await cluster.start(0, (node) => void both(node));
  a.batch(() => {
    for (const table of both(a)) for (let index = 0; index < 5; index++) table.set(`a${index}`, 'a');
  });
  await cluster.run(2000);
  cluster.crash(0);
  // As when it is cut off between the messages of the batch and their end.
  memory.messages = memory.messages.filter(({ subject: [kind] }) => kind !== BUNDLE);
  for (const index of [1, 2]) await cluster.start(index, (node) => void both(node));
  await cluster.run(65_000);
  expect(both(cluster.node(1)).map(({ size }) => size)).toEqual([0, 0]);
  expect(codesOf(cluster, 1).filter((code) => code === 'carrier-incomplete')).toHaveLength(1);
  const free = cluster.node(1).table('free', declaration);
  cluster.node(2).table('free', declaration);
  for (let index = 0; index < 100; index++) free.set(`k${index}`, 'x'.repeat(100));
  await cluster.run(10_000);
  // What stands for the rows of another table may leave, behind the batch as well.
  const left = memory.messages.filter(
    ({ subject: [kind, table] }) => kind === OPERATIONS && table === 'free',
  );
  expect(left).toHaveLength(0);
  await cluster.start(0, (node) => void both(node));
  await cluster.run(10_000);
  for (const { up } of cluster.members) expect(both(up).map(({ size }) => size)).toEqual([5, 5]);
  expect(codesOf(cluster, 1)).not.toContain('peer-lost');
  await cluster.close();
});

it('a batch that is cut off in the middle of publishing is one unit all the same, once its author is back', async () => {
  let isCut = false;
  const { cluster, memory } = carried(2, {
    outcome: ({ subject: [kind, table] }) =>
      isCut && kind === OPERATIONS && table !== 't' ? 'full' : 'kept',
  });
  const both = (node: TableNode) => [node.table('t', declaration), node.table('other', declaration)] as const;
  for (const index of [0, 1]) await cluster.start(index, (node) => void both(node));
  const [t, other] = both(cluster.node(1));
  const seen: boolean[] = [];
  for (const table of [t, other]) table.changes.subscribe(() => seen.push(t.has('k') === other.has('k')));
  isCut = true;
  const a = cluster.node(0);
  a.batch(() => {
    for (const table of both(a)) table.set('k', 'a');
  });
  await cluster.run(2000);
  expect(memory.messages.filter(({ subject: [kind] }) => kind === OPERATIONS)).toHaveLength(1);
  cluster.crash(0);
  isCut = false;
  const again = await cluster.start(0, (node) => void both(node));
  again.table('other', declaration).set('after', 'a');
  await cluster.run(5000);
  expect([t.size, other.size]).toEqual([1, 2]);
  expect(seen).toEqual(seen.map(() => true));
  await cluster.close();
});

it('of ends of batches, leases and checkpoints only the last stay in a carrier, and a node that comes late has all', async () => {
  const { cluster, memory } = carried(2);
  const both = (node: TableNode) => [node.table('t', declaration), node.table('other', declaration)] as const;
  const a = await cluster.start(0, (node) => void both(node));
  for (let round = 0; round < 150; round++) {
    a.batch(() => {
      for (const table of both(a)) table.set(`k${round % 10}`, `${round} ${'x'.repeat(100)}`);
    });
    await cluster.run(100);
  }
  const count = (wanted: string): number =>
    memory.messages.filter(({ subject: [kind] }) => kind === wanted).length;
  expect([CHECKPOINT, LEASE].map(count)).toEqual([2, 2]);
  expect(count(BUNDLE)).toBeLessThanOrEqual(64);
  const late = await cluster.start(1, (node) => void both(node));
  await cluster.run(5000);
  for (const table of both(late)) expect(table.get('k9')).toMatch(/^149 /);
  await cluster.close();
});

describe('what was begun and not ended', () => {
  const MEBIBYTE = 1024 * 1024;
  const bytes = new Uint8Array(MEBIBYTE - 512);
  const piece = (node: string) => {
    const author = { table: 't', origin: `${node}@1` };
    return { author, frame: bytes, first: 1, operations: 1, runs: 1, from: 1 };
  };

  it('is at most 64 MiB, with half a KiB for each message; beyond it who has most of it gives way', () => {
    const parts = new Parts(() => 0);
    parts.hold('good.x.1', piece('good'));
    for (let index = 0; index < 63; index++) parts.hold(`bad.x.${index}`, piece('bad'));
    expect(parts.bound()).toEqual([]);
    const { frame, ...small } = piece('good');
    parts.hold('good.x.2', { ...small, frame: frame.subarray(0, 1) });
    expect(parts.bound()).toHaveLength(1);
    // The end of one ends all that the node began before: one of 63 gave way.
    expect(parts.end('bad.x.0', 'bad')).toHaveLength(62);
    expect(parts.end('good.x.1', 'good')).toHaveLength(2);
  });

  it('is no longer than a frame, and as much as a batch', () => {
    const parts = new Parts(() => 0);
    const author = { table: 't', origin: 'a@1' };
    const message = (place: number) => ({
      place,
      subject: ['operations', 't', 'a', '1'],
      headers: {},
      bytes,
    });
    for (let index = 0; index < 4; index++)
      expect(parts.take(message(index + 1), [index, 6], author)).toBeUndefined();
    expect(parts.from).toBe(1);
    expect(parts.take(message(5), [4, 6], author)).toBeUndefined();
    expect(parts.from).toBe(Infinity);
    const many = { ...piece('a'), operations: 16_384 };
    expect(parts.hold('a.x.1', many)).toEqual([]);
    expect(parts.hold('a.x.1', { ...many, operations: 1 })).toHaveLength(2);
  });

  it('is ended by who publishes it, and by nobody else', () => {
    const parts = new Parts(() => 0);
    parts.hold('a.b.x.1', piece('a.b'));
    for (const other of ['a', 'b', 'a.b.x', '']) expect(parts.end('a.b.x.1', other)).toEqual([]);
    expect(parts.end('a.b.x.1', 'a.b')).toHaveLength(1);
  });
});
