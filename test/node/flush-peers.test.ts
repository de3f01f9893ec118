import { describe, expect, it } from 'vitest';
import { openNode } from '../../src/index.ts';
import { type Cluster, type ClusterOptions, createCluster } from '../support/cluster.ts';

const onDisk = { key: 'string', value: 'count', backend: 'sqlite' } as const;
const inMemory = { key: 'string', value: 'count' } as const;

/** Whether a promise is settled, and how. */
function watched(promise: Promise<void>): { state: string; error: unknown } {
  const seen: { state: string; error: unknown } = { state: 'waits', error: undefined };
  promise.then(
    () => (seen.state = 'held'),
    (error: unknown) => {
      seen.state = 'rejected';
      seen.error = error;
    },
  );
  return seen;
}

/** The first node is in the middle of the others, which dial it. */
async function star(size: number, options: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await createCluster({ size, topology: 'star', ...options });
  return cluster;
}

describe('flush for peers', () => {
  it('resolves once so many have committed what was written, and not once they have received it', async () => {
    const cluster = await star(3, { commitMs: [400, 400] });
    const tables = cluster.declare('t', onDisk);
    await cluster.run(3000);
    tables[0]?.set('a', 1);
    const both = watched(cluster.node(0).flush({ peers: 2 }));
    await cluster.run(600);
    expect(tables[2]?.get('a')).toBe(1);
    expect(both.state).toBe('waits');
    await cluster.run(600);
    expect(both.state).toBe('held');
    await cluster.close();
  });

  it('waits for the tables that are named, whatever else nobody shares', async () => {
    const cluster = await star(2);
    const [shared] = cluster.declare('t', onDisk);
    const own = cluster.node(0).table('own', onDisk);
    await cluster.run(1000);
    shared?.set('a', 1);
    own.set('a', 1);
    const all = watched(cluster.node(0).flush({ peers: 1, timeoutMs: 5000 }));
    const named = watched(cluster.node(0).flush({ peers: 1, tables: ['t'], timeoutMs: 5000 }));
    await cluster.run(1000);
    expect([all.state, named.state]).toEqual(['waits', 'held']);
    await cluster.run(5000);
    expect(String(all.error)).toContain('does not share table own');
    const unknown = watched(cluster.node(0).flush({ peers: 1, tables: ['u'] }));
    await cluster.run(10);
    expect(String(unknown.error)).toContain('names "u", which this node has not declared');
    await cluster.close();
  });

  it('resolves at once for what peers held before, also over an earlier connection', async () => {
    const cluster = await star(3);
    const tables = cluster.declare('t', onDisk);
    await cluster.run(1000);
    for (let key = 0; key < 50; key++) tables[0]?.set(`${key}`, key);
    await cluster.run(1000);
    for (const index of [1, 2]) cluster.reset(0, index);
    await cluster.run(30_000);
    const both = watched(cluster.node(0).flush({ peers: 2, timeoutMs: 1000 }));
    await cluster.run(200);
    expect(both.state).toBe('held');
    await cluster.close();
  });

  it('counts what came with a checkpoint', async () => {
    const cluster = await createCluster({
      size: 3,
      topology: [[], [0], [1]],
      retention: { operations: 100 },
      checkpointAfter: 64,
    });
    const [first, second] = cluster.declare('t', onDisk);
    await cluster.run(1000);
    for (let round = 0; round < 40; round++) {
      for (let key = 0; key < 50; key++) first?.set(`${key}`, round);
      await cluster.run(1000);
    }
    expect(second?.size).toBe(50);
    await cluster.stop(1);
    cluster.member(1).disk.restore({
      segments: [],
      facts: new Map(),
      checkpoints: new Map(),
      lastPosition: 0,
      trimmedTo: 0,
      durability: undefined,
    });
    await cluster.start(1, (node) => void node.table('t', onDisk));
    const held = watched(cluster.node(0).flush({ peers: 1, timeoutMs: 20_000 }));
    await cluster.run(10_000);
    expect(cluster.member(1).events.map(({ code }) => code)).toContain('checkpoint-adopted');
    expect(held.state).toBe('held');
    await cluster.close();
  });

  it('says who lags, by how much, and why', async () => {
    let full = false;
    const cluster = await star(4, { outcome: (index) => (full && index === 1 ? 'full' : 'kept') });
    const [table] = cluster.declare('t', onDisk);
    await cluster.run(1000);
    const other = cluster.node(0).table('private', inMemory);
    cluster.node(3).table('private', inMemory);
    await cluster.run(1000);
    await cluster.time.until(cluster.node(0).flush({ peers: 3 }));
    full = true;
    for (let key = 0; key < 7; key++) table?.set(`${key}`, 1);
    await cluster.run(500);
    other.set('a', 1);
    const held = watched(cluster.node(0).flush({ everyone: true, timeoutMs: 2000 }));
    await cluster.run(2500);
    expect(held.error).toMatchObject({
      code: 'PEERS_BEHIND',
      retryable: true,
      details: { held: 1, wanted: 3, timeoutMs: 2000 },
      message: expect.stringMatching(
        /^Within 2000 ms 1 of 3 peers held .*n1: .*n2: does not share table private/,
      ),
    });
    expect(String(held.error)).toMatch(/BACKEND_FULL|does not share table private/);
    full = false;
    for (const index of [1, 2]) cluster.node(index).table('private', inMemory);
    await cluster.time.until(cluster.node(0).flush({ everyone: true }));
    await cluster.close();
  });

  it('counts the operations that a peer lacks, with what keeps it from them', async () => {
    let full = false;
    const cluster = await star(2, { outcome: (index) => (full && index === 1 ? 'full' : 'kept') });
    const [table] = cluster.declare('t', onDisk);
    await cluster.run(1000);
    table?.set('first', 1);
    await cluster.time.until(cluster.node(0).flush({ peers: 1 }));
    full = true;
    for (let key = 0; key < 7; key++) table?.set(`${key}`, 1);
    const held = watched(cluster.node(0).flush({ peers: 1, timeoutMs: 2000 }));
    await cluster.run(2500);
    expect(held.error).toMatchObject({
      message:
        'Within 2000 ms 0 of 1 peers held everything written so far. n1: 7 operations behind in table t (BACKEND_FULL).',
    });
    full = false;
    await cluster.time.until(cluster.node(0).flush({ peers: 1 }));
    await cluster.close();
  });

  it('waits on while a peer is away, and counts nobody who is', async () => {
    const cluster = await star(3, { commitMs: [50, 50] });
    const [table] = cluster.declare('t', onDisk);
    await cluster.run(1000);
    table?.set('a', 1);
    await cluster.time.until(cluster.node(0).flush({ peers: 2 }));
    cluster.crash(2);
    await cluster.run(60_000);
    table?.set('b', 2);
    const two = watched(cluster.node(0).flush({ peers: 2, timeoutMs: 100_000 }));
    const one = watched(cluster.node(0).flush({ peers: 1, timeoutMs: 100_000 }));
    const all = watched(cluster.node(0).flush({ everyone: true, timeoutMs: 100_000 }));
    await cluster.run(10_000);
    expect([one.state, two.state, all.state]).toEqual(['held', 'waits', 'held']);
    await cluster.start(2, (node) => void node.table('t', onDisk));
    await cluster.run(10_000);
    expect(two.state).toBe('held');
    await cluster.close();
  });

  it('of a peer that is lost while it is waited for says so', async () => {
    const cluster = await star(3, { commitMs: [500, 500] });
    const [table] = cluster.declare('t', onDisk);
    await cluster.run(5000);
    table?.set('a', 1);
    const all = watched(cluster.node(0).flush({ everyone: true, timeoutMs: 60_000 }));
    await cluster.run(100);
    cluster.crash(2);
    await cluster.run(70_000);
    expect(all.error).toMatchObject({
      code: 'PEERS_BEHIND',
      details: { held: 1, wanted: 2 },
      message: expect.stringContaining('n2: not connected (it was lost)'),
    });
    await cluster.close();
  });

  it('counts a peer that keeps the table in memory once it is there', async () => {
    const cluster = await star(2, { commitMs: [400, 400] });
    const table = cluster.node(0).table('t', onDisk);
    cluster.node(1).table('t', inMemory);
    await cluster.run(3000);
    table.set('a', 1);
    const held = watched(cluster.node(0).flush({ peers: 1 }));
    await cluster.run(300);
    expect(held.state).toBe('waits');
    await cluster.run(300);
    expect(held.state).toBe('held');
    await cluster.close();
  });

  it('resolves under steady writes, for what was written before it was called', async () => {
    const cluster = await star(2, { commitMs: [4, 8] });
    const [table] = cluster.declare('t', onDisk);
    await cluster.run(1000);
    const waits: { state: string }[] = [];
    for (let step = 0; step < 200; step++) {
      table?.set(`${step}`, step);
      waits.push(watched(cluster.node(0).flush({ peers: 1 })));
      await cluster.run(10);
      if (step > 100) expect(waits.slice(0, step - 60).every(({ state }) => state === 'held')).toBe(true);
    }
    await cluster.close();
  });

  it('waits for what a switch of mode passed over until that is written again and held', async () => {
    const cluster = await star(2, { commitMs: [20, 20] });
    const [table, there] = cluster.declare('t', onDisk);
    await cluster.run(1000);
    cluster.setCut(0, 1, true);
    await cluster.run(200);
    table?.set('a', 1);
    await cluster.time.until(there!.switchMode('lww'));
    const held = cluster.node(0).flush({ peers: 1, timeoutMs: 300_000 });
    cluster.setCut(0, 1, false);
    await cluster.time.until(held);
    expect(there?.get('a')).toBe(1);
    await cluster.close();
  });

  it('rejects with what keeps this node itself from it, and when it is closed', async () => {
    let failed = false;
    const cluster = await star(2, { outcome: (index) => (failed && index === 0 ? 'failed' : 'kept') });
    const [table] = cluster.declare('t', onDisk);
    await cluster.run(1000);
    const closing = watched(cluster.node(1).flush({ everyone: true, timeoutMs: 1 }));
    await cluster.run(10);
    expect(closing.state).not.toBe('waits');
    failed = true;
    table?.set('a', 1);
    const held = watched(cluster.node(0).flush({ peers: 1 }));
    await cluster.run(100);
    expect(held.error).toMatchObject({ code: 'BACKEND_FAILED' });
    await cluster.close().catch(() => undefined);
  });
});

describe('options of flush', () => {
  it.each([
    [{ peers: 0 }, /peers of flush is 0, and takes a whole number from 1/],
    [{ peers: -1 }, /peers of flush is -1, and takes a whole number from 1/],
    [{ peers: 1.5 }, /is 1.5, and takes/],
    [{ peers: Number.NaN }, /is NaN, and takes/],
    [{ peers: '2' }, /peers of flush is a text, and takes/],
    [{ peers: 1, everyone: true }, /everyone of flush is given beside peers/],
    [{ everyone: false }, /everyone of flush is a boolean, and takes true/],
    [{ timeoutMs: 5 }, /timeoutMs of flush is given without peers/],
    [{ peers: 1, timeoutMs: 0 }, /timeoutMs of flush is 0, and takes a whole number of milliseconds/],
    [{ peers: 1, timeoutMs: 2 ** 31 }, /timeoutMs of flush is 2147483648, and takes/],
    [{ peer: 1 }, /peer of flush is not an option/],
    [{ peers: 2 }, /peers of flush is 2, and this node knows 1 and does not listen/],
    [{ peers: 65 }, /peers of flush is 65, and this node takes at most 64 peers/],
    [7, /The options of flush have to be an object, and are a number/],
    [[], /The options of flush have to be an object, and are an empty list/],
  ])('%j is refused with what to do', async (options, message) => {
    const node = await openNode({ id: 'one', peers: ['ws://127.0.0.1:1'] });
    try {
      await expect(node.flush(options as never)).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringMatching(message),
        hint: expect.stringMatching(/\S/),
      });
    } finally {
      await node.close();
    }
  });

  it('wait for everyone only where somebody is known', async () => {
    const node = await openNode({ id: 'one' });
    await expect(node.flush({ everyone: true })).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
    await node.flush({});
    await node.close();
    await expect(node.flush({ peers: 1 })).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('are taken of 1,024 calls at a time, and of one more with what to do', async () => {
    const node = await openNode({ id: 'one', listen: { port: 0 } });
    const waits = Array.from({ length: 1024 }, () => node.flush({ peers: 1 }));
    await expect(node.flush({ peers: 1 })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await node.flush();
    const ended = Promise.allSettled(waits);
    await node.close();
    expect((await ended).every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('end with the node', async () => {
    const node = await openNode({ id: 'one', listen: { port: 0 } });
    const held = node.flush({ peers: 1 });
    const [ended] = await Promise.allSettled([held, node.close()]);
    expect(ended).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } });
  });
});
