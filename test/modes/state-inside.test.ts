import { describe, expect, it } from 'vitest';
import type { Operation } from '../../src/index.ts';
import type { Cluster } from '../support/cluster.ts';
import { clustersOfATest } from '../support/clusters-of-a-test.ts';
import { readLog } from '../support/read-log.ts';
import type { StormTable } from './storm.ts';

const counters = { key: 'string', value: 'count', mode: 'automerge' } as const;
const modes = (['naive', 'lww', 'automerge'] as const).map((mode) => ({ ...counters, mode }));
const clusterOf = clustersOfATest();

type Moment = { readonly position: number } | { readonly time: number };

/** The rows a node gives for a moment, as `a1 b2`. */
async function stateAt(cluster: Cluster, index: number, moment: Moment): Promise<string> {
  const { log } = cluster.node(index);
  const rows = await cluster.time.until(log.stateAt({ table: 't', ...moment }));
  const texts = Array.from(rows as ReadonlyMap<string, number>, ([key, value]) => `${key}${value}`);
  return texts.toSorted().join(' ');
}

/** The rows behind each operation of a node's log. */
async function statesOf(cluster: Cluster, index: number): Promise<string[]> {
  const states: string[] = [];
  for (const { position } of await cluster.time.until(readLog(cluster.node(index))))
    states.push(await stateAt(cluster, index, { position }));
  return states;
}

describe('stateAt inside a run', () => {
  const issue = ['x1', 'x10', 'x10 y5', 'x11 y5', 'x30 y5', 'x30'];

  it.each(modes)(
    'gives what each operation had made of the rows, on the author and elsewhere: $mode',
    async (kind) => {
      const cluster = await clusterOf({ size: 2 });
      const [one] = cluster.declare('t', kind);
      await cluster.run(1000);
      one!.set('x', 1);
      await cluster.run(1000);
      one!.set('x', 10).set('y', 5).increment('x', 1);
      one!.set('x', 30).delete('y');
      await cluster.run(1000);
      expect([await statesOf(cluster, 0), await statesOf(cluster, 1)]).toEqual([issue, issue]);
    },
  );

  it.each([
    ['counts what a removal ends', (t: StormTable) => (t.increment('x', 2), t.delete('x')), ['x3', '']],
    ['counts from a removal on', (t: StormTable) => (t.delete('x'), t.increment('x', 2)), ['', 'x2']],
    ['writes and clears', (t: StormTable) => (t.set('y', 5), t.clear(), t.set('x', 7)), ['x1 y5', '', 'x7']],
    [
      'counts what it then writes',
      (t: StormTable) => (t.increment('y', 2), t.set('y', 9)),
      ['x1 y2', 'x1 y9'],
    ],
    ['leaves nothing', (t: StormTable) => (t.increment('y', 2), t.delete('y')), ['x1 y2', 'x1']],
    [
      'begins a counter twice',
      (t: StormTable) => (t.increment('y', 2), t.delete('y'), t.increment('y', 3)),
      ['x1 y2', 'x1', 'x1 y3'],
    ],
    [
      'writes, removes and counts',
      (t: StormTable) => (t.set('y', 4), t.delete('y'), t.increment('y', 3)),
      ['x1 y4', 'x1', 'x1 y3'],
    ],
  ] as const)('of an author who %s', async (_, write, right) => {
    const cluster = await clusterOf({ size: 2 });
    const [one] = cluster.declare('t', counters);
    one!.set('x', 1);
    await cluster.run(1000);
    write(one as StormTable);
    await cluster.run(1000);
    for (const index of [0, 1]) expect((await statesOf(cluster, index)).slice(1)).toEqual(right);
  });

  it('shows what others had written meanwhile beside it, as the whole run leaves it', async () => {
    const cluster = await clusterOf({ size: 2 });
    const [one, two] = cluster.declare('t', counters);
    one!.set('x', 1).set('y', 1);
    await cluster.run(1000);
    cluster.setCut(0, 1, true);
    two!.increment('x', 100);
    two!.set('z', 5);
    await cluster.run(100);
    one!.increment('x', 1);
    one!.increment('x', 2);
    one!.delete('y');
    cluster.setCut(0, 1, false);
    await cluster.run(30_000);
    expect((await statesOf(cluster, 0)).slice(2)).toEqual(['x2 y1', 'x4 y1', 'x4', 'x104', 'x104 z5']);
    expect((await statesOf(cluster, 1)).slice(2)).toEqual([
      'x101 y1',
      'x101 y1 z5',
      'x102 y1 z5',
      'x104 y1 z5',
      'x104 z5',
    ]);
  });

  it('knows rows from before a switch that the rest of the run writes near', async () => {
    const cluster = await clusterOf({ size: 2 });
    const [one, two] = cluster.declare('t', { ...counters, mode: 'naive' });
    one!.set('x', 6).set('y', 1);
    await cluster.run(1000);
    await cluster.time.until(one!.switchMode('automerge'));
    await cluster.run(5000);
    two!.increment('x', 1);
    two!.delete('y');
    two!.delete('absent');
    two!.increment('x', 1);
    await cluster.run(1000);
    for (const index of [0, 1])
      expect((await statesOf(cluster, index)).slice(-4)).toEqual(['x7 y1', 'x7', 'x7', 'x8']);
  });

  it('goes on, by time, behind a run of which the end was written later', async () => {
    const cluster = await clusterOf({ size: 2 });
    // Half an hour ahead: what follows its writes is, by the clock, from before them.
    cluster.member(1).skewMs = 1_800_000;
    await cluster.stop(1);
    await cluster.start(1);
    const [one, two] = cluster.declare('t', counters);
    await cluster.run(5000);
    two!.set('ahead', 1).increment('ahead');
    await cluster.run(1000);
    one!.set('behind', one!.get('ahead') as number);
    await cluster.run(1000);
    const [, , last] = await cluster.time.until(readLog(cluster.node(0)));
    expect(await stateAt(cluster, 0, { time: (last as Operation).time })).toBe('behind2');
  });
});

describe('stateAt by time, of an author whose clock was set back', () => {
  it.each(modes)('knows the keys of what was written at a later time by that clock: $mode', async (kind) => {
    const cluster = await clusterOf({ size: 1 });
    const [one] = cluster.declare('t', kind);
    const { environment } = cluster.member(0);
    if (environment === undefined) throw new Error('The node has stopped.');
    environment.skewMs = 60_000;
    one!.set('a', 1);
    await cluster.run(1000);
    environment.skewMs = 0;
    one!.set('a', 2).set('b', 3);
    await cluster.run(1000);
    const [, set] = await cluster.time.until(readLog(cluster.node(0)));
    expect(await stateAt(cluster, 0, { time: (set as Operation).time })).toBe('a2 b3');
  });
});

describe('stateAt by time around switches of mode', () => {
  it('reads what was written before, between and behind them', async () => {
    const cluster = await clusterOf({ size: 2 });
    const [one, two] = cluster.declare('t', counters);
    const moments: number[] = [];
    const written = async (): Promise<void> => {
      await cluster.run(1000);
      moments.push(cluster.time.now);
      await cluster.run(10);
    };
    one!.increment('x', 1);
    await written();
    await cluster.time.until(one!.switchMode('lww'));
    await cluster.run(1000);
    two!.set('x', 5).set('y', 1);
    await written();
    await cluster.time.until(two!.switchMode('automerge'));
    await cluster.run(1000);
    one!.increment('x', 2);
    two!.increment('y', 1);
    await written();
    for (const [at, right] of ['x1', 'x5 y1', 'x7 y2'].entries())
      expect(await stateAt(cluster, at % 2, { time: moments[at] as number })).toBe(right);
    expect(await stateAt(cluster, 0, { time: (moments[0] as number) - 2000 })).toBe('');
  });
});

describe('stateAt inside a checkpoint that was taken over', () => {
  it.each(modes)('counts its rows up to the position, and up to the time: $mode', async (kind) => {
    const cluster = await clusterOf({ size: 2 });
    await cluster.stop(1);
    const [one] = cluster.declare('t', kind);
    // So many that a checkpoint is cheaper.
    for (let value = -400; value <= 3; value++) {
      for (const key of ['a', 'b', 'c', 'gone']) one!.set(key, Math.abs(value));
      if (value % 100 === 0) await cluster.run(10);
    }
    one!.delete('gone');
    await cluster.run(100);
    const { now } = cluster.time;
    await cluster.run(1000);
    one!.set('b', 4).set('d', 5);
    await cluster.start(1, (node) => void node.table('t', kind));
    await cluster.run(5000);
    const operations = await cluster.time.until(readLog(cluster.node(1)));
    const rows = operations.filter(({ kind: what }) => what === 'set');
    // The operations before it are not there: it came as a checkpoint.
    expect(rows.map(({ key, value }) => `${String(key)}${String(value)}`).toSorted()).toEqual([
      'a3',
      'b4',
      'c3',
      'd5',
    ]);
    const folded: string[] = [];
    for (const { key, value, position } of rows) {
      folded.push(`${String(key)}${String(value)}`);
      expect(await stateAt(cluster, 1, { position })).toBe(folded.toSorted().join(' '));
    }
    // What stood there before a row's last write only a document knows.
    expect(await stateAt(cluster, 1, { time: now })).toBe(kind.mode === 'automerge' ? 'a3 b3 c3' : 'a3 c3');
    one!.set('e', 6);
    await cluster.run(1000);
    expect(await stateAt(cluster, 1, { time: cluster.time.now })).toBe('a3 b4 c3 d5 e6');
  });
});
