import { afterEach, describe, expect, it } from 'vitest';
import type { MapTable, TableDeclaration } from '../../src/index.ts';
import { Cluster } from '../support/cluster.ts';

type Numbers = MapTable<string, number>;

/** Long enough to meet, and too short to notice that a peer is silent. */
const SOON_MS = 2000;
/** In this time nodes meet again after a cut. */
const HEALED_MS = 60_000;

const declarationOf = (mode: 'naive' | 'lww' | 'automerge'): TableDeclaration =>
  ({ key: 'string', value: 'count', backend: 'sqlite', mode }) as const;

const BEGUN_ANEW: TableDeclaration = { ...declarationOf('lww'), backend: 'memory' };

/** Three nodes that are all connected, of which the third hears of the first only through the second. */
class Detour {
  readonly cluster: Cluster;
  readonly conflicts: string[] = [];
  readonly #declaration: TableDeclaration;

  private constructor(cluster: Cluster, declaration: TableDeclaration) {
    this.cluster = cluster;
    this.#declaration = declaration;
  }

  static async of(
    mode: 'naive' | 'lww' | 'automerge',
    options: { size?: number; checkpointAfter?: number | undefined; declaration?: TableDeclaration } = {},
  ): Promise<Detour> {
    const { size = 3, checkpointAfter, declaration = declarationOf(mode) } = options;
    const topology = [[], [0], [0, 1], [2]].slice(0, size);
    const detour = new Detour(new Cluster({ size, topology, delayMs: [1, 1], checkpointAfter }), declaration);
    for (let index = 0; index < 3; index++) await detour.start(index);
    await detour.cluster.run(SOON_MS);
    return detour;
  }

  async start(index: number): Promise<void> {
    await this.cluster.start(index, (node) => {
      const table = node.table('t', this.#declaration) as unknown as Numbers;
      table.conflicts.subscribe(({ key }) => this.conflicts.push(`n${index} ${key}`));
    });
  }

  table(index: number): Numbers {
    return this.cluster.node(index).tables.get('t') as unknown as Numbers;
  }

  /** From now on nothing of the first comes to the third, which has not noticed yet. */
  cut(): void {
    this.cluster.route(0, 2).cut = true;
  }

  async soon(): Promise<void> {
    await this.cluster.run(50);
  }

  async heal(): Promise<void> {
    this.cluster.route(0, 2).cut = false;
    this.cluster.network.changed();
    await this.cluster.run(HEALED_MS);
  }

  values(key: string): unknown[] {
    return this.cluster.members.flatMap(({ node, index }) =>
      node === undefined ? [] : [this.table(index).get(key)],
    );
  }
}

function remove(table: Numbers, how: 'delete' | 'clear'): void {
  if (how === 'clear') table.clear();
  else table.delete('gone');
}

let open: Detour | undefined;

afterEach(async () => {
  const told = open?.cluster.members.flatMap(({ events }) => events.map(({ code }) => code));
  if (told?.some((code) => code.endsWith('-refused')) === true)
    throw new Error('Nodes refused frames of each other.');
  await open?.cluster.close();
  open = undefined;
});

describe.each(['naive', 'lww', 'automerge'] as const)(
  'what comes after a write that had seen it, in %s',
  (mode) => {
    it('neither replaces it nor is told as a conflict', async () => {
      const detour = (open = await Detour.of(mode));
      detour.cut();
      detour.table(0).set('k', 1);
      detour.table(0).set('gone', 1);
      await detour.soon();
      detour.table(1).set('k', 2);
      detour.table(1).delete('gone');
      await detour.soon();
      await detour.heal();
      expect(detour.values('k')).toEqual([2, 2, 2]);
      expect(detour.values('gone')).toEqual([undefined, undefined, undefined]);
      expect(detour.conflicts).toEqual([]);
    });

    it('is no conflict with what both had seen', async () => {
      const detour = (open = await Detour.of(mode));
      detour.table(2).set('k', 1);
      await detour.soon();
      detour.cut();
      detour.table(0).set('k', 2);
      await detour.soon();
      detour.table(1).set('k', 3);
      await detour.soon();
      await detour.heal();
      expect(detour.values('k')).toEqual([3, 3, 3]);
      expect(detour.conflicts).toEqual([]);
    });

    it('stays behind a clear', async () => {
      const detour = (open = await Detour.of(mode));
      detour.cut();
      detour.table(0).set('k', 1);
      await detour.soon();
      detour.table(1).clear();
      await detour.soon();
      await detour.heal();
      expect(detour.values('k')).toEqual([undefined, undefined, undefined]);
      expect(detour.conflicts).toEqual([]);
    });
  },
);

describe('in naive mode, an operation that was overtaken', () => {
  it('leaves the rows that a clear had not seen, and takes those that it had', async () => {
    const detour = (open = await Detour.of('naive'));
    detour.table(0).set('old', 1);
    await detour.soon();
    detour.cut();
    detour.table(0).clear();
    await detour.soon();
    detour.table(1).set('new', 2);
    await detour.soon();
    await detour.heal();
    expect(detour.values('new')).toEqual([2, 2, 2]);
    expect(detour.values('old')).toEqual([undefined, undefined, undefined]);
    expect(detour.conflicts).toEqual([]);
  });

  it('stays behind what was written by somebody who had not seen it, after what had', async () => {
    const detour = (open = await Detour.of('naive'));
    detour.cut();
    detour.table(0).set('k', 1);
    await detour.soon();
    detour.table(1).set('k', 2);
    await detour.soon();
    detour.table(2).set('k', 3);
    await detour.soon();
    await detour.heal();
    expect(detour.values('k')).toEqual([3, 3, 3]);
    expect(detour.conflicts).toEqual([]);
  });

  it('is told and takes effect where the other’s author saw it only later', async () => {
    const detour = (open = await Detour.of('naive'));
    detour.cut();
    detour.cluster.setCut(0, 1, true);
    detour.table(0).set('k', 1);
    detour.table(1).set('k', 2);
    await detour.soon();
    detour.cluster.setCut(0, 1, false);
    await detour.cluster.run(200);
    expect(detour.conflicts.toSorted()).toEqual(['n0 k', 'n1 k']);
    detour.table(1).set('other', 1);
    await detour.soon();
    await detour.heal();
    expect(detour.values('k')).toEqual([2, 1, 1]);
    expect(detour.conflicts.toSorted()).toEqual(['n0 k', 'n1 k', 'n2 k']);
  });

  it.each([
    ['the log', undefined, 'delete'],
    ['a checkpoint', 1, 'delete'],
    ['a checkpoint', 1, 'clear'],
  ] as const)('stays behind it after a restart from %s (%s, %s)', async (_, checkpointAfter, removal) => {
    const detour = (open = await Detour.of('naive', { checkpointAfter }));
    detour.cut();
    for (const key of ['k', 'gone']) detour.table(0).set(key, 1);
    await detour.soon();
    remove(detour.table(1), removal);
    detour.table(1).set('k', 2);
    await detour.soon();
    detour.cluster.network.kill('ws://n2');
    await detour.cluster.stop(2);
    await detour.start(2);
    expect([...detour.table(2).entries()]).toEqual([['k', 2]]);
    await detour.heal();
    for (const index of [0, 1, 2]) expect([...detour.table(index).entries()]).toEqual([['k', 2]]);
    const replayed = await detour.cluster.time.until(detour.cluster.node(2).log.stateAt({ table: 't' }));
    expect([...replayed]).toEqual([['k', 2]]);
  });

  it.each(['delete', 'clear'] as const)(
    'stays behind it on a node that has a %s from a checkpoint',
    async (removal) => {
      const detour = (open = await Detour.of('naive', { size: 4 }));
      detour.cut();
      for (const key of ['k', 'gone']) detour.table(0).set(key, 1);
      await detour.soon();
      remove(detour.table(1), removal);
      for (let times = 0; times < 5000; times++) detour.table(1).set('k', 2);
      await detour.soon();
      await detour.start(3);
      await detour.cluster.run(SOON_MS);
      expect(detour.cluster.member(3).events.map(({ code }) => code)).toContain('checkpoint-adopted');
      expect([...detour.table(3).entries()]).toEqual([['k', 2]]);
      await detour.heal();
      for (const index of [0, 1, 2, 3]) expect([...detour.table(index).entries()]).toEqual([['k', 2]]);
      expect(detour.conflicts).toEqual([]);
    },
  );
});

it.each([
  { later: 1, conflicts: [] },
  { later: 2, conflicts: ['n2 k'] },
])(
  'what a write had seen is remembered of the latest two lives of its node: $later have begun since',
  async ({ later, conflicts }) => {
    const detour = (open = await Detour.of('lww', { declaration: BEGUN_ANEW }));
    detour.cut();
    detour.table(0).set('k', 1);
    await detour.soon();
    detour.table(1).set('k', 2);
    await detour.soon();
    detour.cluster.route(0, 1).cut = true;
    for (let life = 0; life < later; life++) {
      await detour.cluster.stop(1);
      await detour.start(1);
      await detour.soon();
      detour.table(1).set('other', life);
      await detour.cluster.run(SOON_MS);
    }
    detour.cluster.route(0, 1).cut = false;
    await detour.heal();
    expect(detour.values('k')).toEqual([2, 2, 2]);
    expect(detour.conflicts.filter((told) => told === 'n2 k')).toEqual(conflicts);
  },
);
