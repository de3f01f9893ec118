import assert from 'node:assert/strict';
import type { Change, MapTable, Operation, SetTable, Table, TableNode } from '../../src/index.ts';
import { NaiveModel, textOf } from '../support/naive-model.ts';
import {
  type Step,
  type TableName,
  type Write,
  declarationOf,
  declarations,
  keyOf,
  tableNames,
  valueOf,
} from './history.ts';

/** Where the node under test lives. */
export interface Place {
  open(): Promise<TableNode>;
  /** Lets time pass. */
  wait(ms: number): Promise<void>;
  /** Waits for something that happens in the node. */
  settled<T>(work: Promise<T>): Promise<T>;
  now(): number;
  /** How long rows live that expire. */
  readonly lifetimeMs: number;
}

interface Expected {
  readonly table: TableName;
  readonly kind: Operation['kind'];
  readonly key: unknown;
  readonly value: unknown;
}

interface SeenChange {
  readonly table: string;
  readonly kind: string;
  readonly key: unknown;
  readonly value: unknown;
  readonly previous: unknown;
}

class Planned extends Error {}

const emptyModels = (): Map<TableName, NaiveModel> =>
  new Map(tableNames.map((name) => [name, new NaiveModel()]));

/** Does the steps of a history on a node and on plain Maps, and compares them in every way there is. */
export class HistoryRunner {
  readonly #place: Place;
  #node: TableNode | undefined;
  /** Every operation that should stand in the log, in order. */
  #expected: Expected[] = [];
  #expectedChanges: SeenChange[] = [];
  #changes: SeenChange[] = [];
  #live: Operation[] = [];
  #models = emptyModels();
  /** A batch that threw after it removed a row puts the row back at the end: then order says nothing. */
  #reordered = false;
  readonly #writtenAt = new Map<string, number>();

  constructor(place: Place) {
    this.#place = place;
  }

  get node(): TableNode {
    return this.#node as TableNode;
  }

  async open(): Promise<void> {
    this.#node = await this.#place.open();
    this.#changes = [];
    this.#expectedChanges = [];
    this.#live = [];
    for (const name of tableNames) {
      const table = this.node.table(name, declarationOf(name, this.#place.lifetimeMs)) as unknown as Table;
      table.changes.subscribe((change) => this.#noteChange(name, change));
    }
    const from = this.node.log.position;
    this.node.log.operations({ after: from }).subscribe((operation) => this.#live.push(operation));
  }

  #noteChange(table: TableName, change: Change<unknown, unknown>): void {
    const { kind, key, value, previous } = change;
    this.#changes.push({ table, kind, key, value, previous });
    if (kind !== 'expired') return;
    const written = this.#writtenAt.get(`${table} ${textOf(key)}`) ?? Infinity;
    assert.ok(this.#place.now() >= written + this.#place.lifetimeMs);
    this.#expect({ table, kind: 'expire', key, value: undefined });
  }

  async run(steps: readonly Step[]): Promise<void> {
    await this.open();
    for (const step of steps) {
      await this.#step(step);
      this.checkRows();
    }
    await this.checkLog();
  }

  async #step(step: Step): Promise<void> {
    if (step.do === 'wait') return this.#place.wait(step.ms);
    if (step.do === 'reopen') return this.#reopen();
    if (step.do === 'batch') return this.#batch(step.writes, step.throws);
    this.#write(step);
  }

  #batch(writes: readonly Write[], throws: boolean): void {
    const before = { expected: [...this.#expected], changes: [...this.#expectedChanges] };
    const writtenAt = [...this.#writtenAt];
    const work = (): void => {
      for (const write of writes) this.#write(write);
      if (throws) throw new Planned('on purpose');
    };
    if (!throws) return this.node.batch(work);
    assert.throws(() => this.node.batch(work), Planned);
    this.#expected = before.expected;
    this.#expectedChanges = before.changes;
    this.#writtenAt.clear();
    for (const [name, time] of writtenAt) this.#writtenAt.set(name, time);
    this.#rebuildModels();
    this.#reordered ||= writes.some((write) => write.do === 'delete' || write.do === 'clear');
  }

  #write(write: Write): void {
    const { table } = write;
    const target = this.node.tables.get(table) as MapTable & SetTable;
    if (write.do === 'clear') {
      target.clear();
      this.#expect({ table, kind: 'clear', key: undefined, value: undefined });
      return;
    }
    const key = keyOf(table, write.key);
    const rows = (this.#models.get(table) as NaiveModel).rows;
    if (write.do === 'delete') {
      assert.equal(target.delete(key), rows.has(textOf(key)));
      this.#expect({ table, kind: 'delete', key, value: undefined });
      return;
    }
    let value = valueOf(table, write.value);
    if (write.do === 'increment') {
      value = Number(rows.get(textOf(key))?.value ?? 0) + write.value;
      assert.equal(target.increment(key, write.value), value);
    } else if (value === undefined) target.add(key);
    else target.set(key, value);
    const name = `${table} ${textOf(key)}`;
    if (table !== 'born' || !rows.has(textOf(key))) this.#writtenAt.set(name, this.#place.now());
    this.#expect({ table, kind: 'set', key, value });
  }

  /** Notes an operation that should be there, with its changes. */
  #expect(expected: Expected): void {
    const { table, kind, key, value } = expected;
    const model = this.#models.get(table) as NaiveModel;
    const row = model.rows.get(textOf(key));
    if (kind === 'clear') {
      for (const [gone, previous] of model.entries())
        this.#expectedChanges.push({ table, kind: 'cleared', key: gone, value: undefined, previous });
    } else if (kind === 'set') {
      this.#expectedChanges.push({ table, kind: row ? 'changed' : 'new', key, value, previous: row?.value });
    } else if (row !== undefined) {
      const change = kind === 'delete' ? 'removed' : 'expired';
      this.#expectedChanges.push({ table, kind: change, key, value: undefined, previous: row.value });
    }
    this.#expected.push(expected);
    model.apply({ ...expected, origin: '', sequence: 0 });
  }

  #rebuildModels(): void {
    this.#models = emptyModels();
    for (const one of this.#expected) this.#models.get(one.table)?.apply({ ...one, origin: '', sequence: 0 });
  }

  async #reopen(): Promise<void> {
    await this.checkLog();
    await this.#place.settled(this.node.close());
    this.#expected = this.#expected.filter(({ table }) => declarations[table].backend === 'sqlite');
    this.#rebuildModels();
    this.#reordered = false;
    await this.open();
    this.checkRows();
    assert.deepEqual(this.#changes, []);
  }

  checkRows(): void {
    for (const name of tableNames) {
      const expected = this.#models.get(name)?.entries() ?? [];
      assert.deepEqual(this.#ordered(this.rowsOf(name)), this.#ordered(expected), name);
    }
    assert.deepEqual(this.#ordered(this.#changes), this.#ordered(this.#expectedChanges));
  }

  #ordered(list: readonly unknown[]): readonly unknown[] {
    if (!this.#reordered) return list;
    return list.toSorted((one, other) => (textOf(one) < textOf(other) ? -1 : 1));
  }

  rowsOf(name: TableName): [unknown, unknown][] {
    const table = this.node.tables.get(name) as Table;
    const entries = [...(table as MapTable).entries()];
    return 'value' in declarations[name] ? entries : entries.map(([key]) => [key, undefined]);
  }

  /** Compares the log: what it lists from everywhere, and the state at each position. */
  async checkLog(): Promise<void> {
    const operations = await this.#replay(0);
    assert.deepEqual(
      operations.map(({ table, kind, key, value }) => ({ table, kind, key, value })),
      this.#expected,
    );
    this.#checkNames(operations);
    await this.#place.wait(1);
    const fromLive = this.#live[0]?.position ?? Infinity;
    assert.deepEqual(
      this.#live,
      operations.filter(({ position }) => position >= fromLive),
    );
    for (const { position } of operations) {
      assert.deepEqual(
        await this.#replay(position),
        operations.filter((one) => one.position > position),
      );
    }
    for (const name of tableNames) await this.#checkStates(name, operations);
  }

  #checkNames(operations: readonly Operation[]): void {
    const last = new Map<string, number>();
    let before = 0;
    for (const { table, origin, sequence, position } of operations) {
      assert.ok(position > before);
      before = position;
      assert.equal(sequence, (last.get(`${table} ${origin}`) ?? 0) + 1);
      last.set(`${table} ${origin}`, sequence);
    }
  }

  async #checkStates(table: TableName, operations: readonly Operation[]): Promise<void> {
    const model = new NaiveModel();
    for (const [index, operation] of operations.entries()) {
      if (operation.table === table) model.apply(operation);
      if (operation.table !== table && index % 5 !== 0) continue;
      const state = await this.#place.settled(this.node.log.stateAt({ table, position: operation.position }));
      assert.deepEqual([...state], model.entries());
    }
    const last = operations.at(-1)?.position ?? 0;
    const state = await this.#place.settled(this.node.log.stateAt({ table, position: last }));
    assert.deepEqual(this.#ordered([...state]), this.#ordered(this.rowsOf(table)));
  }

  #replay(after: number): Promise<Operation[]> {
    const found: Operation[] = [];
    const replay = new Promise<Operation[]>((resolve, reject) => {
      this.node.log.operations({ after, until: this.node.log.position }).subscribe({
        next: (operation) => found.push(operation),
        error: reject,
        complete: () => resolve(found),
      });
    });
    return this.#place.settled(replay);
  }
}
