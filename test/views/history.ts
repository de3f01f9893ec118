import assert from 'node:assert/strict';
import type { Difference, TableNode, View } from '../../src/index.ts';
import type { Cluster } from '../support/cluster.ts';
import { type Amounts, type Question, askedAnew, questions, shownBy, textOf } from './questions.ts';

export type Mode = 'naive' | 'lww' | 'automerge';

export type Write =
  | { readonly do: 'set'; readonly table: number; readonly key: number; readonly value: number | bigint }
  | { readonly do: 'delete' | 'increment'; readonly table: number; readonly key: number }
  | { readonly do: 'clear'; readonly table: number };

export type Step =
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

/** When rows of the table on disk go by themselves. */
export type Expiry = { readonly writeExpire: number } | { readonly createExpire: number };

const byName = ([one]: readonly (string | undefined)[], [other]: readonly (string | undefined)[]): number =>
  (one ?? '') < (other ?? '') ? -1 : 1;

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
    assert.equal(kind === 'new', !this.#folded.has(name), this.question.name);
    assert.equal(textOf(previous), textOf(this.#folded.get(name)), this.question.name);
    if (kind === 'removed') this.#folded.delete(name);
    else this.#folded.set(name, now);
  }

  /** Says that the view is as the table is, and its stream has told of all that. */
  check(): void {
    this.checkInside();
    const shown = this.view.snapshot.map((row) => [textOf(row.key), textOf(row.value)]);
    const folded = Array.from(this.#folded, ([name, each]) => [name, textOf(each)]);
    assert.deepEqual(folded.toSorted(byName), shown.toSorted(byName), this.question.name);
  }

  /** Says that the view is as the table is, of which nothing need be told yet. */
  checkInside(): void {
    const { question, view, tables } = this;
    assert.deepEqual(shownBy(view, question), askedAnew(tables, question), question.name);
  }
}

/** Two nodes with one table in memory and one on disk whose rows expire; each node watches all questions about both. */
export class History {
  readonly #cluster: Cluster;
  readonly #mode: Mode;
  readonly #expiry: Expiry;
  readonly #watched: Watched[][] = [[], []];
  readonly #tables: Amounts[][] = [[], []];

  constructor(cluster: Cluster, begin: Mode, expiry: Expiry = { writeExpire: 1000 }) {
    this.#cluster = cluster;
    this.#mode = begin;
    this.#expiry = expiry;
    for (const index of [0, 1]) this.#declare(index, cluster.node(index));
  }

  #declare(index: number, at: TableNode): void {
    const of = { key: 'string', value: { type: 'int', as: 'exact' }, mode: this.#mode } as const;
    const memory: Amounts = at.table('memory', of);
    const disk: Amounts = at.table('disk', { ...of, backend: 'sqlite', ...this.#expiry });
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

  /** Parts the nodes, lets each go on alone, and the first write more than it keeps in memory of its log. */
  async outgrow(steps: readonly Step[]): Promise<void> {
    this.#cluster.setCut(0, 1, true);
    this.#cluster.reset(0, 1);
    for (const one of steps) await this.take(one);
    const ballast = this.#cluster.node(0).table('ballast', { key: 'string', value: 'string' });
    for (let round = 0; round < 3000; round++) {
      ballast.set('k', `${round} `.padEnd(4000, 'x'));
      if (round % 100 === 0) await this.#cluster.run(1);
    }
    this.#cluster.setCut(0, 1, false);
    await this.#cluster.run(20_000);
    this.check();
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
