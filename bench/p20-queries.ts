import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { TableNode } from 'tablecast';
import { CPU, type Contest, type Measure, type Sample, type Setting, type Target } from './contest.ts';
import { projectionContests } from './p20-projection.ts';
import { stopwatch } from './clock.ts';
import { delays } from './p16-event-loop.ts';
import { declare, product } from './product.ts';

const module = 'p20-queries';
const LOOK_UPS = 50_000;
/** Rows that a query goes over. */
const rowsOf = ({ quick }: Setting): number => (quick ? 100_000 : 1_000_000);

/** Addresses of 10.0.0.0/8, each another. */
function* hosts(count: number): Generator<readonly [host: string, times: number]> {
  for (let at = 0; at < count; at++)
    yield [`10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`, at % 1000];
}

async function filled(setting: Setting): Promise<TableNode> {
  const { openNode } = await product();
  const node = await openNode({ id: 'bench' });
  const table = node.table('hosts', { key: 'addr', value: 'count' });
  for (const [host, times] of hosts(rowsOf(setting))) table.set(host, times);
  return node;
}

function filledFile(setting: Setting): Database.Database {
  const database = new Database(join(setting.directory, 'floor.db'));
  database.pragma('synchronous = OFF');
  database.exec('CREATE TABLE hosts (key TEXT NOT NULL, value INTEGER, PRIMARY KEY (key)) STRICT; BEGIN');
  const put = database.prepare('INSERT INTO hosts VALUES (?, ?)');
  for (const row of hosts(rowsOf(setting))) put.run(row);
  database.exec('COMMIT');
  return database;
}

const LOOK_UP = 'SELECT value FROM hosts WHERE key = ?';

async function lookUps(setting: Setting, find: (key: string) => unknown): Promise<Sample> {
  const keys = Array.from(hosts(rowsOf(setting)), ([key]) => key);
  const spent = stopwatch();
  for (let at = 0; at < LOOK_UPS; at++) await find(keys[(at * 7919) % keys.length] as string);
  return { cpu: spent().cpuUs / LOOK_UPS };
}

export const lookUpFloor: Measure = async (setting) => {
  const database = filledFile(setting);
  const statement = database.prepare(LOOK_UP);
  const sample = await lookUps(setting, (key) => statement.get(key));
  database.close();
  return sample;
};

export const lookUpOurs: Measure = async (setting) => {
  const node = await filled(setting);
  const sample = await lookUps(setting, (key) => node.query(LOOK_UP, [key]));
  await node.close();
  return sample;
};

const SUM = 'SELECT count(*) AS n, sum(value) AS s FROM hosts';
const SUBNET = "SELECT count(*) AS n FROM hosts WHERE addr_in('10.0.0.0/12', key)";

export const wholeFloor: Measure = async (setting) => {
  const database = filledFile(setting);
  const statement = database.prepare(SUM);
  statement.get();
  const spent = stopwatch();
  statement.get();
  const { wallUs } = spent();
  database.close();
  return { sum: wallUs / 1e6, subnet: Number.NaN, first: Number.NaN };
};

export const wholeOurs: Measure = async (setting) => {
  const node = await filled(setting);
  const timed = async (sql: string): Promise<number> => {
    const spent = stopwatch();
    await node.query(sql);
    return spent().wallUs / 1e6;
  };
  const sample = { first: await timed(SUM), sum: await timed(SUM), subnet: await timed(SUBNET) };
  await node.close();
  return sample;
};

/** Writes 100,000 a second, beside queries of which one follows the other where they are asked for. */
async function written(setting: Setting, isAsked: boolean): Promise<Sample> {
  const node = await filled(setting);
  const table = declare(node, 'numbers');
  const asked = { on: isAsked, count: 0 };
  await node.query(SUM);
  const asking = (async () => {
    for (; asked.on; asked.count++)
      await node.query('SELECT addr_mask(key, 16) AS net, count(*) AS n FROM hosts GROUP BY net', [], {
        maxMs: 600_000,
      });
  })();
  const sample = await delays((key, value) => table.set(key, value), {
    quick: setting.quick,
    perSecond: 100_000,
  });
  asked.on = false;
  await asking;
  await node.close();
  return { ...sample, queries: asked.count };
}

export const writesAlone: Measure = (setting) => written(setting, false);
export const writesBeside: Measure = (setting) => written(setting, true);

const ms = (name: string) => ({ name, label: name, unit: 'ms' });
const seconds = (name: string, label: string) => ({ name, label, unit: 's' });

const contests: readonly Contest[] = [
  {
    name: 'look-up',
    title: 'a row by its key, SELECT value FROM hosts WHERE key = ?',
    metrics: [CPU],
    contestants: [
      { name: 'SQLite alone', kind: 'floor', module, export: 'lookUpFloor' },
      { name: 'tablecast', kind: 'ours', module, export: 'lookUpOurs' },
    ],
    goals: [{ text: '≤ 30 µs', metric: 'cpu', of: 'tablecast', atMost: 30 }],
  },
  {
    name: 'whole',
    title: 'over 1,000,000 rows of addr and count, with --quick 100,000',
    metrics: [seconds('sum', 'count, sum'), seconds('subnet', 'addr_in'), seconds('first', 'first query')],
    contestants: [
      { name: 'SQLite alone', kind: 'floor', module, export: 'wholeFloor' },
      { name: 'tablecast', kind: 'ours', module, export: 'wholeOurs' },
    ],
    goals: [
      { text: '≤ 1 s', metric: 'sum', of: 'tablecast', atMost: 1 },
      { text: 'addr_in ≤ 1 s', metric: 'subnet', of: 'tablecast', atMost: 1 },
    ],
  },
  {
    name: 'event loop',
    title: 'delay of the event loop while 100,000 writes/s and long queries go on',
    note: 'The writer makes up at most 20 ms of work at once; a machine with two cores has three threads busy.',
    metrics: [ms('p99'), ms('p50'), ms('max'), { name: 'rate', label: 'writes', unit: '1/s', larger: true }],
    contestants: [
      { name: 'writes alone', kind: 'floor', module, export: 'writesAlone' },
      { name: 'beside queries', kind: 'ours', module, export: 'writesBeside' },
    ],
    goals: [{ text: 'p99 ≤ 20 ms', metric: 'p99', of: 'beside queries', atMost: 20 }],
  },
];

/** Queries in SQL: one row, all rows, and what they cost the node that goes on writing; and tables kept in a database. */
export const p20: Target = { id: 'P20', title: 'SQL', contests: [...contests, ...projectionContests] };
