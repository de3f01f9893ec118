import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import Database from 'better-sqlite3';
import pg from 'pg';
import { type PostgresServer, startPostgres } from '../test/sql/support/postgres-server.ts';
import {
  CPU,
  type Contest,
  type Contestant,
  type Measure,
  RATE,
  type Sample,
  type Setting,
} from './contest.ts';
import { KEYS, keysOf, orderOf, valueOf } from './data.ts';
import { declare, product } from './product.ts';

const module = 'p20-projection';
/** Rows of one transaction, and of one statement of SQLite: as the product does it. */
const PER_COMMIT = 16_384;
const PER_STATEMENT = 64;
/** Writes between two turns of the event loop. */
const PER_TURN = 1000;

const server = [{ what: 'program', name: 'psql' } as const];

/** What is written: every key once, then keys at random. */
function* writes({ quick }: Setting): Generator<readonly [key: string, value: number]> {
  const keys = keysOf(KEYS);
  let index = 0;
  for (const key of keys) yield [key, valueOf(index++)];
  for (const at of orderOf(quick ? KEYS : 4 * KEYS, KEYS)) yield [keys[at] as string, valueOf(index++)];
}

async function measured(operations: number, act: () => Promise<void>): Promise<Sample> {
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  await act();
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - begun) / 1000;
  return { rate: operations / seconds, cpu: (user + system) / operations };
}

async function ours(setting: Setting, to: string): Promise<Sample> {
  const { openNode } = await product();
  const node = await openNode({ id: 'bench' });
  try {
    const table = declare(node, 'rows');
    const projection = node.project('rows', { to });
    await projection.reached();
    const all = [...writes(setting)];
    return await measured(all.length, async () => {
      for (const [index, [key, value]] of all.entries()) {
        table.set(key, value);
        if (index % PER_TURN === 0) await setImmediate();
      }
      await projection.reached();
    });
  } finally {
    await node.close();
  }
}

/** The same rows in transactions of the same size; of a key that is written twice in one, the last. */
function* commits(setting: Setting): Generator<readonly Row[]> {
  let rows = new Map<string, Row>();
  let sequence = 0;
  for (const [key, value] of writes(setting)) {
    rows.set(key, [key, value, 'bench@1', ++sequence, Date.now()]);
    if (rows.size < PER_COMMIT) continue;
    yield [...rows.values()];
    rows = new Map();
  }
  yield [...rows.values()];
}

type Row = readonly [key: string, value: number, origin: string, sequence: number, time: number];

const UPSERT =
  'ON CONFLICT (key) DO UPDATE SET value = excluded.value, _origin = excluded._origin, _sequence = excluded._sequence, _time = excluded._time';

export const sqliteFloor: Measure = (setting) => {
  const database = new Database(join(setting.directory, 'floor.db'));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  database.exec(
    'CREATE TABLE rows (key TEXT NOT NULL, value REAL, _origin TEXT, _sequence INTEGER, _time INTEGER, PRIMARY KEY (key)) STRICT',
  );
  const sql = (count: number): string =>
    `INSERT INTO rows VALUES ${Array(count).fill('(?, ?, ?, ?, ?)').join(', ')} ${UPSERT}`;
  const many = database.prepare(sql(PER_STATEMENT));
  const one = database.prepare(sql(1));
  const { length } = [...writes(setting)];
  return measured(length, async () => {
    for (const rows of commits(setting)) {
      database.exec('BEGIN IMMEDIATE');
      let at = 0;
      for (; at + PER_STATEMENT <= rows.length; at += PER_STATEMENT)
        many.run(rows.slice(at, at + PER_STATEMENT).flat());
      for (; at < rows.length; at++) one.run(rows[at]);
      database.exec('COMMIT');
    }
  });
};

export const sqliteOurs: Measure = (setting) => ours(setting, join(setting.directory, 'rows.db'));

async function withServer(act: (url: string, started: PostgresServer) => Promise<Sample>): Promise<Sample> {
  const started = await startPostgres();
  try {
    return await act(await started.database(), started);
  } finally {
    await started.close();
  }
}

export const postgresFloor: Measure = (setting) =>
  withServer(async (url) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(
      'CREATE TABLE rows (key text PRIMARY KEY, value double precision, _origin text, _sequence bigint, _time timestamptz)',
    );
    const text = `INSERT INTO rows SELECT * FROM unnest($1::text[], $2::float8[], $3::text[], $4::bigint[], $5::timestamptz[]) ${UPSERT}`;
    const { length } = [...writes(setting)];
    const sample = await measured(length, async () => {
      for (const rows of commits(setting)) {
        await client.query('BEGIN');
        for (let at = 0; at < rows.length; at += PER_COMMIT / 2) {
          const part = rows.slice(at, at + PER_COMMIT / 2);
          const columns = [0, 1, 2, 3].map((column) => part.map((row) => row[column]));
          await client.query(text, [...columns, part.map((row) => new Date(row[4]).toISOString())]);
        }
        await client.query('COMMIT');
      }
    });
    await client.end();
    return sample;
  });

export const postgresOurs: Measure = (setting) => withServer((url) => ours(setting, url));

function contest(
  { name, title }: { readonly name: string; readonly title: string },
  [floor, subject]: readonly [Contestant, Contestant],
  rate: number,
): Contest {
  return {
    name,
    title,
    note: `CPU of the process that writes, its threads included, the server left out. Wanted: ${rate.toLocaleString('en')} op/s, or 0.7x.`,
    metrics: [RATE, CPU],
    contestants: [floor, subject],
    goals: [
      {
        text: '≥ 0.7x the same upserts alone',
        metric: 'rate',
        of: subject.name,
        over: floor.name,
        atLeast: 0.7,
      },
    ],
  };
}

/** Projections into a database, part of P20. */
export const projectionContests: readonly Contest[] = [
  contest(
    { name: 'sqlite', title: 'into SQLite: from the first write until the last is in the target' },
    [
      { name: 'upserts alone', kind: 'floor', module, export: 'sqliteFloor' },
      { name: 'tablecast', kind: 'ours', module, export: 'sqliteOurs' },
    ],
    200_000,
  ),
  contest(
    { name: 'postgres', title: 'into PostgreSQL: from the first write until the last is in the target' },
    [
      { name: 'upserts alone', kind: 'floor', module, export: 'postgresFloor', needs: server },
      { name: 'tablecast', kind: 'ours', module, export: 'postgresOurs', needs: server },
    ],
    100_000,
  ),
];
