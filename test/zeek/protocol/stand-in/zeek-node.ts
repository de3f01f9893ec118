import { throughZeek } from '../../../../src/zeek/protocol/data/time-text.ts';
import { none, string, vector, type ZeekData } from '../../../../src/zeek/protocol/data/zeek-data.ts';
import type { ZeekEvent } from '../../../../src/zeek/protocol/messages.ts';
import { tableChangeEvent, type ZeekChangeKind } from '../../../../src/zeek/protocol/table-changes.ts';
import { decodeValue } from '../../../../src/zeek/protocol/values/decode.ts';
import { encodeIndex, encodeValue } from '../../../../src/zeek/protocol/values/encode.ts';
import type { ZeekType } from '../../../../src/zeek/protocol/zeek-type.ts';
import { rowKey, SimTable, type SimTableOptions } from './sim-table.ts';

/** What a node needs of its cluster. */
export interface NodeSurroundings {
  publish(node: ZeekNode, event: ZeekEvent): void;
}

interface Queue {
  readonly infos: ZeekData[];
  lastPublished: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

const wireKind: Readonly<Record<ZeekChangeKind, string>> = {
  new: 'TABLE_ELEMENT_NEW',
  changed: 'TABLE_ELEMENT_CHANGED',
  removed: 'TABLE_ELEMENT_REMOVED',
  expired: 'TABLE_ELEMENT_EXPIRED',
};

/** A value after Zeek has held it: times and intervals are doubles of seconds there. */
export function heldByZeek(data: ZeekData): ZeekData {
  switch (data.type) {
    case 'timestamp':
    case 'timespan':
      return { type: data.type, data: throughZeek(data.data) };
    case 'set':
    case 'vector':
      return { type: data.type, data: data.data.map(heldByZeek) };
    case 'table':
      return {
        type: 'table',
        data: data.data.map(({ key, value }) => ({ key: heldByZeek(key), value: heldByZeek(value) })),
      };
    default:
      return data;
  }
}

function now(): ZeekData {
  return { type: 'timestamp', data: BigInt(Date.now()) * 1_000_000n };
}

/** One Zeek process: its tables, what its scripts do to them, and how it applies what others publish. */
export class ZeekNode {
  readonly name: string;
  /** `Cluster::node_id()`, new with each start. */
  readonly id: string;
  readonly tables: Map<string, SimTable> = new Map();
  /** Rows that Zeek would now hold as null pointers, and why. A sound client causes none. */
  readonly nullEntries: string[] = [];
  /** Events with changes that were published, by topic: what Zeek's telemetry counts. */
  readonly published: Map<string, number> = new Map();
  readonly #surroundings: NodeSurroundings;
  readonly #queues = new Map<string, Queue>();
  readonly #expiryTimer: ReturnType<typeof setInterval>;
  #stopped = false;
  #time: number | undefined;

  constructor(options: {
    name: string;
    id: string;
    tables: readonly SimTableOptions[];
    surroundings: NodeSurroundings;
  }) {
    this.name = options.name;
    this.id = options.id;
    this.#surroundings = options.surroundings;
    for (const table of options.tables) this.tables.set(table.table.name, new SimTable(table));
    this.#expiryTimer = setInterval(() => this.#expire(), 20);
  }

  /** Ends the process; what waits in a batch is lost, as it is when Zeek is killed. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#expiryTimer);
    for (const queue of this.#queues.values()) clearTimeout(queue.timer);
  }

  table(name: string): SimTable {
    const table = this.tables.get(name);
    if (table === undefined) throw new Error(`no table ${name}`);
    return table;
  }

  /** `t[key] = value`, or `add s[key]`; values in the forms of JavaScript. */
  set(name: string, key: unknown, value?: unknown): void {
    const { table } = this.table(name).options;
    const held = table.value === undefined ? none : encodeValue(table.value, value, name);
    this.assign(name, encodeIndex(table.index, key, name), held);
  }

  /** `delete t[key]`. */
  delete(name: string, key: unknown): void {
    this.remove(name, encodeIndex(this.table(name).options.table.index, key, name));
  }

  /** The value of a row in the form of JavaScript; undefined if there is none, null for a null entry. */
  get(name: string, key: unknown): unknown {
    const { table } = this.table(name).options;
    const row = this.table(name).get(encodeIndex(table.index, key, name).map(heldByZeek));
    if (row === undefined || table.value === undefined) return row === undefined ? undefined : true;
    return row.value.type === 'none' ? null : decodeValue(table.value, row.value, name);
  }

  size(name: string): number {
    return this.table(name).rows.size;
  }

  assign(name: string, index: readonly ZeekData[], value: ZeekData): void {
    const table = this.table(name);
    const [heldIndex, held] = [index.map(heldByZeek), heldByZeek(value)];
    const previous = table.put(heldIndex, held);
    const kind = previous === undefined ? 'new' : 'changed';
    this.#record(table, kind, [heldIndex, held, previous?.value ?? none]);
  }

  remove(name: string, index: readonly ZeekData[]): void {
    const table = this.table(name);
    const held = index.map(heldByZeek);
    this.#record(table, 'removed', [held, table.take(held)?.value ?? none, none]);
  }

  /** Whether changes wait for their batch: others have not been told of them, although rows may be equal. */
  get hasUnpublished(): boolean {
    return [...this.#queues.values()].some(({ infos }) => infos.length > 0);
  }

  /** `clear_table(t)`: nobody is told. */
  clear(name: string): void {
    this.table(name).rows.clear();
  }

  /** `t = table()`: the attribute is gone from then on. */
  replaceVariable(name: string): void {
    this.table(name).rows.clear();
    this.table(name).attached = false;
  }

  /** A change inside a value (`t[key]$field = …`): nobody is told. */
  setInside(name: string, key: unknown, value: unknown): void {
    const { table } = this.table(name).options;
    const held = table.value === undefined ? none : encodeValue(table.value, value, name);
    this.table(name).put(encodeIndex(table.index, key, name).map(heldByZeek), held);
  }

  /** `Cluster::publish_table(topic, t, batch_size)`; false for a table without the attribute. */
  publishTable(topic: string, name: string, batchSize = 10_000): boolean {
    if (!this.table(name).attached) return false;
    const infos = [...this.table(name).rows.values()].map(({ index, value }) =>
      this.#info('new', [index, value, none]),
    );
    for (let at = 0; at < infos.length; at += batchSize)
      this.#publish(topic, name, infos.slice(at, at + batchSize));
    return true;
  }

  /** What `Cluster::table_change_infos` does when it arrives; a simulation of Zeek's own handler. */
  apply(event: ZeekEvent): void {
    const [header, infos] = event.args;
    if (event.name !== tableChangeEvent || header?.type !== 'vector' || infos?.type !== 'vector') return;
    const [name, , nodeId] = header.data;
    if (name?.type !== 'string' || nodeId?.type !== 'string' || nodeId.data === this.id) return;
    const table = this.tables.get(name.data);
    if (table === undefined || !table.attached) return;
    for (const info of infos.data) if (info.type === 'vector') this.#applyInfo(table, info.data);
  }

  #applyInfo(table: SimTable, info: readonly ZeekData[]): void {
    const [kind, , index, value = none, previous = none] = info;
    if (kind?.type !== 'enum-value' || index?.type !== 'vector' || !this.#fitsIndex(table, index.data))
      return;
    const held = index.data.map(heldByZeek);
    const isSet = table.options.table.value === undefined;
    if (isSet && value.type !== 'none') return;
    if (kind.data === wireKind.new || kind.data === wireKind.changed) {
      table.put(held, this.#checkedValue(table, index.data, value));
    } else if (previous.type === 'none') {
      table.take(held);
    }
  }

  /** The value to store; a wrong one becomes a null pointer. */
  #checkedValue(table: SimTable, index: readonly ZeekData[], value: ZeekData): ZeekData {
    const { name, value: type } = table.options.table;
    if (type === undefined) return none;
    if (fits(type, value)) return heldByZeek(value);
    this.nullEntries.push(`${name}[${rowKey(index)}]`);
    return none;
  }

  #fitsIndex(table: SimTable, index: readonly ZeekData[]): boolean {
    const types = table.options.table.index;
    return index.length === types.length && types.every((type, at) => fits(type, index[at] ?? none));
  }

  #expire(): void {
    const time = Date.now();
    for (const table of this.tables.values()) {
      for (const row of table.rows.values()) {
        if (row.deadline === undefined || row.deadline > time) continue;
        table.take(row.index);
        this.#record(table, 'expired', [row.index, row.value, none]);
      }
    }
  }

  #info(kind: ZeekChangeKind, parts: readonly [readonly ZeekData[], ZeekData, ZeekData]): ZeekData {
    const [index, value, previous] = parts;
    return vector({ type: 'enum-value', data: wireKind[kind] }, now(), vector(...index), value, previous);
  }

  #record(
    table: SimTable,
    kind: ZeekChangeKind,
    parts: readonly [readonly ZeekData[], ZeekData, ZeekData],
  ): void {
    const { publish, table: declared } = table.options;
    if (!table.attached || this.#stopped || !publish.changes.includes(kind)) return;
    const topic =
      typeof publish.topic === 'function' ? publish.topic(parts[0]) : (publish.topic ?? declared.topic);
    this.#enqueue(table, topic, this.#info(kind, parts));
  }

  /** At once after a pause, else when the batch is full or the delay since the last one has passed. */
  #enqueue(table: SimTable, topic: string, info: ZeekData): void {
    const { name } = table.options.table;
    const { maxBatchSize = 10, maxBatchDelayMs = 10 } = table.options.publish;
    const key = `${name} ${topic}`;
    const queue = this.#queues.get(key) ?? { infos: [], lastPublished: 0, timer: undefined };
    this.#queues.set(key, queue);
    queue.infos.push(info);
    const flush = (): void => {
      clearTimeout(queue.timer);
      queue.timer = undefined;
      queue.lastPublished = this.#scriptTime();
      this.#publish(topic, name, queue.infos.splice(0));
    };
    const waited = this.#scriptTime() - queue.lastPublished;
    const paused = queue.timer === undefined && queue.infos.length === 1 && waited > maxBatchDelayMs;
    if (maxBatchDelayMs === 0 || paused || queue.infos.length >= maxBatchSize) flush();
    else queue.timer ??= setTimeout(flush, Math.max(0, maxBatchDelayMs - waited));
  }

  /** In milliseconds; as in Zeek, none passes while a script runs, however slow the machine is. */
  #scriptTime(): number {
    if (this.#time === undefined) {
      this.#time = Date.now();
      setImmediate(() => (this.#time = undefined));
    }
    return this.#time;
  }

  #publish(topic: string, table: string, infos: readonly ZeekData[]): void {
    const header = vector(string(table), now(), string(this.id));
    this.published.set(topic, (this.published.get(topic) ?? 0) + 1);
    this.#surroundings.publish(this, { topic, name: tableChangeEvent, args: [header, vector(...infos)] });
  }
}

function fits(type: ZeekType, data: ZeekData): boolean {
  try {
    decodeValue(type, data, '');
    return true;
  } catch {
    return false;
  }
}
