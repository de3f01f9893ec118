import { describe, expect, it } from 'vitest';
import { EXPIRE, SET, TOUCH } from '../../src/log/operations/operation.ts';
import { decodeRun } from '../../src/log/runs/run.ts';
import { RunWriter } from '../../src/log/runs/run-writer.ts';
import { Rows } from '../../src/projection/rows/rows.ts';
import { MAX_TOUCHED, Touches } from '../../src/projection/rows/touches.ts';
import { compileSchema } from '../../src/schema/index.ts';
import type { MapTable } from '../../src/index.ts';
import { type Cluster, createCluster } from '../support/cluster.ts';
import { readLog } from '../support/read-log.ts';

const lived = { key: 'string', value: 'string', backend: 'sqlite', writeExpire: '10s' } as const;
const inMemory = { ...lived, backend: 'memory' } as const;
type Texts = MapTable<string, string>;

async function told(cluster: Cluster, index: number): Promise<string[]> {
  const operations = await cluster.time.until(readLog(cluster.node(index)));
  return operations.map(({ kind }) => kind);
}

describe('a touch', () => {
  it.each(['naive', 'lww', 'automerge'] as const)(
    'prolongs the life of a row on every node in mode %s, whoever wrote it, until touches end',
    async (mode) => {
      const cluster = await createCluster({ size: 3, topology: 'chain' });
      const tables = cluster.declare('t', { ...lived, mode }) as Texts[];
      await cluster.run(1000);
      tables[0]?.set('k', 'v');
      for (const index of [2, 1, 2, 0, 1]) {
        await cluster.run(8000);
        expect(tables[index]?.touch('k')).toBe(true);
      }
      await cluster.run(9000);
      expect(tables.map((table) => table.get('k'))).toEqual(['v', 'v', 'v']);
      await cluster.run(5500);
      expect(tables.map(({ size }) => size)).toEqual([0, 0, 0]);
      await cluster.close();
    },
  );

  it('tells no change and no conflict, and stands in the log as a touch without a value', async () => {
    const cluster = await createCluster({ size: 2 });
    const tables = cluster.declare('t', { ...lived, mode: 'lww' }) as Texts[];
    await cluster.run(500);
    tables[0]?.set('k', 'v'.repeat(10_000));
    await cluster.run(500);
    const heard: unknown[] = [];
    for (const table of tables) {
      table.changes.subscribe((change) => heard.push(change));
      table.conflicts.subscribe((conflict) => heard.push(conflict));
    }
    tables[0]?.touch('k');
    tables[1]?.touch('k');
    await cluster.run(500);
    expect(heard).toEqual([]);
    const operations = await cluster.time.until(readLog(cluster.node(1)));
    expect(operations.map(({ kind, key, value }) => [kind, key, String(value).length])).toEqual([
      ['set', 'k', 10_000],
      ['touch', 'k', 'undefined'.length],
      ['touch', 'k', 'undefined'.length],
    ]);
    await cluster.close();
  });

  it('competes with no write: what was written meanwhile stands', async () => {
    const cluster = await createCluster({ size: 2 });
    const tables = cluster.declare('t', { ...lived, mode: 'lww' }) as Texts[];
    await cluster.run(500);
    tables[0]?.set('k', 'old');
    await cluster.run(500);
    cluster.setCut(0, 1, true);
    tables[0]?.set('k', 'new');
    await cluster.run(200);
    tables[1]?.touch('k');
    cluster.setCut(0, 1, false);
    await cluster.run(5000);
    expect(tables.map((table) => table.get('k'))).toEqual(['new', 'new']);
    await cluster.close();
  });

  it('makes no row and writes nothing of an absent key, and is refused where rows do not expire so', async () => {
    const cluster = await createCluster({ size: 1 });
    const table = cluster.node(0).table('t', lived);
    expect(table.touch('nothing')).toBe(false);
    table.set('k', 'v');
    await cluster.run(12_000);
    expect(table.touch('k')).toBe(false);
    expect(await told(cluster, 0)).toEqual(['set', 'expire']);
    const { writeExpire: _, ...forEver } = lived;
    for (const declaration of [forEver, { ...forEver, createExpire: '1m' }] as const) {
      const other = cluster.node(0).table(`u${Object.keys(declaration).length}`, declaration);
      other.set('k', 'v');
      expect(() => other.touch('k')).toThrow('has no writeExpire');
    }
    await cluster.close();
  });

  it.each([undefined, 2])(
    'survives restarts, with checkpoints after %s operations',
    async (checkpointAfter) => {
      const cluster = await createCluster({ size: 1, checkpointAfter });
      const table = cluster.node(0).table('t', lived);
      for (const key of ['a', 'b', 'c', 'd']) table.set(key, 'v');
      for (let round = 0; round < 3; round++) {
        await cluster.run(7000);
        table.touch('a');
      }
      for (const key of ['x', 'y', 'z']) table.set(key, 'v');
      await cluster.run(1000);
      await cluster.stop(0);
      await cluster.start(0, (node) => node.table('t', lived));
      const again = cluster.node(0).table('t', lived);
      await cluster.run(5000);
      expect([...again.keys()]).toContain('a');
      await cluster.run(6000);
      expect([...again.keys()]).toEqual([]);
      await cluster.close();
    },
  );

  it('reaches a node that was not there, when the author of the row is gone', async () => {
    const cluster = await createCluster({ size: 3, topology: [[], [0], [1]] });
    const [first, second] = [0, 1].map((index) => cluster.node(index).table('t', inMemory)) as [Texts, Texts];
    await cluster.run(500);
    first.set('k', 'v');
    await cluster.run(8000);
    second.touch('k');
    cluster.crash(0);
    const third = cluster.node(2).table('t', inMemory);
    await cluster.run(8500);
    expect([second.get('k'), third.get('k')]).toEqual(['v', 'v']);
    await cluster.run(8000);
    expect([second.size, third.size]).toEqual([0, 0]);
    await cluster.close();
  });

  it('in a batch that throws is taken back', async () => {
    const cluster = await createCluster({ size: 1 });
    const node = cluster.node(0);
    const table = node.table('t', lived);
    table.set('k', 'v');
    await cluster.run(8000);
    expect(() =>
      node.batch(() => {
        table.touch('k');
        throw new Error('planned');
      }),
    ).toThrow('planned');
    await cluster.run(4000);
    expect(table.size).toBe(0);
    await cluster.close();
  });

  it('is passed over by no switch of mode', async () => {
    const cluster = await createCluster({ size: 2 });
    const tables = cluster.declare('t', { ...lived, mode: 'naive' }) as Texts[];
    await cluster.run(500);
    tables[0]?.set('k', 'v');
    await cluster.run(4000);
    cluster.setCut(0, 1, true);
    tables[1]?.touch('k');
    void tables[0]?.switchMode('lww');
    cluster.setCut(0, 1, false);
    await cluster.run(8500);
    expect(tables.map((table) => [table.mode, table.get('k')])).toEqual([
      ['lww', 'v'],
      ['lww', 'v'],
    ]);
    await cluster.close();
  });
});

describe('a touch on the wire', () => {
  it('is an expiry of no write, which programs before it read as one without effect', () => {
    const writer = new RunWriter('text');
    writer.begin(1, { chapter: 0, keys: 0, origins: 0 }, []);
    writer.addKey('k');
    writer.addOrigin('a@1');
    writer.addSet(0, 'v', 5);
    writer.addExpire(0, { origin: 0, sequence: 9 }, 5);
    writer.addTouch(0, 0, 6);
    const bytes = writer.encode('t', 'a@1', 1);
    const run = decodeRun(bytes, 'text');
    expect([...(run.kinds ?? [])]).toEqual([SET, EXPIRE, TOUCH]);
    expect(run.expired).toEqual([0, 9, 0, 0]);
    // As stored, there is no kind that they do not know: pairs of kind and length.
    expect(Buffer.from(bytes).includes(Buffer.from([SET, 1, EXPIRE, 1, EXPIRE, 1]))).toBe(true);
    expect(bytes.length).toBeLessThan(90);
  });
});

describe('touches that are remembered', () => {
  it('may come before the write that they prolong, and mean nothing beside a later one', () => {
    const rows = new Rows(compileSchema('t', lived));
    const slot = rows.slotOf('k');
    rows.touches?.note(slot, 50);
    rows.put(slot, 'v', { origin: 1, sequence: 1, stamp: 40 });
    expect(rows.expiryBase(slot)).toBe(50);
    rows.put(slot, 'w', { origin: 1, sequence: 2, stamp: 60 });
    expect([rows.expiryBase(slot), rows.touches?.size]).toEqual([60, 0]);
    rows.touches?.note(slot, 70);
    rows.remove(slot, { origin: 1, sequence: 3, stamp: 80 });
    expect(rows.touches?.size).toBe(0);
  });

  it('are bounded: the value is written again beyond them', async () => {
    const touches = new Touches();
    for (let slot = 0; slot <= MAX_TOUCHED; slot++) touches.note(slot, 1);
    expect([touches.size, touches.of(0), touches.of(MAX_TOUCHED)]).toEqual([MAX_TOUCHED, 0, 1]);
    const cluster = await createCluster({ size: 1 });
    const node = cluster.node(0);
    const table = node.table('t', { ...lived, backend: 'memory', writeExpire: '1h' });
    const keys = Array.from({ length: MAX_TOUCHED + 1 }, (_, key) => `${key}`);
    for (let at = 0; at < keys.length; at += 8192) {
      node.batch(() => keys.slice(at, at + 8192).forEach((key) => table.set(key, 'v')));
      await cluster.run(10);
    }
    for (let at = 0; at < keys.length; at += 8192) {
      node.batch(() => keys.slice(at, at + 8192).forEach((key) => table.touch(key)));
      await cluster.run(10);
    }
    const kinds = await told(cluster, 0);
    expect([kinds.at(-2), kinds.at(-1)]).toEqual(['touch', 'set']);
    await cluster.close();
  });
});
