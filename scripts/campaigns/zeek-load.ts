// npm run campaign:zeek-load -- [--workers 100] [--rate 10000] [--seconds 600] [--rows 1000000]
// A node is attached to two simulated Zeek clusters. The workers of one write rate changes a second, one or a few per
// frame as Zeek sends them; each comes to the workers of the other through the node. Then a node with so many rows fills
// a Zeek node that starts. Says what of the load the node's process took, how long a change was on its way, and what
// memory it held. The clusters are in this process: what they take is not the node's.
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { type WebSocket, WebSocketServer } from 'ws';
import { count, none, string, vector } from '../../src/zeek/protocol/data/zeek-data.ts';
import { writeAck, writeEvent } from '../../src/zeek/protocol/messages.ts';
import { type Cost, costOf, ended, started } from './zeek-load-child.ts';

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '100' },
    rate: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '600' },
    rows: { type: 'string', default: '1000000' },
  },
});
const [workers, rate, seconds, rows] = [values.workers, values.rate, values.seconds, values.rows].map(
  Number,
) as [number, number, number, number];
const TABLE = 'Load::rows';
const TOPIC = `zeek/table/${TABLE}/`;
/** As often as Zeek's own batches leave. */
const TICK_MS = 10;
/** Of so many keys each worker writes one after the other, so that memory can be flat. */
const KEYS = 1000;
const MOST_CPU_OF_REFILL_MS = 5000;
/** Memory may grow by so much between a tenth of the time and its end. */
const MOST_GROWTH = 1.3;
/** A shorter run, or one of fewer rows, is of a process that warms up: its costs are told and not judged. */
const JUDGED_SECONDS = 60;
const JUDGED_ROWS = 1_000_000;

/** A cluster as far as a node sees it: what it sends is given to `heard`. */
class Cluster {
  readonly #server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  #socket: WebSocket | undefined;
  readonly #heard: (text: string) => void;

  constructor(heard: (text: string) => void) {
    this.#heard = heard;
    this.#server.on('connection', (socket) => {
      socket.once('message', () => {
        socket.send(writeAck(`zeek_${this.port}-websocket-0`, '9.0.0'));
        this.#socket = socket;
        socket.on('message', (data) => this.#heard((data as Buffer).toString('utf8')));
      });
    });
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async listen(): Promise<string> {
    if (this.#server.address() === null) await once(this.#server, 'listening');
    return `ws://127.0.0.1:${this.port}`;
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  send(text: string): void {
    this.#socket?.send(text);
  }

  close(): void {
    this.#socket?.terminate();
    this.#server.close();
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/** The frame of some changes of one worker. */
function frame(worker: number, keys: readonly string[], value: number): string {
  const now = { type: 'timestamp', data: BigInt(Date.now()) * 1_000_000n } as const;
  const kind = { type: 'enum-value', data: 'TABLE_ELEMENT_NEW' } as const;
  const infos = keys.map((key) => vector(kind, now, vector(string(key)), count(value), none));
  const header = vector(string(TABLE), now, string(`zeek_worker_${worker}`));
  return writeEvent(
    { topic: TOPIC, name: 'Cluster::table_change_infos', args: [header, vector(...infos)] },
    'zeek',
  );
}

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** The steady load; true if all of it came through. */
async function load(): Promise<boolean> {
  const sentAt = new Map<string, number>();
  const delays: number[] = [];
  const arrived = { changes: 0 };
  const west = new Cluster(() => undefined);
  const east = new Cluster((text) => {
    for (const [key] of text.matchAll(/w\d+k\d+/g)) {
      arrived.changes += 1;
      const at = sentAt.get(key);
      if (at !== undefined && delays.length < 2_000_000) delays.push(performance.now() - at);
    }
  });
  const child = await started([await west.listen(), await east.listen()], 0);
  while (!west.isConnected || !east.isConnected) await pause(10);
  const begun = performance.now();
  let sent = 0;
  let early: Cost | undefined;
  while (performance.now() - begun < seconds * 1000) {
    await pause(TICK_MS);
    const due = Math.floor(((performance.now() - begun) / 1000) * rate);
    const perWorker = new Map<number, string[]>();
    for (; sent < due; sent++) {
      const worker = sent % workers;
      const key = `w${worker}k${Math.floor(sent / workers) % KEYS}`;
      perWorker.set(worker, [...(perWorker.get(worker) ?? []), key]);
      sentAt.set(key, performance.now());
    }
    for (const [worker, keys] of perWorker) west.send(frame(worker, keys, sent));
    if (early === undefined && performance.now() - begun > seconds * 100) early = await costOf(child);
  }
  const tookMs = performance.now() - begun;
  for (let tries = 0; tries < 200 && arrived.changes < sent; tries++) await pause(50);
  const cost = await costOf(child);
  delays.sort((a, b) => a - b);
  const growth = cost.rss / (early?.rss ?? cost.rss);
  console.log(
    `${workers} workers, ${(sent / (tookMs / 1000)).toFixed(0)} changes/s for ${(tookMs / 1000).toFixed(0)} s: ` +
      `${arrived.changes} of ${sent} through; the node took ${((cost.cpuMs / tookMs) * 100).toFixed(0)} % of a processor; ` +
      `p50 ${percentile(delays, 0.5).toFixed(1)} ms, p99 ${percentile(delays, 0.99).toFixed(1)} ms; ` +
      `${megabytes(early?.rss ?? 0)} after a tenth of the time, ${megabytes(cost.rss)} at its end; ` +
      `told ${JSON.stringify(cost.events)}`,
  );
  await ended(child);
  west.close();
  east.close();
  return arrived.changes === sent && (seconds < JUDGED_SECONDS || growth < MOST_GROWTH);
}

/** A Zeek node starts, and asks for everything. */
async function refill(): Promise<boolean> {
  const filled = { rows: 0, bytes: 0, isDone: false };
  const topic = 'tablecast/node/zeek_started/';
  const west = new Cluster((text) => {
    if (text.includes('Tablecast::refilled')) filled.isDone = true;
    if (!text.includes(`"${topic}"`)) return;
    filled.bytes += text.length;
    filled.rows += text.split('TABLE_ELEMENT_NEW').length - 1;
  });
  const child = await started([await west.listen()], rows);
  while (!west.isConnected) await pause(10);
  // What is sent because they met comes first.
  let before = await costOf(child);
  for (let last = -1; before.events['zeek-refilled'] !== 1 || before.cpuMs - last > 5;) {
    last = before.cpuMs;
    await pause(100);
    before = await costOf(child);
  }
  const begun = performance.now();
  const args = [string('worker-1'), string('zeek_started'), string(topic), vector(string(TABLE))];
  west.send(writeEvent({ topic: 'tablecast/announce/', name: 'Tablecast::node_started', args }, 'zeek'));
  let most = before.rss;
  while (!filled.isDone) {
    await pause(50);
    most = Math.max(most, (await costOf(child)).rss);
  }
  const after = await costOf(child);
  const cpuMs = after.cpuMs - before.cpuMs;
  console.log(
    `${rows} rows filled in ${((performance.now() - begun) / 1000).toFixed(1)} s, ` +
      `${(cpuMs / 1000).toFixed(2)} s of the node's processor time, ${megabytes(filled.bytes)}; ` +
      `${filled.rows} rows arrived; memory ${megabytes(before.rss)} before, ${megabytes(most)} at most`,
  );
  await ended(child);
  west.close();
  if (filled.rows !== rows || rows < JUDGED_ROWS) return filled.rows === rows;
  return cpuMs * (JUDGED_ROWS / rows) <= MOST_CPU_OF_REFILL_MS && most < before.rss * MOST_GROWTH;
}

const isThrough = await load();
const isFilled = await refill();
if (!isThrough || !isFilled) process.exitCode = 1;
