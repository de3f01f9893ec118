import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pause, quantile, sharedMicroseconds, stopwatch, turn } from './clock.ts';
import type { Measure, Sample, Setting } from './contest.ts';
import { indexOfKey, keysOf, orderOf, valueOf } from './data.ts';

/** The end that writes. It also listens, or knows the server both ends use. */
export interface LinkWriter {
  /** What the reader needs to connect. */
  readonly address: string;
  set(key: string, value: number): void | Promise<void>;
  /** Writes a batch as one transaction, where the contest offers batching. */
  setMany?(keys: readonly string[], values: readonly number[]): void | Promise<void>;
  /** Resolves when more may be written: for those that would otherwise queue without end. */
  room?(): Promise<void>;
  /** Processes beside writer and reader whose CPU counts. */
  readonly servers?: readonly number[];
  close(): void | Promise<void>;
}

/** The end that reads: calls `told` for each change it is told of. */
export interface LinkReader {
  close?(): void | Promise<void>;
}

/** How a contestant replicates between two processes. Each end runs in a process of its own. */
export interface Link {
  /** Loads what the reader needs, before the clock starts. */
  prepare?(): Promise<unknown>;
  writer(setting: Setting): Promise<LinkWriter>;
  reader(
    setting: Setting,
    address: string,
    told: (key: string, value: number) => void,
  ): Promise<LinkReader>;
}

/** What goes over a link. */
export interface LinkLoad {
  readonly operations: number;
  readonly keys: number;
  readonly batch: number;
}

/** Added to a time that is written as a value, to tell it from others. */
const LATENCY_BASE = 1e12;

const WARM = 20_000;
/** Between two writes of the latency contest: the link is idle again by then. */
const IDLE_MS = 3;
/** The writer gives way to its sockets after so many operations. */
const BURST = 1000;

type ToReader =
  | { readonly connect: string; readonly goal?: Goal } | { readonly until: number } | { readonly end: true };
/** What a late joiner must hold to be equal: so many rows, whose values add up to this. */
interface Goal {
  readonly keys: number;
  readonly sum: number;
}

type FromReader =
  | { readonly ready: true }
  | { readonly done: { readonly cpuUs: number; readonly changes: number } }
  | { readonly latency: number };

/** Runs the second end; `child.js` calls it in the process that {@link partnerOf} forks. */
export function readerOf(link: Link): Measure {
  return async (setting) => {
    await link.prepare?.();
    const watch = new Watch();
    let reader: LinkReader | undefined;
    const onMessage = async (message: ToReader): Promise<boolean> => {
      if ('end' in message) {
        await reader?.close?.();
        return true;
      }
      if ('connect' in message) {
        watch.begin(Number.NaN, message.goal);
        reader = await link.reader(setting, message.connect, (key, value) => watch.told(key, value));
      } else {
        watch.begin(message.until);
      }
      if (!('goal' in message)) answer({ ready: true });
      return false;
    };
    answer({ ready: true });
    return new Promise((resolve, reject) => {
      process.on('message', (message: ToReader) => {
        onMessage(message).then((ended) => ended && resolve({}), reject);
      });
    });
  };
}

function answer(message: FromReader): void {
  process.send?.(message);
}

/** Watches what the reader is told of, for the sign that it has everything. */
class Watch {
  #until = Number.NaN;
  #goal: Goal | undefined;
  #values = new Float64Array(0);
  #changes = 0;
  #sum = 0;
  #spent = stopwatch();

  begin(until: number, goal?: Goal): void {
    this.#until = until;
    this.#goal = goal;
    this.#values = new Float64Array(goal?.keys ?? 0);
    this.#changes = 0;
    this.#spent = stopwatch();
  }

  told(key: string, value: number): void {
    this.#changes++;
    if (value >= LATENCY_BASE) answer({ latency: sharedMicroseconds() + LATENCY_BASE - value });
    else if (this.#goal !== undefined) this.#tellRow(key, value, this.#goal);
    else if (value === this.#until) this.#finish();
  }

  #tellRow(key: string, value: number, goal: Goal): void {
    const index = indexOfKey(key);
    this.#sum += Math.floor(value) - (this.#values[index] as number);
    this.#values[index] = Math.floor(value);
    if (this.#sum === goal.sum) this.#finish();
  }

  #finish(): void {
    answer({ done: { cpuUs: this.#spent().cpuUs, changes: this.#changes } });
  }
}

/** The other process, as the writer sees it. */
class Partner {
  readonly #child: ChildProcess;
  readonly #queue: FromReader[] = [];
  #wake: ((message: FromReader) => void) | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (message: FromReader) => {
      if (this.#wake === undefined) this.#queue.push(message);
      else this.#wake(message);
      this.#wake = undefined;
    });
    child.on('exit', (code) => {
      if (code !== 0) {
        process.stderr.write(`Error: the reader ended with ${code}\n`);
        process.exit(1);
      }
    });
  }

  send(message: ToReader): void {
    this.#child.send(message);
  }

  next(): Promise<FromReader> {
    const ready = this.#queue.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Starts the reader's process: the same module, the export `<name>Reader`. */
function partnerOf({ module, name, variant }: LinkNames, setting: Setting): Partner {
  const child = fork(
    process.argv[1] as string,
    [module, name, JSON.stringify({ ...setting, directory: `${setting.directory}/reader` }), ...(variant === undefined ? [] : [variant])],
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  );
  return new Partner(child);
}

/** Where `child.js` finds the reader. */
export interface LinkNames {
  readonly module: string;
  readonly name: string;
  readonly variant?: string | undefined;
}

/** Connects two processes and returns what a contest of links works with. */
async function connected(
  link: Link,
  names: LinkNames,
  setting: Setting,
): Promise<{ writer: LinkWriter; partner: Partner }> {
  const writer = await link.writer({ ...setting, directory: `${setting.directory}/writer` });
  const partner = partnerOf(names, setting);
  await partner.next();
  partner.send({ connect: writer.address });
  await partner.next();
  return { writer, partner };
}

/** Bulk: from the first write until the other process was told of the last; CPU of all processes. */
export async function measureBulk(
  link: Link,
  names: LinkNames,
  { setting, load }: { setting: Setting; load: LinkLoad },
): Promise<Sample> {
  const { writer, partner } = await connected(link, names, setting);
  const keys = keysOf(load.keys);
  await bulk(writer, partner, { keys: keysOf(WARM, 9), operations: Math.min(WARM, load.operations), batch: load.batch, from: 0 });
  const result = await bulk(writer, partner, { keys, operations: load.operations, batch: load.batch, from: WARM });
  partner.send({ end: true });
  await writer.close();
  return result;
}

interface Bulk {
  readonly keys: readonly string[];
  readonly operations: number;
  readonly batch: number;
  readonly from: number;
}

async function bulk(writer: LinkWriter, partner: Partner, load: Bulk): Promise<Sample> {
  const { keys, operations, batch, from } = load;
  const fresh = operations <= keys.length;
  const order = orderOf(operations, keys.length);
  const keyOf = (index: number): string =>
    keys[fresh || index < keys.length ? index : (order[index] as number)] as string;
  partner.send({ until: valueOf(from + operations - 1) });
  await partner.next();
  const servers = cpuOf(writer.servers);
  const spent = stopwatch();
  for (let index = 0; index < operations; index += Math.max(batch, 1)) {
    const written = batch === 1 ? writer.set(keyOf(index), valueOf(from + index)) : many(writer, { index, to: Math.min(index + batch, operations), from, keyOf });
    if (written !== undefined) await written;
    if (batch === 1 && (index + 1) % BURST !== 0) continue;
    await turn();
    if (writer.room !== undefined) await writer.room();
  }
  const message = await partner.next();
  if (!('done' in message)) throw new Error('The reader answered out of turn.');
  const { cpuUs, wallUs } = spent();
  const served = cpuOf(writer.servers) - servers;
  return {
    cpu: (cpuUs + message.done.cpuUs + served) / operations,
    rate: operations / (wallUs / 1e6),
    writerCpu: cpuUs / operations,
    readerCpu: message.done.cpuUs / operations,
    serverCpu: served / operations,
  };
}

function many(
  writer: LinkWriter,
  at: { index: number; to: number; from: number; keyOf: (index: number) => string },
): void | Promise<void> {
  const keys: string[] = [];
  const values: number[] = [];
  for (let index = at.index; index < at.to; index++) {
    keys.push(at.keyOf(index));
    values.push(valueOf(at.from + index));
  }
  return writer.setMany?.(keys, values);
}

/** User and system time of other processes so far, in microseconds, as the kernel counts it (10 ms steps). */
function cpuOf(servers: readonly number[] = []): number {
  let ticks = 0;
  for (const pid of servers) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10_000;
}

/** Latency: one write at a time on an idle link, until the other process was told of it. */
export async function measureLatency(link: Link, names: LinkNames, setting: Setting): Promise<Sample> {
  const { writer, partner } = await connected(link, names, setting);
  const keys = keysOf(1000);
  const times: number[] = [];
  const wanted = setting.quick ? 400 : 2000;
  for (let index = -200; index < wanted; index++) {
    await pause(IDLE_MS);
    void writer.set(keys[Math.abs(index) % keys.length] as string, LATENCY_BASE + sharedMicroseconds());
    const message = await partner.next();
    if ('latency' in message && index >= 0) times.push(message.latency / 1000);
  }
  partner.send({ end: true });
  await writer.close();
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** Late join: `history` operations are there already when the reader connects; until it has every row. */
export async function measureLateJoin(
  link: Link,
  names: LinkNames,
  { setting, load }: { setting: Setting; load: LinkLoad },
): Promise<Sample> {
  const writer = await link.writer({ ...setting, directory: `${setting.directory}/writer` });
  const keys = keysOf(load.keys);
  const sum = await fill(writer, keys, load);
  const partner = partnerOf(names, setting);
  await partner.next();
  await pause(1500);
  const servers = cpuOf(writer.servers);
  const spent = stopwatch();
  partner.send({ connect: writer.address, goal: { keys: keys.length, sum } });
  const message = await partner.next();
  const { cpuUs, wallUs } = spent();
  if (!('done' in message)) throw new Error('The reader answered out of turn.');
  partner.send({ end: true });
  await writer.close();
  return {
    wall: wallUs / 1000,
    cpu: (cpuUs + message.done.cpuUs + cpuOf(writer.servers) - servers) / 1000,
    changes: message.done.changes,
  };
}

/** Writes the history and returns what the last values of all keys add up to, without their fractions. */
async function fill(writer: LinkWriter, keys: readonly string[], load: LinkLoad): Promise<number> {
  const order = orderOf(load.operations, keys.length);
  const last = new Float64Array(keys.length);
  const at = (index: number): number => (index < keys.length ? index : (order[index] as number));
  for (let index = 0; index < load.operations; index += load.batch) {
    const to = Math.min(index + load.batch, load.operations);
    for (let each = index; each < to; each++) last[at(each)] = Math.floor(valueOf(each));
    const keyOf = (each: number): string => keys[at(each)] as string;
    if (load.batch === 1) await writer.set(keyOf(index), valueOf(index));
    else await many(writer, { index, to, from: 0, keyOf });
    if (to % BURST !== 0) continue;
    await turn();
    if (writer.room !== undefined) await writer.room();
  }
  return last.reduce((sum, value) => sum + value, 0);
}
