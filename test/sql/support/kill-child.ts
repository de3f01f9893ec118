import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { firstValueFrom, toArray } from 'rxjs';
import { type Operation, type SqlProjection, openNode } from '../../../src/index.ts';
import { Feed } from '../../../src/sql/feed.ts';
import type { Batch } from '../../../src/sql/messages.ts';
import { type ReadTarget, readTarget } from './read-target.ts';

/**
 * A node that writes without end into two tables and projects them, to be killed. Arguments: directory, targets
 * with commas between them, `sound` or a planted fault: `loses` (the first segment of a batch never gets there), `stands`
 * (nothing of the log does). Prints `equal <last number>` once every target was looked at and is as the log says,
 * `ack <number>` for each flush, `wrong <what>` for what is not as it has to be, and at each beat `does <what>`.
 * Takes `check` and `end-threads` as lines of its input.
 */
const [directory = '', places = '', behaviour = 'sound'] = process.argv.slice(2);
const TABLES = ['numbers', 'doubles'] as const;
const PER_FLUSH = 13;
const BEAT_MS = 250;

const threads = new Set<Worker>();
type Post = (this: Worker, message: unknown, transfer?: readonly ArrayBuffer[]) => void;
const post = Reflect.get(Worker.prototype, 'postMessage') as Post;
Worker.prototype.postMessage = function (this: Worker, ...args: Parameters<Post>): void {
  const message = args[0] as { kind?: unknown } | null;
  // Only threads that project are handed these.
  if (message?.kind === 'basis' || message?.kind === 'batch') threads.add(this);
  post.apply(this, args);
};

if (behaviour === 'loses') {
  type Read = (this: Feed, after: number) => Promise<Batch>;
  const read: Read = Reflect.get<Feed, 'read'>(Feed.prototype, 'read');
  let batches = 0;
  Feed.prototype.read = async function (this: Feed, after: number) {
    const batch = await read.call(this, after);
    return ++batches > 1 ? { ...batch, segments: batch.segments.slice(1) } : batch;
  };
}

if (behaviour === 'stands') Feed.prototype.read = () => new Promise(() => undefined);

function say(word: string, what: unknown): void {
  process.stdout.write(`${word} ${String(what)}\n`);
}

const node = await openNode({ id: 'writer', directory });
let trouble = '';
node.events.subscribe(({ code, message }) => {
  if (code === 'projection-failed') trouble = `; was told: ${message}`;
});
const numbers = node.table('numbers', { key: 'string', value: 'count', backend: 'sqlite' });
const doubles = node.table('doubles', { key: 'string', value: 'count', backend: 'sqlite' });
let doing = 'looks at what the crash left';
let projections: SqlProjection[] = [];
setInterval(() => {
  const stand = projections.map(({ to, state, position }) => `${to} ${state} at ${position}`);
  say('does', [doing, `position ${node.log.position}`, ...stand].join('; ') + trouble);
}, BEAT_MS);
const targets: ReadTarget[] = places.split(',').map(readTarget);
let last = Math.max(0, ...Array.from(numbers.values(), Number), ...Array.from(doubles.values(), Number));

for (const target of targets) await checkAtRest(target);
projections = targets.map(({ to }) => node.project([...TABLES], { to, history: true }));

let checks = 1;
void (async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'check') checks++;
    else for (const thread of threads) void thread.terminate();
  }
})();

for (;;) {
  if (checks > 0) {
    checks = 0;
    for (const [index, projection] of projections.entries()) {
      doing = `waits for ${projection.to}`;
      await projection.reached();
      await checkEqual(targets[index] as ReadTarget);
    }
    say('equal', last);
  }
  doing = 'writes';
  for (let count = PER_FLUSH; count > 0; count--) write();
  await node.flush();
  say('ack', last);
  // Slow enough that a life's log stays short, and that what comes between two commits of a target differs.
  await setTimeout(last % 40);
  if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
}

function write(): void {
  last++;
  if (last % 11 === 0) numbers.delete(`k${(last * 7) % 100}`);
  else if (last % 997 === 0) doubles.clear();
  else if (last % 5 === 0)
    node.batch(() => {
      numbers.set('pair', last);
      doubles.set('pair', last);
    });
  else (last % 2 === 0 ? numbers : doubles).set(`k${last % 100}`, last);
}

/** Whether what a crash left in a target is one moment of the log, the same for all tables. */
async function checkAtRest(target: ReadTarget): Promise<void> {
  const positions = await target.positions();
  if (positions.length === 0) return;
  if (new Set(positions).size > 1) say('wrong', `tables of ${target.to} stand at ${positions.join(', ')}`);
  for (const table of TABLES) {
    const state = await node.log.stateAt({ table, position: positions[0] });
    const rows = await target.rows(table);
    const expected = Array.from(state, ([key, value]) => `${String(key)}=${Number(value)}`);
    compare(`${table} in ${target.to} at ${positions[0]}`, rows, expected);
  }
}

/** Whether a target holds the rows and the whole history that the log tells. */
async function checkEqual(target: ReadTarget): Promise<void> {
  doing = `reads the log for ${target.to}`;
  const operations = await firstValueFrom(node.log.operations({ until: node.log.position }).pipe(toArray()));
  for (const [name, table] of [['numbers', numbers] as const, ['doubles', doubles] as const]) {
    doing = `compares ${name} in ${target.to}`;
    const rows = Array.from(table, ([key, value]) => `${key}=${value}`);
    compare(`${name} in ${target.to}`, await target.rows(name), rows);
    const told = versionsOf(operations.filter((operation) => operation.table === name));
    compare(`history of ${name} in ${target.to}`, await target.versions(name), told);
  }
}

function versionsOf(operations: readonly Operation[]): string[] {
  const open = new Map<string, string>();
  const versions: string[] = [];
  const end = (key: string, position: number): void => {
    const begun = open.get(key);
    if (begun !== undefined) versions.push(`${begun}..${position}`);
    open.delete(key);
  };
  for (const { kind, key, value, position } of operations) {
    if (kind === 'clear') for (const each of Array.from(open.keys())) end(each, position);
    else end(String(key), position);
    if (kind === 'set') open.set(String(key), `${String(key)}=${String(value)} ${position}`);
  }
  return [...versions, ...Array.from(open.values(), (begun) => `${begun}..`)];
}

function compare(what: string, found: readonly string[], expected: readonly string[]): void {
  const [one, other] = [new Set(found), new Set(expected)];
  const missing = expected.filter((each) => !one.has(each));
  const excess = found.filter((each) => !other.has(each));
  const double = found.length - one.size;
  if (missing.length + excess.length + double === 0) return;
  say(
    'wrong',
    `${what}: ${missing.length} lost (${missing.slice(0, 3).join('; ')}), ${excess.length} too many (${excess.slice(0, 3).join('; ')}), ${double} double`,
  );
}
