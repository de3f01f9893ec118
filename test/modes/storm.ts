import { expect } from 'vitest';
import type { MapTable, TableNode } from '../../src/index.ts';
import { Cluster } from '../support/cluster.ts';
import { SeededRandom } from '../support/seeded-random.ts';

/** One table under every kind of write, partition and restart, by a seed. */
export interface StormOptions {
  readonly seed: number;
  readonly mode: 'naive' | 'lww' | 'automerge';
  readonly backend?: 'memory' | 'sqlite';
  readonly size?: number;
  readonly steps?: number;
  readonly writeExpire?: number;
  readonly skewMs?: number;
  /** Called at random moments with a table, to do something of the test's own. */
  readonly sometimes?: (table: StormTable, random: SeededRandom) => void;
}

export type StormTable = MapTable<string, number | bigint>;

export class Storm {
  readonly cluster: Cluster;
  readonly random: SeededRandom;
  readonly #options: StormOptions;
  readonly #size: number;

  constructor(options: StormOptions) {
    this.#options = options;
    this.#size = options.size ?? 3;
    this.random = new SeededRandom(options.seed);
    const topology = this.random.pick(['mesh', 'star', 'chain', 'ring'] as const);
    this.cluster = new Cluster({ size: this.#size, seed: options.seed, topology, delayMs: [1, 40] });
  }

  readonly declare = (node: TableNode): StormTable => {
    const { mode, backend = 'sqlite', writeExpire } = this.#options;
    return node.table('t', { key: 'string', value: 'count', mode, backend, writeExpire });
  };

  tables(): StormTable[] {
    return this.cluster.members.flatMap(({ node }) => (node === undefined ? [] : [this.declare(node)]));
  }

  async start(): Promise<void> {
    const { skewMs = 0 } = this.#options;
    for (const member of this.cluster.members) {
      member.skewMs = this.random.between(-skewMs, skewMs);
      await this.cluster.start(member.index, (node) => void this.declare(node));
    }
  }

  /** Writes at random, under partitions and restarts. */
  async blow(): Promise<void> {
    for (let step = 0; step < (this.#options.steps ?? 60); step++) {
      const index = this.random.between(0, this.#size - 1);
      const { node } = this.cluster.member(index);
      if (node === undefined) await this.cluster.start(index, (fresh) => void this.declare(fresh));
      else this.#write(this.declare(node));
      if (this.random.chance(0.5)) await this.cluster.run(this.random.between(0, 60));
      if (this.random.chance(0.15)) await this.#disturb(index);
    }
  }

  /** Lets a test's own steps happen on nodes at random, under partitions and, with sqlite, orderly restarts. */
  async wander(
    steps: number,
    step: (table: StormTable, at: { index: number; step: number }) => void,
  ): Promise<void> {
    const { cluster, random, declare } = this;
    for (let at = 0; at < steps; at++) {
      const index = random.between(0, this.#size - 1);
      const { node } = cluster.member(index);
      if (node === undefined) {
        await cluster.start(index, (fresh) => void declare(fresh));
        continue;
      }
      step(declare(node), { index, step: at });
      if (random.chance(0.5)) await cluster.run(random.between(0, 80));
      const other = (index + 1) % this.#size;
      if (random.chance(0.1)) cluster.setCut(index, other, random.chance(0.5));
      if (random.chance(0.05)) cluster.reset(index, other);
      // What a memory node wrote last goes with it; an orderly stop of a sqlite node loses nothing.
      if (this.#options.backend !== 'memory' && random.chance(0.05)) await cluster.stop(index);
    }
  }

  #write(table: StormTable): void {
    const key = `k${this.random.between(0, 7)}`;
    const dice = this.random.next();
    if (this.#options.mode === 'automerge' && dice < 0.3) table.increment(key, this.random.between(1, 9));
    else if (dice < 0.6) table.set(key, this.random.between(0, 999));
    else if (dice < 0.85) table.delete(key);
    else if (dice < 0.9) table.clear();
    else this.#options.sometimes?.(table, this.random);
  }

  async #disturb(index: number): Promise<void> {
    const other = (index + this.random.between(1, this.#size - 1)) % this.#size;
    const dice = this.random.next();
    if (dice < 0.4) this.cluster.setCut(index, other, true);
    else if (dice < 0.7) this.cluster.setCut(index, other, false);
    else if (dice < 0.8) this.cluster.reset(index, other);
    else if (dice < 0.9) await this.cluster.stop(index);
    else this.cluster.crash(index);
  }

  /** Mends everything and lets the cluster come to rest. */
  async calm(ms = 60_000): Promise<void> {
    for (const { index, node } of this.cluster.members) {
      for (let other = 0; other < index; other++) this.cluster.setCut(index, other, false);
      if (node === undefined) await this.cluster.start(index, (fresh) => void this.declare(fresh));
    }
    await this.cluster.run(ms);
  }
}

/** A storm in which everything a mode's laws are about comes up among the seeds, come to rest. */
export async function stormAtRest(mode: StormOptions['mode'], seed: number): Promise<Storm> {
  const storm = new Storm({
    seed,
    mode,
    backend: seed % 2 === 0 ? 'sqlite' : 'memory',
    skewMs: seed % 3 === 0 ? 60_000 : 0,
    ...(seed % 5 < 2 ? { writeExpire: 300 } : {}),
  });
  await storm.start();
  await storm.blow();
  await storm.calm();
  return storm;
}

/** Every node has the same rows, and its log replays to them; gives them. */
export async function expectEqualRows(storm: Storm, seed: number): Promise<[string, number | bigint][]> {
  const rows = storm.tables().map(sorted);
  expect(rows, `seed ${seed}`).toEqual(rows.map(() => rows[0]));
  for (const { node, index } of storm.cluster.members) {
    const state = await storm.cluster.time.until(node!.log.stateAt({ table: 't' }));
    expect(inOrder(state), `replay of node ${index}, seed ${seed}`).toEqual(rows[0]);
  }
  return rows[0] ?? [];
}

/** The rows of a table in an order of their own. */
export function sorted(table: Iterable<[string, number | bigint]>): [string, number | bigint][] {
  return [...table].toSorted(([one], [other]) => (one < other ? -1 : 1));
}

/** The same of the state a log gives. */
export function inOrder(state: ReadonlyMap<unknown, unknown>): [string, number | bigint][] {
  return sorted(state as ReadonlyMap<string, number | bigint> as Map<string, number | bigint>);
}
