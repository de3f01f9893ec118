import type { Change, MapTable, TableNode } from '../../src/index.ts';
import { type Cluster, createCluster } from '../support/cluster.ts';
import { readLog } from '../support/read-log.ts';
import { SeededRandom } from '../support/seeded-random.ts';

type Rows = ReadonlyMap<string, number | bigint>;
type Counts = MapTable<string, number | bigint>;

const KEYS = ['a', 'b', 'c', 'd'];
const STEPS = 40;

/**
 * One node writes a table in runs of every shape: several operations on a key in one, batches that are kept and
 * batches that throw, with or without something unsealed before them, restarts in between; another follows. A plain
 * Map says what is right: of the rows here, there, after a restart, and at every position of either log.
 */
export class RunsUnderTest {
  readonly #random: SeededRandom;
  readonly #declaration;
  readonly #cluster: Cluster;
  readonly #model = new Map<string, number>();
  /** The rows behind each operation, by its position in the writer's log. */
  readonly #snapshots = new Map<number, Rows>([[0, new Map()]]);
  readonly #folded: Map<string, unknown>[] = [new Map(), new Map()];
  readonly #wrong: string[] = [];

  private constructor(cluster: Cluster, seed: number, kind: Kind) {
    this.#cluster = cluster;
    this.#random = new SeededRandom(seed);
    this.#declaration = { key: 'string', value: 'count', ...kind } as const;
  }

  static async begin(seed: number, kind: Kind): Promise<RunsUnderTest> {
    const cluster = await createCluster({ size: 2, seed });
    const world = new RunsUnderTest(cluster, seed, kind);
    for (const index of [0, 1]) world.#follow(index);
    await cluster.run(1000);
    return world;
  }

  #table(index: number): Counts {
    return this.#cluster.node(index).table('t', this.#declaration);
  }

  /** Folds the changes that a node tells, which must say truly what was there before. */
  #follow(index: number): void {
    const folded = this.#folded[index] as Map<string, unknown>;
    this.#table(index).changes.subscribe(
      ({ kind, key, value, previous }: Change<string, number | bigint>) => {
        const isNew = !folded.has(key);
        if ((kind === 'new') !== isNew || !Object.is(folded.get(key), previous))
          this.#wrong.push(`n${index}: ${kind} ${key}: ${String(previous)}, not ${String(folded.get(key))}`);
        if (kind === 'new' || kind === 'changed') folded.set(key, value);
        else folded.delete(key);
      },
    );
  }

  /** Writes, waits and restarts, then compares everything. Returns what is not as the model says. */
  async run(): Promise<readonly string[]> {
    for (let step = 0; step < STEPS; step++) await this.#step();
    await this.#settle();
    await this.#compare();
    await this.#cluster.close();
    return this.#wrong;
  }

  async #step(): Promise<void> {
    const dice = this.#random.next();
    if (dice < 0.6) this.#write();
    else if (dice < 0.8) this.#batch(0);
    else if (dice < 0.95) await this.#cluster.run(this.#random.between(0, 3));
    else if (this.#declaration.backend === 'sqlite') await this.#restart();
  }

  async #restart(): Promise<void> {
    await this.#settle();
    await this.#cluster.stop(0);
    await this.#cluster.start(0, () => this.#follow(0));
    this.#sameRows('reopened', this.#table(0), this.#model);
  }

  /** Until nothing is under way. */
  async #settle(): Promise<void> {
    await this.#cluster.run(5000);
  }

  #write(): void {
    const table = this.#table(0);
    const model = this.#model;
    const key = this.#random.pick(KEYS);
    const number = this.#random.between(0, 9);
    const dice = this.#random.next();
    if (dice < 0.4) {
      table.set(key, number);
      model.set(key, number);
    } else if (dice < 0.7) {
      table.increment(key, number);
      model.set(key, (model.get(key) ?? 0) + number);
    } else if (dice < 0.95) {
      table.delete(key);
      model.delete(key);
    } else {
      table.clear();
      model.clear();
    }
    this.#snapshots.set(this.#cluster.node(0).log.position, new Map(model));
  }

  /** A batch, and batches in it; of those that throw nothing happened. */
  #batch(depth: number): void {
    const node = this.#cluster.node(0);
    const before = { position: node.log.position, model: new Map(this.#model) };
    const isThrowing = this.#random.chance(0.5);
    try {
      node.batch(() => {
        for (let left = this.#random.between(0, 5); left >= 0; left--)
          if (depth < 2 && this.#random.chance(0.2)) this.#batch(depth + 1);
          else this.#write();
        if (isThrowing) throw new Thrown();
      });
    } catch (error) {
      if (!(error instanceof Thrown)) throw error;
      // An inner one takes the outer one with it.
      if (depth > 0) throw error;
      this.#takeBack(before);
    }
  }

  #takeBack({ position, model }: { readonly position: number; readonly model: Rows }): void {
    for (const written of this.#snapshots.keys()) if (written > position) this.#snapshots.delete(written);
    this.#model.clear();
    for (const [key, value] of model) this.#model.set(key, Number(value));
  }

  // Comparing ------------------------------------------------------------------------------------------

  #sameRows(what: string, found: Iterable<[unknown, unknown]>, right: Iterable<[string, unknown]>): void {
    const [one, other] = [found, right].map((rows) =>
      Array.from(rows, (row) => row.join(' '))
        .toSorted()
        .join(', '),
    );
    if (one !== other) this.#wrong.push(`${what}: ${one}, not ${other}`);
  }

  async #compare(): Promise<void> {
    const rights = [...this.#snapshots].toSorted(([one], [other]) => one - other).map(([, rows]) => rows);
    for (const [index, folded] of this.#folded.entries()) {
      this.#sameRows(`rows of n${index}`, this.#table(index), this.#model);
      this.#sameRows(`changes of n${index}`, folded, this.#model);
      await this.#compareLog(`n${index}`, this.#cluster.node(index), rights);
    }
  }

  /** Both logs have the operations of the one author in his order, at positions of their own. */
  async #compareLog(name: string, node: TableNode, rights: readonly Rows[]): Promise<void> {
    const { time } = this.#cluster;
    const operations = await time.until(readLog(node));
    if (operations.length !== rights.length - 1)
      this.#wrong.push(`${name} holds ${operations.length} operations, not ${rights.length - 1}`);
    for (const [index, { position, time: written }] of operations.entries()) {
      const found = await time.until(node.log.stateAt({ table: 't', position }));
      this.#sameRows(`${name} at ${position}`, found as Rows, rights[index + 1] as Rows);
      if (operations[index + 1]?.time === written) continue;
      const then = await time.until(node.log.stateAt({ table: 't', time: written }));
      this.#sameRows(`${name} at the time of ${position}`, then as Rows, rights[index + 1] as Rows);
    }
  }
}

/** What a table is declared with beside its types. */
export interface Kind {
  readonly mode: 'naive' | 'lww' | 'automerge';
  readonly backend: 'memory' | 'sqlite';
}

class Thrown extends Error {}
