import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pause, quantile, sharedMicroseconds, stopwatch, turn } from './clock.ts';
import type { Sample, Setting } from './contest.ts';
import { keysOf, orderOf, valueOf } from './data.ts';
import { type FromReader, LATENCY_BASE, type Link, type LinkWriter, type ToReader } from './link-types.ts';

/** What goes over a link. */
export interface LinkLoad {
  readonly operations: number;
  readonly keys: number;
  readonly batch: number;
}

const WARM = 20_000;
/** Between two writes of the latency contest: the link is idle again by then. */
const IDLE_MS = 3;
/** The writer gives way to its sockets after so many operations. */
const BURST = 1000;

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
    [
      module,
      name,
      JSON.stringify({ ...setting, directory: `${setting.directory}/reader` }),
      ...(variant === undefined ? [] : [variant]),
    ],
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
  await bulk(writer, partner, {
    keys: keysOf(WARM, 9),
    operations: Math.min(WARM, load.operations),
    batch: load.batch,
    from: 0,
  });
  const result = await bulk(writer, partner, {
    keys,
    operations: load.operations,
    batch: load.batch,
    from: WARM,
  });
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
    const written =
      batch === 1
        ? writer.set(keyOf(index), valueOf(from + index))
        : many(writer, { index, to: Math.min(index + batch, operations), from, keyOf });
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
  const wanted = setting.quick ? 300 : 2000;
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

/** Time that processes must have used next to nothing of, so often in a row, to count as resting. */
const REST = { windowMs: 500, cpuUs: 20_000, windows: 3, mostWindows: 60 };

/** Waits until what the writing of a history left to do, such as compressing it, is done: joining is another matter. */
async function rest(servers: readonly number[] | undefined): Promise<void> {
  for (let quiet = 0, tried = 0; quiet < REST.windows && tried < REST.mostWindows; tried++) {
    const before = process.cpuUsage();
    const served = cpuOf(servers);
    await pause(REST.windowMs);
    const { user, system } = process.cpuUsage(before);
    quiet = user + system + cpuOf(servers) - served < REST.cpuUs ? quiet + 1 : 0;
  }
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
  await rest(writer.servers);
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
    writerCpu: cpuUs / 1000,
    readerCpu: message.done.cpuUs / 1000,
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
