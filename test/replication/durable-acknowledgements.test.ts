import { describe, expect, it, vi } from 'vitest';
import type { PeerState } from '../../src/index.ts';
import { decodeMessage, encodeMessage } from '../../src/replication/wire/wire.ts';
import { NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { sendRuns, setRun } from '../security/support.ts';
import { type Cluster, type ClusterOptions, createCluster } from '../support/cluster.ts';
import { PATIENCE_MS } from '../support/patience.ts';

const onDisk = { key: 'string', value: 'count', backend: 'sqlite' } as const;
const inMemory = { key: 'string', value: 'count' } as const;

/** A node with a disk, and one that writes to it and dialled it. */
async function pair(options: Partial<ClusterOptions>) {
  const cluster = await createCluster({ size: 2, topology: 'pair', ...options });
  const seen: { now: PeerState | undefined } = { now: undefined };
  cluster.node(1).peers.subscribe(([peer]) => (seen.now = peer));
  return { cluster, seen };
}

async function declared(cluster: Cluster) {
  cluster.node(0).table('t', onDisk);
  cluster.node(0).table('m', inMemory);
  const [table, memory] = [
    cluster.node(1).table('t', { ...onDisk, backend: 'memory' }),
    cluster.node(1).table('m', inMemory),
  ];
  await cluster.run(1000);
  return { table, memory };
}

describe('what a peer says is durable', () => {
  it('is what its disk has taken, not what it has received', async () => {
    const { cluster, seen } = await pair({ commitMs: [500, 500] });
    const { table } = await declared(cluster);
    for (let index = 0; index < 10; index++) table.set(`${index}`, index);
    await cluster.run(300);
    expect(seen.now).toMatchObject({ sentOperations: 10, lagOperations: 0, durableOperations: 0 });
    await cluster.run(500);
    expect(seen.now).toMatchObject({ durableOperations: 10, durabilityProblem: undefined });
    await cluster.close();
  });

  it('goes on with the disk while more comes than was waited for first', async () => {
    const { cluster, seen } = await pair({ commitMs: [200, 200] });
    const { table } = await declared(cluster);
    let least = 0;
    for (let index = 0; index < 50; index++) {
      table.set(`${index}`, index);
      await cluster.run(50);
      const { durableOperations = 0, sentOperations = 0 } = seen.now ?? {};
      expect(durableOperations).toBeLessThanOrEqual(sentOperations);
      expect(durableOperations).toBeGreaterThanOrEqual(least);
      least = durableOperations;
    }
    // Not only once everything has come to rest.
    expect(least).toBeGreaterThan(8);
    await cluster.run(10_000);
    expect(seen.now).toMatchObject({ durableOperations: 50 });
    await cluster.close();
  });

  it('is told in the end, also of more places in the log than are waited for at one time', async () => {
    const { cluster, seen } = await pair({ commitMs: [100, 100] });
    const { table } = await declared(cluster);
    const frames = 65 + 10;
    for (let index = 0; index < frames; index++) {
      table.set(`${index}`, index);
      await cluster.run(5);
    }
    expect(seen.now?.durableOperations).toBeLessThan(frames);
    await cluster.run(frames * 150);
    expect(seen.now).toMatchObject({ durableOperations: frames });
    await cluster.close();
  });

  it('counts what came twice over one connection once', async () => {
    const target = await NodeUnderAttack.open({ id: 'victim' });
    target.node.table('seen', { key: 'string' });
    const peer = target.connect();
    peer.greet('evil');
    const runOf = (key: string, firstSequence: number, known: number) =>
      setRun({ table: 'seen', origin: 'evil@1', keys: [key], firstSequence, known });
    const durable = async (count: number): Promise<number | undefined> => {
      while (peer.messages('ack').length < count) await new Promise((resolve) => setImmediate(resolve));
      return peer.messages('ack').at(-1)?.durable;
    };
    sendRuns(peer, runOf('a', 1, 0), runOf('b', 2, 1));
    expect(await durable(1)).toBe(2);
    sendRuns(peer, runOf('b', 2, 1));
    expect(await durable(2)).toBe(2);
    sendRuns(peer, runOf('b', 2, 1), runOf('c', 3, 2));
    expect(await durable(3)).toBe(3);
    expect(peer.messages('ack').at(-1)?.operations).toBe(5);
    await target.close();
  });

  it('comes with the reason why the rest is not, and goes on once there is room', async () => {
    let full = false;
    const { cluster, seen } = await pair({ outcome: (index) => (full && index === 0 ? 'full' : 'kept') });
    const { table, memory } = await declared(cluster);
    table.set('a', 1);
    await cluster.run(200);
    full = true;
    table.set('b', 2);
    await cluster.run(200);
    expect(seen.now).toMatchObject({ durableOperations: 1, durabilityProblem: 'BACKEND_FULL' });
    full = false;
    await cluster.run(1000);
    expect(seen.now).toMatchObject({ durableOperations: 2, durabilityProblem: undefined });
    full = true;
    // What is kept in memory only does not wait for a disk that has nothing of it to take.
    memory.set('c', 3);
    await cluster.run(200);
    expect(seen.now).toMatchObject({ durableOperations: 3, durabilityProblem: undefined });
    full = false;
    await cluster.close();
  });

  it('is told as refused where an operation was not taken, and nothing behind it counts', async () => {
    const target = await NodeUnderAttack.open({ id: 'hub' });
    for (const name of ['open', 'closed']) target.node.table(name, { key: 'string' });
    const peer = target.connect({ name: 'eve', nodes: ['*'], write: ['open'] });
    peer.greet('e');
    const runs = [
      setRun({ table: 'open', origin: 'e@1', keys: ['a', 'b'] }),
      setRun({ table: 'closed', origin: 'e@1', keys: ['c'] }),
      setRun({ table: 'open', origin: 'e@1', keys: ['d'], firstSequence: 3, known: 2 }),
    ];
    for (const run of runs) {
      sendRuns(peer, run);
      const before = peer.messages('ack').length;
      await vi.waitFor(() => expect(peer.messages('ack').length).toBeGreaterThan(before), PATIENCE_MS);
    }
    expect(peer.messages('ack')).toMatchObject([
      { operations: 2, durable: 2, problem: '' },
      { operations: 3, durable: 2, problem: 'PEER_REFUSED' },
      { operations: 4, durable: 2, problem: 'PEER_REFUSED' },
    ]);
    await target.close();
  });

  it.each(['memory', 'sqlite'] as const)(
    'counts a switch of mode by its peer, and what comes behind it, in a table kept in %s',
    async (backend) => {
      const { cluster, seen } = await pair({ commitMs: [20, 20] });
      cluster.node(0).table('t', { ...inMemory, backend });
      const table = cluster.node(1).table('t', inMemory);
      const other = cluster.node(1).table('m', inMemory);
      cluster.node(0).table('m', inMemory);
      await cluster.run(1000);
      table.set('a', 1);
      await cluster.run(1000);
      await table.switchMode('lww');
      other.set('b', 2);
      await cluster.run(5000);
      expect(cluster.node(0).tables.get('t')?.mode).toBe('lww');
      expect(seen.now).toMatchObject({ durableOperations: 3, durabilityProblem: undefined });
      table.set('a', 2);
      await cluster.run(1000);
      expect(seen.now).toMatchObject({ durableOperations: 4, durabilityProblem: undefined });
      await cluster.close();
    },
  );

  it('waits for what a run follows, of 4,096 runs at most', async () => {
    const target = await NodeUnderAttack.open({ id: 'hub' });
    target.node.table('open', { key: 'string' });
    const peer = target.connect();
    peer.greet('e');
    const runAt = (sequence: number) =>
      setRun({
        table: 'open',
        origin: 'e@1',
        keys: [`${sequence}`],
        firstSequence: sequence,
        known: sequence - 1,
      });
    const problemAfter = async (...runs: readonly Uint8Array[]): Promise<string | undefined> => {
      const before = peer.messages('ack').length;
      sendRuns(peer, ...runs);
      await vi.waitFor(() => expect(peer.messages('ack').length).toBeGreaterThan(before), PATIENCE_MS);
      return peer.messages('ack').at(-1)?.problem;
    };
    for (let first = 2; first < 4098; first += 1024) {
      const runs = Array.from({ length: 1024 }, (_, index) => runAt(first + index));
      expect(await problemAfter(...runs)).toBe('');
    }
    expect(await problemAfter(runAt(4098))).toBe('PEER_REFUSED');
    await target.close();
  });

  it('is denied for what a switch of mode passes over that was made while it was under way', async () => {
    const target = await NodeUnderAttack.open({ id: 'hub' });
    const table = target.node.table('open', { key: 'string' });
    const peer = target.connect({ name: 'eve', nodes: ['*'], write: ['open'] });
    peer.greet('e');
    const acknowledged = async (keys: readonly string[], firstSequence: number): Promise<void> => {
      const before = peer.messages('ack').length;
      sendRuns(peer, setRun({ table: 'open', origin: 'e@1', keys, firstSequence, known: firstSequence - 1 }));
      await vi.waitFor(() => expect(peer.messages('ack').length).toBeGreaterThan(before), PATIENCE_MS);
    };
    await acknowledged(['a'], 1);
    await table.switchMode('lww');
    await acknowledged(['b'], 2);
    expect([...table]).toEqual(['a']);
    expect(peer.messages('ack')).toMatchObject([
      { operations: 1, durable: 1, problem: '' },
      { operations: 2, durable: 1, problem: 'PEER_REFUSED' },
    ]);
    await target.close();
  });
});

describe('an acknowledgement', () => {
  it('of version 0.2 says nothing of durability, and is read', () => {
    const frame = encodeMessage({ type: 'ack', bytes: 300, operations: 4 });
    expect(decodeMessage(frame)).toEqual({ type: 'ack', bytes: 300, operations: 4 });
  });

  it('says how much is durable behind what version 0.2 reads', () => {
    const message = { type: 'ack', bytes: 300, operations: 4, durable: 3, problem: 'BACKEND_FULL' } as const;
    const frame = encodeMessage(message);
    expect(decodeMessage(frame)).toEqual(message);
    const before = encodeMessage({ type: 'ack', bytes: 300, operations: 4 });
    expect(frame.subarray(0, before.length)).toEqual(before);
  });

  it('asks and answers behind that, of 1,024 operations each; one more is refused', () => {
    const epoch = { counter: 3, origin: 'a@1' };
    const one = (index: number) => ({ table: `t${index}`, origin: 'a@1', sequence: index + 1 });
    const of = (count: number) => Array.from({ length: count }, (_, index) => one(index));
    const message = (wants: number, holds: number) =>
      encodeMessage({
        type: 'ack',
        bytes: 1,
        operations: 1,
        durable: 1,
        problem: '',
        wants: of(wants).map((want) => ({ ...want, epoch })),
        holds: of(holds),
      });
    expect(decodeMessage(message(1024, 1024))).toMatchObject({
      wants: { length: 1024, 1023: { ...one(1023), epoch } },
      holds: { length: 1024, 5: one(5) },
    });
    for (const [wants, holds] of [
      [1025, 0],
      [0, 1025],
    ] as const)
      expect(() => decodeMessage(message(wants, holds))).toThrow(/1025 (wanted|held) operations/);
    const before = encodeMessage({ type: 'ack', bytes: 1, operations: 1, durable: 1, problem: '' });
    expect(message(2, 2).subarray(0, before.length)).toEqual(before);
  });

  it('with a problem that is no code is refused', () => {
    const frame = encodeMessage({ type: 'ack', bytes: 1, operations: 1, durable: 0, problem: '\u001b[2J' });
    expect(() => decodeMessage(frame)).toThrow(expect.objectContaining({ code: 'FRAME_INVALID' }));
  });
});
