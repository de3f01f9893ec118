import pg from 'pg';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { PostgresTarget } from '../../src/sql/postgres-target.ts';
import { postgresDialect } from '../../src/sql/postgres-values.ts';
import { createStandings } from '../../src/sql/statements.ts';
import { hasPostgres } from './support/postgres-server.ts';
import { postgresKind } from './support/targets.ts';

const kind = postgresKind();
afterAll(() => kind.close());

const WAITING =
  "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'tablecast' AND wait_event_type = 'Lock'";

test.runIf(hasPostgres)('two projections that are the first of a database begin at once', async () => {
  const database = await kind.make();
  onTestFinished(() => database.close());
  const connected = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: database.to });
    await client.connect();
    onTestFinished(() => client.end());
    return client;
  };
  const other = await connected();
  // What a transaction sees of others' waiting stays as it was when it first looked.
  const watching = await connected();
  await other.query('BEGIN');
  await other.query(createStandings(postgresDialect, 'bigint'));
  const target = new PostgresTarget(database.to);
  onTestFinished(() => target.close());
  const opened = target.open([]);
  const isWaiting = async (): Promise<boolean> =>
    (await watching.query<{ n: string }>(WAITING)).rows[0]?.n !== '0';
  while (!(await isWaiting()));
  await other.query('COMMIT');
  expect(await opened).toEqual([]);
});
