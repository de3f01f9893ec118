import { describe, expect, it } from 'vitest';
import type { Duration, MapTable, TableDeclaration } from '../../src/index.ts';
import { type Cluster, type ClusterOptions, createCluster } from '../support/cluster.ts';

type Numbers = MapTable<string, number | bigint>;
type Lifetime = Pick<TableDeclaration, 'mode' | 'backend'> &
  ({ readonly createExpire?: Duration } | { readonly writeExpire?: Duration });

const counts = { key: 'string', value: 'count' } as const;

const DAY = 24 * 3_600_000;
const MINUTE = 60_000;
/** What another node than the author waits at most: the grace, and a step of the clock. */
const LATEST_MS = 4000 + 1000;

/** A cluster whose tables have met, and when each node's rows went, in milliseconds since then. */
class Scene {
  readonly cluster: Cluster;
  readonly tables: Numbers[];
  readonly #begin: number;
  readonly #gone: Map<string, number>[];

  private constructor(cluster: Cluster, tables: Numbers[]) {
    this.cluster = cluster;
    this.tables = tables;
    this.#begin = cluster.time.now;
    this.#gone = tables.map((table) => {
      const gone = new Map<string, number>();
      table.changes.subscribe(({ kind, key }) => {
        if (kind === 'expired') gone.set(key, cluster.time.now - this.#begin);
      });
      return gone;
    });
  }

  static async open(declaration: Lifetime, options: Partial<ClusterOptions> = {}): Promise<Scene> {
    const cluster = await createCluster({ size: 2, ...options });
    const tables = cluster.declare('t', { ...counts, ...declaration });
    await cluster.run(1000);
    return new Scene(cluster, tables);
  }

  table(index: number): Numbers {
    return this.tables[index] as Numbers;
  }

  /** Lets time pass until `ms` since the beginning. */
  async at(ms: number): Promise<void> {
    await this.cluster.run(this.#begin + ms - this.cluster.time.now);
  }

  skew(index: number, ms: number): void {
    const { environment } = this.cluster.member(index);
    if (environment !== undefined) environment.skewMs = ms;
  }

  /** When a key's row went, on each node. */
  gone(key = 'k'): (number | undefined)[] {
    return this.#gone.map((gone) => gone.get(key));
  }

  sizes(): number[] {
    return this.tables.map(({ size }) => size);
  }

  async cut(cut: boolean): Promise<void> {
    this.cluster.setCut(0, 1, cut);
    await this.cluster.run(1);
  }
}

function between(times: readonly (number | undefined)[], least: number, most: number): void {
  for (const time of times) {
    expect(time).toBeGreaterThanOrEqual(least);
    expect(time).toBeLessThanOrEqual(most);
  }
}

describe('deadlines that count from the creation of a row', () => {
  it.each(['lww', 'automerge'] as const)(
    'are those of the row that stands, not of the one that happened to be there (%s)',
    async (mode) => {
      const scene = await Scene.open({ mode, createExpire: '40s' });
      await scene.cut(true);
      await scene.at(3000);
      scene.table(0).set('k', 1);
      await scene.at(15_000);
      scene.table(1).set('k', 2);
      await scene.at(20_000);
      await scene.cut(false);
      await scene.at(30_000);
      const winner = scene.table(0).get('k');
      const due = winner === 2 ? 55_000 : 43_000;
      expect(scene.table(1).get('k')).toBe(winner);
      await scene.at(70_000);
      between(scene.gone(), due, due + 2000);
      await scene.cluster.close();
    },
  );

  it.each(['naive', 'lww', 'automerge'] as const)(
    'stay where both authors of concurrent writes go on with a row that they knew (%s)',
    async (mode) => {
      const scene = await Scene.open({ mode, createExpire: '40s' });
      scene.table(0).set('k', 1);
      await scene.at(1000);
      await scene.cut(true);
      await scene.at(5000);
      scene.table(0).set('k', 2);
      await scene.at(6000);
      scene.table(1).set('k', 3);
      await scene.at(10_000);
      await scene.cut(false);
      await scene.at(60_000);
      between(scene.gone(), 40_000, 40_000 + LATEST_MS);
      await scene.cluster.close();
    },
  );

  it('begin anew with a write whose author had seen the row removed, also where the removal lost', async () => {
    const scene = await Scene.open({ mode: 'lww', createExpire: '40s' }, { size: 3 });
    const { cluster } = scene;
    scene.table(0).set('k', 1);
    await scene.at(1000);
    cluster.setCut(0, 1, true);
    cluster.setCut(1, 2, true);
    await scene.at(5000);
    scene.table(0).delete('k');
    await scene.at(6000);
    scene.table(1).set('k', 2);
    await scene.at(20_000);
    scene.table(2).set('k', 3);
    await scene.at(21_000);
    cluster.setCut(0, 1, false);
    cluster.setCut(1, 2, false);
    await scene.at(80_000);
    between(scene.gone(), 60_000, 62_000);
    await cluster.close();
  });

  it.each(['delete', 'clear'] as const)(
    'begin anew with a write whose author had lost the row to a %s that it came behind here (naive)',
    async (removal) => {
      const scene = await Scene.open({ mode: 'naive', createExpire: '20s' });
      scene.table(0).set('k', 1);
      if (removal === 'delete') scene.table(1).delete('k');
      else scene.table(1).clear();
      await scene.at(1000);
      expect(scene.sizes()).toEqual([0, 1]);
      await scene.at(15_000);
      scene.table(0).set('k', 2);
      await scene.at(60_000);
      between(scene.gone(), 35_000, 35_000 + LATEST_MS);
      await scene.cluster.close();
    },
  );

  it('begin anew behind a row that was over when it came, and a removal that its author lost it to (naive)', async () => {
    const scene = await Scene.open({ mode: 'naive', createExpire: '20s' });
    await scene.cut(true);
    scene.table(0).set('k', 1);
    scene.table(1).delete('k');
    await scene.at(22_000);
    scene.table(0).set('k', 2);
    await scene.at(23_000);
    await scene.cut(false);
    await scene.at(30_000);
    expect(scene.sizes()).toEqual([0, 1]);
    scene.table(0).set('k', 3);
    await scene.at(80_000);
    between(scene.gone(), 50_000, 50_000 + LATEST_MS);
    await scene.cluster.close();
  });

  it('begin anew with a write whose author had let another row go (naive)', async () => {
    const scene = await Scene.open({ mode: 'naive', createExpire: '20s' });
    await scene.cut(true);
    scene.table(0).set('k', 1);
    await scene.at(10_000);
    scene.table(1).set('k', 2);
    await scene.cut(false);
    await scene.at(25_500);
    expect(scene.sizes()).toEqual([1, 0]);
    scene.table(1).set('k', 3);
    await scene.at(60_000);
    between(scene.gone(), 45_500, 45_500 + LATEST_MS);
    await scene.cluster.close();
  });

  it('begin anew so also for a node that has only a checkpoint of what its row replaced (naive)', async () => {
    const declaration = { mode: 'naive', backend: 'sqlite', createExpire: '20s' } as const;
    const scene = await Scene.open(declaration, { checkpointAfter: 1 });
    const { cluster } = scene;
    await scene.cut(true);
    scene.table(0).set('k', 1);
    await scene.at(10_000);
    scene.table(1).set('k', 2);
    await scene.cut(false);
    await scene.at(15_000);
    expect(cluster.member(0).disk.checkpoints.size).toBe(1);
    await cluster.stop(0);
    const gone: number[] = [];
    const began = cluster.time.now - 15_000;
    await cluster.start(0, (node) => {
      const table = node.table('t', { ...counts, ...declaration });
      table.changes.subscribe(({ kind }) => {
        if (kind === 'expired') gone.push(cluster.time.now - began);
      });
    });
    await scene.at(25_500);
    expect(scene.sizes()[1]).toBe(0);
    scene.table(1).set('k', 3);
    await scene.at(60_000);
    between([...gone, scene.gone()[1]], 45_500, 45_500 + LATEST_MS);
    await cluster.close();
  });

  it('begin anew with a row that is removed and written in one turn (automerge)', async () => {
    const cluster = await createCluster({ size: 2 });
    const [here, there] = cluster.declare('t', {
      key: 'string',
      value: 'count',
      mode: 'automerge',
      createExpire: '40s',
    });
    here?.set('k', 1);
    await cluster.run(10_000);
    here?.delete('k');
    here?.set('k', 2);
    await cluster.run(1000);
    cluster.crash(0);
    await cluster.run(38_000);
    expect(there?.size).toBe(1);
    await cluster.run(1000 + LATEST_MS);
    expect(there?.size).toBe(0);
    await cluster.close();
  });

  it('are those of a write that a removal uncovers, not of the removed one (automerge)', async () => {
    const scene = await Scene.open({ mode: 'automerge', createExpire: '40s' }, { size: 3 });
    const { cluster } = scene;
    const link = (one: number, other: number, isUp: boolean): void => cluster.setCut(one, other, !isUp);
    for (const other of [1, 2]) link(0, other, false);
    for (const value of [4, 5, 6]) {
      scene.table(1).set('k', value);
      await cluster.run(100);
    }
    await scene.at(30_000);
    scene.table(0).set('k', 1);
    link(1, 2, false);
    await scene.at(31_000);
    scene.table(2).delete('k');
    link(0, 1, true);
    await scene.at(33_000);
    expect(scene.table(1).get('k')).toBe(6);
    for (const other of [0, 1]) link(other, 2, true);
    await scene.at(36_000);
    expect(scene.tables.map((table) => table.get('k'))).toEqual([1, 1, 1]);
    await scene.at(80_000);
    between(scene.gone(), 70_000, 70_000 + LATEST_MS);
    await cluster.close();
  });

  it('stay while increments of a counter cross', async () => {
    const scene = await Scene.open({ mode: 'automerge', createExpire: '20s' });
    scene.table(0).increment('k');
    for (let second = 1; second < 19; second++) {
      await scene.at(second * 1000);
      for (const table of scene.tables) table.increment('k');
    }
    await scene.at(30_000);
    between(scene.gone(), 20_000, 22_000);
    await scene.cluster.close();
  });
});

describe('deadlines that count from the latest write', () => {
  it('are looked at in time where a row comes to stand that is due earlier', async () => {
    const scene = await Scene.open({ writeExpire: '20s' });
    await scene.cut(true);
    scene.table(0).set('k', 1);
    await scene.at(15_000);
    scene.table(1).set('k', 2);
    await scene.at(15_100);
    await scene.cut(false);
    await scene.at(50_000);
    const [here, there] = scene.gone();
    expect(there).toBeLessThanOrEqual(24_000 + 1000);
    expect(there).toBeGreaterThanOrEqual(20_000);
    between([here], 35_000, 35_000 + LATEST_MS);
    await scene.cluster.close();
  });
});

describe('deadlines under clocks that are wrong', () => {
  const modes = ['naive', 'lww', 'automerge'] as const;

  it.each(modes)('are not put off by one write of a peer that is four minutes ahead (%s)', async (mode) => {
    const scene = await Scene.open({ mode, createExpire: '3s' }, { size: 3 });
    scene.skew(1, 4 * MINUTE);
    scene.table(1).set('ahead', 1);
    await scene.at(1000);
    // Itself it would let the rows of others go, by its own clock.
    scene.cluster.crash(1);
    scene.table(0).set('k', 1);
    scene.table(2).set('other', 1);
    await scene.at(30_000);
    const right = (key: string): (number | undefined)[] => scene.gone(key).filter((_, index) => index !== 1);
    between(right('k'), 4000, 4000 + 1000);
    between(right('other'), 4000, 4000 + 1000);
    between(right('ahead'), 3000, 3000 + LATEST_MS);
    await scene.cluster.close();
  });

  it('are not put off by writes that go on with a row from a clock ahead', async () => {
    const scene = await Scene.open({ mode: 'lww', createExpire: '5s' });
    scene.skew(1, 4 * MINUTE);
    scene.table(1).set('k', 1);
    for (let second = 1; second < 5; second++) {
      await scene.at(second * 1000);
      scene.table(0).set('k', second);
    }
    await scene.at(20_000);
    between(scene.gone(), 5000, 5000 + 2000);
    await scene.cluster.close();
  });

  it.each(modes)('are not put off for long by a jump of 31 days that is corrected (%s)', async (mode) => {
    const scene = await Scene.open({ mode, createExpire: '3s' }, { size: 3 });
    scene.table(0).set('before', 1);
    await scene.at(1000);
    scene.skew(1, 31 * DAY);
    scene.table(1).set('during', 1);
    await scene.at(2000);
    scene.skew(1, 0);
    scene.table(1).set('after', 1);
    await scene.at(30_000);
    expect(scene.sizes()).toEqual([0, 0, 0]);
    between(scene.gone('before'), 3000, 3000 + LATEST_MS);
    between([scene.gone('during')[1]], 4000, 4000 + LATEST_MS);
    between([scene.gone('after')[1]], 5000, 5000 + LATEST_MS);
    await scene.cluster.close();
  });

  it('do not count from what a clock said before it was corrected, however long ago it was read', async () => {
    const scene = await Scene.open({ mode: 'lww', writeExpire: '3s' }, { size: 1 });
    scene.skew(0, 50_000);
    scene.table(0).set('first', 1);
    await scene.at(3100);
    scene.table(0).delete('nothing');
    await scene.at(20_000);
    expect(scene.sizes()).toEqual([0]);
    scene.skew(0, 0);
    scene.table(0).set('k', 1);
    await scene.at(30_000);
    between(scene.gone(), 23_000, 24_000);
    await scene.cluster.close();
  });

  it('are not put off beyond a lifetime by a restart of every node after the jump', async () => {
    const scene = await Scene.open({ backend: 'sqlite', writeExpire: '10s' });
    scene.skew(0, 31 * DAY);
    scene.table(0).set('k', 1);
    await scene.at(1000);
    for (const index of [0, 1]) await scene.cluster.stop(index);
    const again: Numbers[] = [];
    for (const index of [0, 1])
      await scene.cluster.start(index, (node) => {
        again.push(node.table('t', { ...counts, backend: 'sqlite', writeExpire: '10s' }));
      });
    await scene.cluster.run(9000);
    expect(again.map(({ size }) => size)).toEqual([1, 1]);
    await scene.cluster.run(1000 + LATEST_MS);
    expect(again.map(({ size }) => size)).toEqual([0, 0]);
    await scene.cluster.close();
  });
});
