import { describe, expect, it } from 'vitest';
import type { Conflict, Operation } from '../../src/index.ts';
import { clustersOfATest } from '../support/clusters-of-a-test.ts';
import { readLog } from '../support/read-log.ts';
import { reported, truth } from './oracle.ts';
import { Storm, type StormTable, inOrder, sorted } from './storm.ts';
import { writeAndSwitch } from './write-and-switch.ts';

const declaration = { key: 'string', value: 'count' } as const;
const clusterOf = clustersOfATest();

describe('table.switchMode', () => {
  it('switches the table on every node, with one operation in the log of the node that does it', async () => {
    const cluster = await clusterOf({ size: 3, topology: 'chain' });
    const tables: StormTable[] = cluster.declare('t', declaration);
    tables[0]!.set('k', 1);
    await cluster.run(1000);
    await cluster.time.until(tables[1]!.switchMode('lww'));
    await cluster.run(1000);
    expect(tables.map(({ mode }) => mode)).toEqual(['lww', 'lww', 'lww']);
    expect(tables.map(sorted)).toEqual([[['k', 1]], [['k', 1]], [['k', 1]]]);
    const log = await cluster.time.until(readLog(cluster.node(1)));
    expect(log.map(({ kind, key, value }) => [kind, key, value])).toEqual([
      ['set', 'k', 1],
      ['switch', undefined, 'lww'],
    ]);
    for (const { events } of cluster.members)
      expect(events.filter(({ code }) => code === 'mode-switched')).toHaveLength(1);
  });

  it('goes on from the rows of the node that switches, and reports what differed elsewhere', async () => {
    const cluster = await clusterOf({ size: 2 });
    const tables: StormTable[] = cluster.declare('t', declaration);
    await cluster.run(1000);
    tables[0]!.set('both', 1);
    tables[1]!.set('both', 2);
    await cluster.run(1000);
    expect(tables.map((table) => table.get('both'))).toEqual([2, 1]);
    const lost: Conflict<string, number | bigint>[] = [];
    tables[1]!.conflicts.subscribe((conflict) => lost.push(conflict));
    await cluster.time.until(tables[0]!.switchMode('lww'));
    await cluster.run(1000);
    expect(tables.map((table) => table.get('both'))).toEqual([2, 2]);
    expect(lost.map(({ key, kept, lost: side }) => [key, kept.value, side.value])).toEqual([['both', 2, 1]]);
  });

  it.each(
    (['naive', 'lww', 'automerge'] as const).flatMap((from) =>
      (['naive', 'lww', 'automerge'] as const).filter((to) => to !== from).map((to) => ({ from, to })),
    ),
  )('tells of what is removed in the turn of a switch as it was: $from to $to', async ({ from, to }) => {
    const cluster = await clusterOf({ size: 3 });
    const tables = cluster.declare('t', { key: 'string', value: 'string', mode: from });
    tables[0]!.set('kept', 'a').set('just before', 'b').set('just behind', 'c').set('later', 'd');
    await cluster.run(2000);
    const told: string[] = [];
    for (const [index, table] of tables.entries()) {
      table.conflicts.subscribe(({ key }) => told.push(`${index} conflict ${key}`));
      table.changes.subscribe(({ kind, key, origin, operation }) =>
        told.push(`${index} ${kind} ${key} ${origin.split('@')[0]} ${operation.time > 0}`),
      );
    }
    tables[1]!.delete('just before');
    const switched = tables[1]!.switchMode(to);
    tables[1]!.delete('just behind');
    await cluster.time.until(switched);
    await cluster.run(2000);
    tables[2]!.delete('later');
    await cluster.run(2000);
    const removed = [0, 1, 2].flatMap((index) => [
      `${index} removed just before n1 true`,
      `${index} removed just behind n1 true`,
      `${index} removed later n2 true`,
    ]);
    expect(told.toSorted()).toEqual(removed);
    expect(tables.map((table) => [...table])).toEqual([0, 1, 2].map(() => [['kept', 'a']]));
  });

  it.each(['lww', 'automerge'] as const)(
    'takes nothing for lost that was removed before the switch to %s by an operation that comes with it',
    async (to) => {
      const cluster = await clusterOf({ size: 2 });
      const tables: StormTable[] = cluster.declare('t', declaration);
      tables[0]!.set('removed', 1).set('both', 0);
      await cluster.run(2000);
      const lost: string[] = [];
      tables[1]!.conflicts.subscribe(({ key }) => lost.push(key));
      cluster.setCut(0, 1, true);
      tables[0]!.delete('removed');
      await cluster.time.until(tables[0]!.switchMode(to));
      cluster.setCut(0, 1, false);
      await cluster.run(10_000);
      expect(tables.map(sorted)).toEqual([0, 1].map(() => [['both', 0]]));
      expect(lost).toEqual([]);
    },
  );

  it('reports what was missing where the mode was switched', async () => {
    const cluster = await clusterOf({ size: 3 });
    const tables: StormTable[] = cluster.declare('t', declaration);
    await cluster.run(1000);
    cluster.setCut(1, 2, true);
    tables[1]!.delete('apart');
    tables[0]!.set('apart', 3);
    await cluster.run(1000);
    cluster.setCut(1, 2, false);
    await cluster.run(2000);
    expect(tables.map((table) => table.has('apart'))).toEqual([false, true, false]);
    const lost: unknown[] = [];
    tables[1]!.conflicts.subscribe(({ key, lost: { value } }) => lost.push([key, value]));
    await cluster.time.until(tables[2]!.switchMode('lww'));
    await cluster.run(2000);
    expect(tables[1]!.has('apart')).toBe(false);
    expect(lost).toEqual([['apart', 3]]);
  });

  it('takes a key once that was removed or written while the checkpoint of the switch was made', async () => {
    const cluster = await clusterOf({ size: 2, commitMs: [5, 5] });
    const tables = cluster.declare('t', { key: 'string', value: 'string', backend: 'sqlite' });
    await cluster.run(1000);
    for (let index = 0; index < 10; index++) tables[0]!.set(`k${index}`, 'before');
    await cluster.run(1000);
    cluster.setCut(0, 1, true);
    for (let index = 0; index < 5; index++) tables[1]!.set(`k${index}`, 'elsewhere');
    await cluster.run(100);
    const node = cluster.node(1);
    const after = node.log.position;
    const live: Operation[] = [];
    const following = node.log.operations({ after }).subscribe((operation) => live.push(operation));
    const switched = tables[0]!.switchMode('lww');
    cluster.setCut(0, 1, false);
    // Rows and removals go into the checkpoint one after the other, each when the disk has what is before it.
    for (let step = 0; step < 400; step++) {
      const key = `k${step % 10}`;
      if (!tables[0]!.delete(key)) tables[0]!.set(key, `step ${step}`);
      await cluster.run(6);
    }
    await cluster.time.until(switched);
    await cluster.run(5000);
    following.unsubscribe();
    const codes = cluster.members.flatMap(({ events }) => events.map(({ code }) => code));
    expect(codes).not.toContain('frame-refused');
    expect(codes).not.toContain('operations-refused');
    expect(codes).not.toContain('operations-refused');
    expect(await cluster.time.until(readLog(node, { after }))).toEqual(live);
    expect(new Map(tables[1])).toEqual(new Map(tables[0]));
    expect(await cluster.time.until(node.log.stateAt({ table: 't' }))).toEqual(new Map(tables[1]));
  });

  it('carries over what another node wrote without knowing of the switch', async () => {
    const cluster = await clusterOf({ size: 2 });
    const tables: StormTable[] = cluster.declare('t', { ...declaration, backend: 'sqlite' });
    tables[0]!.set('old', 1);
    await cluster.run(1000);
    cluster.setCut(0, 1, true);
    tables[1]!.set('new', 2);
    tables[1]!.set('old', 3);
    await cluster.time.until(tables[0]!.switchMode('lww'));
    cluster.setCut(0, 1, false);
    await cluster.run(30_000);
    expect(tables.map(sorted)).toEqual([
      [
        ['new', 2],
        ['old', 3],
      ],
      [
        ['new', 2],
        ['old', 3],
      ],
    ]);
  });

  it('carries a write over that had arrived before its author heard of the switch', async () => {
    const cluster = await clusterOf({ size: 2 });
    const tables: StormTable[] = cluster.declare('t', declaration);
    await cluster.run(1000);
    cluster.route(0, 1).delayMs = [500, 500];
    const switching = tables[0]!.switchMode('lww');
    tables[1]!.set('k', 1);
    tables[1]!.delete('other');
    await cluster.time.until(switching);
    await cluster.run(100);
    expect(tables[0]!.has('k')).toBe(false);
    await cluster.run(5000);
    expect(tables.map((table) => table.get('k'))).toEqual([1, 1]);
  });

  it('settles two switches at once on the same one', async () => {
    const cluster = await clusterOf({ size: 3 });
    const tables: StormTable[] = cluster.declare('t', { ...declaration, mode: 'lww' });
    await cluster.run(1000);
    tables[0]!.set('k', 1);
    await cluster.run(1000);
    const both = [tables[0]!.switchMode('naive'), tables[1]!.switchMode('naive')];
    tables[0]!.set('a', 1);
    tables[1]!.set('b', 2);
    await cluster.time.until(Promise.all(both));
    await cluster.run(5000);
    expect(tables.map(({ mode }) => mode)).toEqual(['naive', 'naive', 'naive']);
    const rows = [
      ['a', 1],
      ['b', 2],
      ['k', 1],
    ];
    expect(tables.map(sorted)).toEqual([rows, rows, rows]);
    const by = cluster.members.map(({ events }) => events.findLast(({ code }) => code === 'mode-switched'));
    expect(by.map((event) => String(event?.details?.['by']).slice(0, 2))).toEqual(['n1', 'n1', 'n1']);
  });

  it('is remembered over a restart, from the log and from a checkpoint', async () => {
    const cluster = await clusterOf({ size: 2 });
    const sqlite = { ...declaration, backend: 'sqlite' } as const;
    cluster.declare('t', sqlite)[0]!.set('k', 1);
    await cluster.run(1000);
    await cluster.time.until(cluster.node(0).table('t', sqlite).switchMode('lww'));
    await cluster.run(1000);
    for (const index of [0, 1]) {
      await cluster.stop(index);
      await cluster.start(index, (node) => void node.table('t', sqlite));
      const table = cluster.node(index).table('t', { ...sqlite, mode: 'lww' });
      expect([table.mode, [...table]]).toEqual(['lww', [['k', 1]]]);
    }
  });

  it('carries over after a restart what a node could not write again because it was closing', async () => {
    const cluster = await clusterOf({ size: 2, commitMs: [200, 200], checkpointAfter: 1 });
    const durable = { ...declaration, backend: 'sqlite' } as const;
    const tables: StormTable[] = cluster.declare('t', durable);
    for (let index = 0; index < 20; index++) tables[1]!.set(`k${index}`, index);
    await cluster.run(5000);
    const switched = tables[0]!.switchMode('lww');
    await cluster.run(150);
    tables[1]!.set('late', 1);
    const codes: string[] = [];
    cluster.node(1).events.subscribe(({ code }) => codes.push(code));
    // The switch comes while what was just written is flushed.
    await cluster.stop(1);
    expect(codes).toContain('mode-switched');
    await cluster.time.until(switched);
    await cluster.start(1, (node) => void node.table('t', durable));
    await cluster.run(20_000);
    for (const { up } of cluster.members) {
      const table: StormTable = up.table('t', durable);
      expect([table.mode, table.size, table.get('late')]).toEqual(['lww', 21, 1]);
    }
  });

  it('carries over what a full disk did not take, as soon as it has room again', async () => {
    let full = false;
    const outcome = (index: number) => (full && index === 1 ? 'full' : 'kept');
    const cluster = await clusterOf({ size: 2, outcome });
    const tables: StormTable[] = cluster.declare('t', { ...declaration, backend: 'sqlite' });
    await cluster.run(1000);
    cluster.setCut(0, 1, true);
    tables[1]!.set('late', 1);
    await cluster.run(100);
    full = true;
    tables[1]!.set('too much', 1);
    await cluster.run(100);
    expect(() => tables[1]!.set('refused', 1)).toThrow(expect.objectContaining({ code: 'BACKEND_FULL' }));
    await cluster.time.until(tables[0]!.switchMode('lww'));
    cluster.setCut(0, 1, false);
    await cluster.run(20_000);
    expect(tables.map((table) => [table.mode, table.get('late')])).toEqual([
      ['lww', undefined],
      ['lww', undefined],
    ]);
    full = false;
    await cluster.run(20_000);
    expect(tables.map((table) => [table.get('late'), table.get('too much')])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it('reaches a node that was never there, and one that was away', async () => {
    const cluster = await clusterOf({ size: 3, topology: 'star' });
    const tables: StormTable[] = cluster.declare('t', { ...declaration, backend: 'sqlite' });
    await cluster.run(1000);
    await cluster.stop(2);
    tables[1]!.set('k', 1);
    await cluster.time.until(tables[1]!.switchMode('lww'));
    await cluster.run(1000);
    await cluster.stop(1);
    await cluster.start(2, (node) => void node.table('t', { ...declaration, backend: 'sqlite' }));
    await cluster.run(5000);
    const late: StormTable = cluster.node(2).table('t', { ...declaration, backend: 'sqlite' });
    expect([late.mode, late.get('k')]).toEqual(['lww', 1]);
  });

  it('does nothing when the mode is in force already, and refuses a batch', async () => {
    const cluster = await clusterOf({ size: 1 });
    const [table] = cluster.declare('t', declaration);
    await table!.switchMode('naive');
    expect(cluster.node(0).log.position).toBe(0);
    let refused: Promise<void> | undefined;
    cluster.node(0).batch(() => {
      refused = table!.switchMode('lww');
    });
    await expect(refused).rejects.toMatchObject({ code: 'OPTION_INVALID' });
    expect(table!.mode).toBe('naive');
  });

  it('loses no write, whoever switches when, under partitions and restarts', async () => {
    for (let seed = 1; seed <= 15; seed++) {
      const { missing, close } = await writeAndSwitch(seed);
      expect(missing, `seed ${seed}`).toEqual([[], [], []]);
      await close();
    }
  });

  it.each([1, 2, 3, 4].map((block) => block * 1000))(
    'ends every storm in one mode everywhere, convergent tables equal, naive ones different where reported (seeds from %i)',
    async (first) => {
      for (let seed = first; seed < first + 5; seed++) {
        const storm = new Storm({
          seed,
          mode: (['naive', 'lww', 'automerge'] as const)[seed % 3] ?? 'naive',
          backend: seed % 4 < 2 ? 'sqlite' : 'memory',
          sometimes: (table, random) => {
            if (random.chance(0.5))
              void table.switchMode(random.pick(['naive', 'lww', 'automerge'])).catch(() => undefined);
          },
        });
        await storm.start();
        await storm.blow();
        await storm.calm(30_000);
        const tables = storm.tables();
        const modes = tables.map(({ mode }) => mode);
        expect(modes, `seed ${seed}`).toEqual(modes.map(() => modes[0]));
        const rows = tables.map(sorted);
        if (modes[0] !== 'naive') expect(rows, `seed ${seed}`).toEqual(rows.map(() => rows[0]));
        const byId = new Map(storm.cluster.members.map(({ id, up }) => [id, storm.declare(up)]));
        for (const { id, up, index } of storm.cluster.members) {
          expect(reported(byId.get(id)!), `${id}, seed ${seed}`).toEqual(truth(up, byId));
          const state = await storm.cluster.time.until(up.log.stateAt({ table: 't' }));
          expect(inOrder(state), `replay of ${id}, seed ${seed}`).toEqual(rows[index]);
        }
        await storm.cluster.close();
      }
    },
  );
});
