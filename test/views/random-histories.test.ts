/** Views equal their questions asked anew, at every step of random histories of two nodes. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Difference, TableNode, View } from '../../src/index.ts';
import { type Cluster, createCluster } from '../support/cluster.ts';
import { type Amounts, type Question, askedAnew, questions, shownBy, textOf } from './questions.ts';

type Mode = 'naive' | 'lww' | 'automerge';

type Write =
  | { readonly do: 'set'; readonly table: number; readonly key: number; readonly value: number | bigint }
  | { readonly do: 'delete' | 'increment'; readonly table: number; readonly key: number }
  | { readonly do: 'clear'; readonly table: number };

type Step =
  | { readonly do: 'write'; readonly node: number; readonly write: Write }
  | {
      readonly do: 'batch';
      readonly node: number;
      readonly writes: readonly Write[];
      readonly isRead: boolean;
      readonly throws: boolean;
    }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'restart'; readonly node: number }
  | { readonly do: 'switch'; readonly node: number; readonly mode: Mode };

const table = fc.nat({ max: 1 });
const key = fc.nat({ max: 6 });
const value = fc.oneof(fc.nat({ max: 5 }), fc.constantFrom(2 ** 53 - 1, 2n ** 60n, -(2n ** 63n)));
const write: fc.Arbitrary<Write> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), table, key, value }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'increment' as const), table, key }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const), table }) },
);
const node = fc.nat({ max: 1 });
const mode = fc.constantFrom<Mode>('naive', 'lww', 'automerge');
const batch = fc.record({
  do: fc.constant('batch' as const),
  node,
  writes: fc.array(write, { maxLength: 5 }),
  isRead: fc.boolean(),
  throws: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('write' as const), node, write }) },
  { weight: 3, arbitrary: batch },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(5, 300, 1500) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('switch' as const), node, mode }) },
);

const inOrder = (rows: readonly (readonly [string, string])[]) =>
  rows.toSorted(([one], [other]) => (one < other ? -1 : 1));

function same(found: unknown, expected: unknown, question?: string): void {
  expect(found, question).toEqual(expected);
}

/** A view with what its stream makes of the rows that it began with. */
class Watched {
  readonly question: Question;
  readonly tables: readonly [Amounts, Amounts];
  readonly view: View;
  readonly #folded = new Map<string, unknown>();

  constructor(tables: readonly [Amounts, Amounts], question: Question) {
    this.tables = tables;
    this.question = question;
    this.view = question.open(...tables);
    for (const row of this.view.snapshot) this.#folded.set(textOf(row.key), row.value);
    this.view.differences.subscribe((differences) => {
      for (const difference of differences) this.#fold(difference);
    });
  }

  #fold({ kind, key: of, value: now, previous }: Difference): void {
    const name = textOf(of);
    same(
      { kind, before: textOf(this.#folded.get(name)) },
      {
        kind: this.#folded.has(name) ? (kind === 'new' ? 'changed' : kind) : 'new',
        before: textOf(previous),
      },
    );
    if (kind === 'removed') this.#folded.delete(name);
    else this.#folded.set(name, now);
  }

  check(): void {
    const { question, view } = this;
    same(shownBy(view, question), askedAnew(this.tables, question), question.name);
    const shown = view.snapshot.map((row) => [textOf(row.key), textOf(row.value)] as const);
    const folded = Array.from(this.#folded, ([name, each]) => [name, textOf(each)] as const);
    same(inOrder(folded), inOrder(shown), question.name);
  }

  checkInside(): void {
    same(shownBy(this.view, this.question), askedAnew(this.tables, this.question));
  }
}

/** Two nodes with one table in memory and one on disk whose rows expire; each node watches all questions about both. */
class History {
  readonly #cluster: Cluster;
  readonly #mode: Mode;
  readonly #watched: Watched[][] = [[], []];
  readonly #tables: Amounts[][] = [[], []];

  constructor(cluster: Cluster, begin: Mode) {
    this.#cluster = cluster;
    this.#mode = begin;
    for (const index of [0, 1]) this.#declare(index, cluster.node(index));
  }

  #declare(index: number, at: TableNode): void {
    const of = { key: 'string', value: 'int', mode: this.#mode } as const;
    const memory: Amounts = at.table('memory', of);
    const disk: Amounts = at.table('disk', { ...of, backend: 'sqlite', writeExpire: 1000 });
    this.#tables[index] = [memory, disk];
    this.#watched[index] = questions.flatMap((question) => [
      new Watched([memory, disk], question),
      new Watched([disk, memory], question),
      new Watched([memory, memory], question),
    ]);
  }

  async take(one: Step): Promise<void> {
    const cluster = this.#cluster;
    if (one.do === 'write') this.#write(one.node, one.write);
    else if (one.do === 'batch') this.#batch(one);
    else if (one.do === 'wait') await cluster.run(one.ms);
    else if (one.do === 'switch') this.#tables[one.node]?.[0]?.switchMode(one.mode).catch(() => undefined);
    else {
      await cluster.stop(one.node);
      await cluster.start(one.node, (at) => this.#declare(one.node, at));
    }
    this.check();
  }

  check(): void {
    for (const watched of this.#watched.flat()) watched.check();
  }

  #write(index: number, one: Write): void {
    const of = this.#tables[index]?.[one.table] as Amounts;
    if (one.do === 'clear') return of.clear();
    const name = `k${one.key}`;
    if (one.do === 'set') of.set(name, one.value);
    else if (one.do === 'delete') of.delete(name);
    else if ((of.get(name) ?? 0) < 2n ** 62n) of.increment(name, 1);
  }

  #batch({ node: index, writes, isRead, throws }: Step & { readonly do: 'batch' }): void {
    const cause = new Error('taken back');
    try {
      this.#cluster.node(index).batch(() => {
        for (const one of writes) {
          this.#write(index, one);
          if (isRead) for (const watched of this.#watched[index] as Watched[]) watched.checkInside();
        }
        if (throws) throw cause;
      });
    } catch (error) {
      if (error !== cause) throw error;
    }
  }
}

describe('views over random histories with restarts, switches, expiry and a second node', () => {
  it.each<Mode>(['naive', 'lww', 'automerge'])('that begin in mode %s', async (begin) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), fc.nat(), async (steps, seed) => {
        const cluster = await createCluster({ size: 2, seed, checkpointAfter: 4 });
        try {
          const history = new History(cluster, begin);
          for (const one of steps) await history.take(one);
          await cluster.run(3000);
          history.check();
        } finally {
          await cluster.close();
        }
      }),
      { seed: 71, numRuns: 25 },
    );
  });
});
