import { type Operation, type TableNode, isTablecastError } from '../../../../src/index.ts';
import type { SeededRandom } from '../../../support/seeded-random.ts';
import { readLog } from '../../../support/read-log.ts';
import { textOf } from './kinds.ts';
import { type TableModel, difference, integer } from './table-model.ts';

/** Positions, and times, of a table at which one check reads the rows. */
const READINGS = 5;

const NO_ROW = 'no row';

function shown(rows: ReadonlyMap<string, unknown>, key: string): string {
  return rows.has(key) ? textOf(rows.get(key)) : NO_ROW;
}

/** The rows that the operations of a log make, one after the other. */
class LogFold {
  readonly rows = new Map<string, unknown>();
  readonly #model: TableModel;
  /** By key, everything that may have stood there so far, by its text: sums over each of them, too. */
  readonly #past = new Map<string, Map<string, unknown>>();
  /** By key, what was added so far: the change it is in may wait for one that comes later, and count on that. */
  readonly #added = new Map<string, Pick<Operation, 'value' | 'origin'>[]>();
  /** By key, the operation that stood there last by its name. */
  readonly #latest = new Map<string, Pick<Operation, 'origin' | 'sequence'>>();
  /** Counters of which another node may not know in the middle of a run what they began with. */
  readonly #uncertain = new Set<string>();

  constructor(model: TableModel) {
    this.#model = model;
  }

  take({ kind, key, value, origin, sequence }: Operation): void {
    if (kind === 'clear') return this.rows.clear();
    if (kind === 'switch') return;
    const text = textOf(key);
    const latest = this.#latest.get(text);
    // A checkpoint may bring a row before the operations that made it: they come behind it, and change nothing.
    // One that it takes away goes under the name of the write that had put it there.
    const newer = kind === 'delete' ? sequence + 1 : sequence;
    if (latest?.origin === origin && latest.sequence >= newer) return;
    this.#latest.set(text, { origin, sequence });
    if (kind !== 'increment') this.#uncertain.delete(text);
    const past = this.#past.get(text) ?? new Map<string, unknown>([[NO_ROW, undefined]]);
    this.#past.set(text, past);
    if (kind === 'set') this.rows.set(text, value);
    else if (kind === 'increment') this.#add(text, value as number, origin);
    else this.rows.delete(text);
    const added = this.#added.get(text) ?? [];
    this.#added.set(text, added);
    // What an author added to may not be what stands here: a removal may have come before what it removed.
    if (kind === 'increment') this.#count(past, past, [{ value, origin }]);
    else if (kind === 'set') this.#count(past, new Map([[textOf(value), value]]), added);
    if (kind === 'increment') added.push({ value, origin });
    past.set(shown(this.rows, text), this.rows.get(text));
  }

  /** Puts into the past what may come of it when some of these are added, in their order, to one of the bases. */
  #count(
    past: Map<string, unknown>,
    bases: ReadonlyMap<string, unknown>,
    added: readonly Pick<Operation, 'value' | 'origin'>[],
  ): void {
    const sums = new Map(bases);
    for (const { value, origin } of added)
      for (const before of Array.from(sums.values())) {
        const sum = this.#sum(before, value as number, origin);
        sums.set(textOf(sum), sum);
      }
    for (const [text, sum] of sums) past.set(text, sum);
  }

  /** An absent key counts from the default of the node that adds. */
  #add(key: string, by: number, origin: string): void {
    const { defaults } = this.#model.kind;
    if (!this.rows.has(key) && new Set(defaults).size > 1) this.#uncertain.add(key);
    this.rows.set(key, this.#sum(this.rows.get(key), by, origin));
  }

  #sum(before: unknown, by: number, origin: string): unknown {
    const start = before ?? this.#model.kind.defaults[Number(origin[1])] ?? 0;
    return integer(BigInt(start as number | bigint) + BigInt(by));
  }

  /** What some rows differ in; where operations come out of order, only from everything that stood there so far. */
  difference(found: ReadonlyMap<string, unknown>): string | undefined {
    const { contested, isOrdered } = this.#model;
    const except = new Set([...contested, ...this.#uncertain]);
    if (isOrdered) return difference(found, this.rows, except);
    for (const key of found.keys())
      if (!except.has(key) && this.#past.get(key)?.has(shown(found, key)) !== true)
        return `${key} is ${shown(found, key)}, which had not stood there`;
    return undefined;
  }
}

/** Whether a log has every operation on a table of every author it has any of: nothing came as a checkpoint. */
function isWhole(operations: readonly Operation[]): boolean {
  const next = new Map<string, number>();
  return operations.every(({ origin, sequence }) => {
    const isNext = sequence === (next.get(origin) ?? 1);
    next.set(origin, sequence + 1);
    return isNext;
  });
}

type Moment = { readonly position: number } | { readonly time: number };

/** Compares what a node says of moments in its log with what the operations in it add up to. */
export class LogCheck {
  readonly #node: TableNode;
  readonly #random: SeededRandom;
  readonly #problems: string[] = [];
  readings = 0;
  trimmed = 0;

  constructor(node: TableNode, random: SeededRandom) {
    this.#node = node;
    this.#random = random;
  }

  /** What was found wrong since the last call. */
  problems(): string[] {
    return this.#problems.splice(0).map((problem) => `${this.#node.id}: ${problem}`);
  }

  /** Where the log begins: 0, unless its oldest part is gone. */
  async #begin(table?: string): Promise<number> {
    try {
      await readLog(this.#node, { table, after: 0 });
      return 0;
    } catch (error) {
      if (!isTablecastError(error, 'LOG_TRIMMED')) throw error;
      return error.details['trimmedTo'] as number;
    }
  }

  /** What the log replays must be what was told as it happened. */
  async replay(live: readonly Operation[], since: number): Promise<void> {
    const after = Math.max(since, await this.#begin());
    const replayed = (await readLog(this.#node, { after })).map(nameOf);
    const told = live.filter(({ position }) => position > after).map(nameOf);
    const at = replayed.findIndex((name, index) => name !== told[index]);
    if (at < 0 && replayed.length === told.length) return;
    this.#problems.push(`replays ${replayed[at] ?? replayed.length}, and told ${told[at] ?? told.length}`);
  }

  async table(model: TableModel): Promise<void> {
    const { name } = model.kind;
    const begin = await this.#begin(name);
    if (begin > 0) return this.#trimmedTable(model, begin);
    const operations = await readLog(this.#node, { table: name });
    await this.#positions(model, operations);
    await this.#times(model, operations);
  }

  /** Of a log whose beginning is gone the present is known, and nothing before it. */
  async #trimmedTable(model: TableModel, begin: number): Promise<void> {
    this.trimmed++;
    await this.#compare(model, model.rows, { position: this.#node.log.position });
    const [first] = await readLog(this.#node, { table: model.kind.name, after: begin });
    if (first === undefined || first.position === this.#node.log.position) return;
    await this.#node.log.stateAt({ table: model.kind.name, position: begin }).then(
      () => this.#problems.push(`${model.kind.name}: a state before the log begins`),
      (error: unknown) => {
        if (!isTablecastError(error, 'LOG_TRIMMED')) throw error;
      },
    );
  }

  async #positions(model: TableModel, operations: readonly Operation[]): Promise<void> {
    const fold = new LogFold(model);
    const chance = READINGS / Math.max(1, operations.length);
    for (const [index, operation] of operations.entries()) {
      fold.take(operation);
      const isLast = index === operations.length - 1;
      if (!isLast && !this.#random.chance(chance)) continue;
      await this.#compare(model, isLast ? model.rows : fold, { position: operation.position });
    }
  }

  async #times(model: TableModel, operations: readonly Operation[]): Promise<void> {
    if (operations.length === 0 || !model.isOrdered || model.isSwitched || !isWhole(operations)) return;
    for (let left = READINGS; left > 0; left--) {
      const { time } = this.#random.pick(operations);
      const fold = new LogFold(model);
      for (const operation of operations) if (operation.time <= time) fold.take(operation);
      await this.#compare(model, fold, { time });
    }
  }

  async #compare(
    { kind, contested }: TableModel,
    right: LogFold | ReadonlyMap<string, unknown>,
    moment: Moment,
  ): Promise<void> {
    this.readings++;
    const state = await this.#node.log.stateAt({ table: kind.name, ...moment });
    const found = new Map(Array.from(state, ([key, value]) => [textOf(key), value]));
    const differs = right instanceof LogFold ? right.difference(found) : difference(found, right, contested);
    if (differs !== undefined) this.#problems.push(`${kind.name} at ${JSON.stringify(moment)}: ${differs}`);
  }
}

function nameOf({ position, table, origin, sequence, kind, key, value, time }: Operation): string {
  return `${position} ${table} ${origin} ${sequence} ${kind} ${textOf(key)} ${textOf(value)} ${time}`;
}
