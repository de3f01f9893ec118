import { symlinkSync } from 'node:fs';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isPostgres } from '../../src/options/sql-target.ts';
import { FACTS, type TablePlan } from '../../src/sql/columns.ts';
import { PostgresTarget } from '../../src/sql/postgres-target.ts';
import { SqliteTarget } from '../../src/sql/sqlite-target.ts';
import type { Target } from '../../src/sql/target.ts';
import { type TestTarget, targetKinds } from './support/targets.ts';

type Given = Partial<Pick<TablePlan, 'history' | 'existing' | 'into'>> & {
  readonly value?: 'count' | 'string' | 'double' | 'int';
};

function planOf(
  table: string,
  { value = 'count', history = false, existing = false, into }: Given,
): TablePlan {
  const own = [
    { name: 'key', type: 'string' },
    { name: 'value', type: value },
  ] as const;
  const columns = existing ? own : [...own, ...FACTS];
  return { table, into: into ?? table, columns, keyCount: 1, history, existing };
}

describe.each(targetKinds())('in $name', (kind) => {
  let target: TestTarget;
  const isSqlite = kind.name === 'sqlite';

  beforeEach(async () => {
    target = await kind.make();
  });

  afterEach(() => target.close());

  afterAll(() => kind.close());

  function opened(to = target.to): Target {
    return isPostgres(to) ? new PostgresTarget(to) : new SqliteTarget(to);
  }

  /** Does what a projection begins with: tables with one row each, whose key is the table's name. */
  async function project(tables: readonly string[], given: Given = {}, position = 1200): Promise<void> {
    const plans = tables.map((table) => planOf(table, given));
    const into = opened();
    try {
      await into.open(plans);
      await into.transaction(async (writer) => {
        for (const plan of plans) await writer.make(plan);
        for (const plan of plans) {
          const facts = given.existing ? [] : ['n@1', 1, 0];
          await writer.put(plan, [[plan.table, given.value === 'string' ? 'x' : 7, ...facts]]);
          if (plan.history) await writer.reconcile(plan, { position, time: 0 });
          await writer.swap(plan);
          await writer.stand(plan, { source: 'n@1', position });
        }
      });
    } finally {
      await into.close();
    }
  }

  async function run(...statements: string[]): Promise<void> {
    for (const sql of statements) await target.read(sql);
  }

  async function mine(...names: string[]): Promise<void> {
    for (const name of names) await run(`CREATE TABLE ${name} AS SELECT 'mine' AS note`);
  }

  async function expectMine(...names: string[]): Promise<void> {
    for (const name of names)
      expect(await target.read(`SELECT note FROM ${name}`), name).toEqual([{ note: 'mine' }]);
  }

  async function keys(table: string): Promise<unknown> {
    return (await target.read(`SELECT key FROM ${table}`)).map(({ key }) => key);
  }

  async function tablesLike(pattern: string): Promise<string[]> {
    const from = isSqlite
      ? "sqlite_schema WHERE type = 'table'"
      : "(SELECT relname AS name FROM pg_class WHERE relkind = 'r') t WHERE true";
    const rows = await target.read(`SELECT name FROM ${from} AND name LIKE '${pattern}' ORDER BY name`);
    return rows.map(({ name }) => String(name));
  }

  const refusal = {
    code: 'OPTION_INVALID',
    retryable: false,
    message: expect.stringContaining('left as it is') as string,
  };

  test('a table of the user whose name begins as that of a projected one stays', async () => {
    const names = [
      'hosts__next',
      `hosts__next${'_'.repeat(35)}`,
      'hosts_pkey',
      `hosts__next${'_'.repeat(35)}_pkey`,
    ];
    await mine(...names);
    for (const value of ['count', 'string', 'double'] as const) {
      await project(['hosts'], { value });
      await expectMine(...names);
      expect(await keys('hosts')).toEqual(['hosts']);
    }
    expect(await tablesLike('hosts%')).toEqual(['hosts', ...names].toSorted());
  });

  test('tables hosts and hosts__next of a node are beside each other, also when they are made anew', async () => {
    const tables = ['hosts', 'hosts__next', 'hosts__next__next'];
    for (const value of ['count', 'string', 'double'] as const) {
      await project(tables, { value });
      for (const table of tables) expect(await keys(table)).toEqual([table]);
    }
    await project(['hosts']);
    for (const table of tables) expect(await keys(table)).toEqual([table]);
  });

  test('a history that is set aside takes a free name', async () => {
    await project(['hosts'], { history: true });
    const aside = 'hosts_history_1200';
    await mine(aside);
    for (const value of ['string', 'double', 'int'] as const)
      await project(['hosts'], { value, history: true });
    await expectMine(aside);
    expect(await tablesLike('hosts^_history%'.replace('^', isSqlite ? '' : '\\'))).toEqual([
      'hosts_history',
      aside,
      `${aside}_2`,
      `${aside}_3`,
      `${aside}_4`,
    ]);
    // A table of the node that is yet to be made keeps its name as well.
    await run(`DROP TABLE ${aside}`);
    await project(['hosts', aside], { history: true });
    expect(await keys(aside)).toEqual([aside]);
    expect(await keys('hosts_history')).toEqual(['hosts']);
  });

  test('a history that is no longer wanted is set aside as well', async () => {
    await project(['hosts'], { history: true });
    await project(['hosts']);
    expect(await tablesLike('hosts_history%')).toEqual(['hosts_history_1200']);
    await project(['hosts'], { history: true });
    expect(await tablesLike('hosts_history%')).toEqual(['hosts_history', 'hosts_history_1200']);
  });

  test('a history whose table was dropped is made anew', async () => {
    await project(['hosts'], { history: true });
    await run('DROP TABLE hosts_history');
    await project(['hosts'], { history: true });
    expect(await keys('hosts_history')).toEqual(['hosts']);
  });

  test('what the user has under the names of indexes stays', async () => {
    await mine('hosts_history_now', 'noted');
    await run('CREATE INDEX hosts_history_past ON noted (note)');
    for (const value of ['count', 'string'] as const) await project(['hosts'], { value, history: true });
    await expectMine('hosts_history_now');
    await run('DROP INDEX hosts_history_past');
  });

  test('a table hosts_history of the user stays, and a history is refused', async () => {
    await mine('hosts_history');
    await expect(project(['hosts'], { history: true })).rejects.toMatchObject({
      ...refusal,
      hint: expect.stringContaining('without history') as string,
      details: { table: 'hosts' },
    });
    await project(['hosts']);
    await project(['hosts'], { value: 'string' });
    await expect(project(['hosts'], { history: true })).rejects.toMatchObject(refusal);
    await expectMine('hosts_history');
  });

  test('a table of the user that was written once stays the user’s', async () => {
    const type = isSqlite ? 'INTEGER' : 'numeric(20)';
    await run(`CREATE TABLE hosts (key TEXT PRIMARY KEY, value ${type}, note TEXT DEFAULT 'mine')`);
    await project(['hosts'], { existing: true });
    await expect(project(['hosts'])).rejects.toMatchObject(refusal);
    await expectMine('hosts');
    await project(['hosts'], { existing: true });
    await expectMine('hosts');
  });

  const under: readonly (readonly [what: string, sql: string])[] = [
    ['view', "CREATE VIEW hosts AS SELECT 'mine' AS note"],
    ['index', 'CREATE INDEX hosts ON noted (note)'],
    ['table', 'CREATE TABLE hosts (key TEXT PRIMARY KEY, value INTEGER)'],
    ...(isSqlite
      ? ([
          ['table in another case', 'CREATE TABLE "Hosts" (key TEXT PRIMARY KEY, value INTEGER)'],
          ['virtual table', 'CREATE VIRTUAL TABLE hosts USING fts5(key, value)'],
        ] as const)
      : ([
          ['materialized view', "CREATE MATERIALIZED VIEW hosts AS SELECT 'mine' AS note"],
          ['sequence', 'CREATE SEQUENCE hosts'],
          [
            'partitioned table',
            'CREATE TABLE hosts (key TEXT PRIMARY KEY, value INTEGER) PARTITION BY LIST (key)',
          ],
        ] as const)),
  ];

  test.each(under)('a %s of the user under the name of a table is refused, and stays', async (_, sql) => {
    await mine('noted');
    await run(sql);
    await expect(project(['hosts'])).rejects.toMatchObject(refusal);
    // Also where a projection had a table of that name before.
    await project(['other'], { into: 'elsewhere' });
    await run("UPDATE tablecast_projections SET target = 'hosts'");
    for (const value of ['count', 'string'] as const)
      await expect(project(['hosts'], { value })).rejects.toMatchObject(refusal);
    await expect(run(sql)).rejects.toThrow(/exists|already/);
  });

  test('a table of the user in the place of one that a projection made stays', async () => {
    await project(['hosts'], { history: true });
    await run('DROP TABLE hosts', 'DROP TABLE hosts_history');
    await mine('hosts', 'hosts_history');
    for (const value of ['count', 'string'] as const)
      await expect(project(['hosts'], { value })).rejects.toMatchObject(refusal);
    await run('DROP TABLE hosts');
    await expect(project(['hosts'], { history: true })).rejects.toMatchObject(refusal);
    await project(['hosts']);
    await expectMine('hosts_history');
  });

  test.each(
    ['tablecast_projections', ...(isSqlite ? ['TableCast_Projections'] : [])].flatMap((name) => [
      [`CREATE TABLE ${name} AS SELECT 'mine' AS note`, name],
      [`CREATE VIEW ${name} AS SELECT 'mine' AS note`, name],
    ]),
  )('with "%s" of the user nothing is projected', async (sql, name) => {
    await run(sql);
    await expect(project(['hosts'])).rejects.toMatchObject(refusal);
    await expectMine(name);
  });

  const attached: readonly (readonly [what: string, sql: string, still: string])[] = [
    ['column', 'ALTER TABLE hosts ADD COLUMN note TEXT', 'UPDATE hosts SET note = NULL'],
    ['index', 'CREATE INDEX by_value ON hosts (value)', 'DROP INDEX by_value'],
    [
      'trigger',
      isSqlite
        ? 'CREATE TRIGGER told AFTER INSERT ON hosts BEGIN DELETE FROM noted; END'
        : 'CREATE TRIGGER told AFTER INSERT ON hosts EXECUTE FUNCTION noting()',
      isSqlite ? 'DROP TRIGGER told' : 'DROP TRIGGER told ON hosts',
    ],
    [
      'table that refers to it',
      'CREATE TABLE child (host TEXT REFERENCES hosts (key) ON DELETE CASCADE)',
      'DROP TABLE child',
    ],
    ...(isSqlite ? [] : ([['view', 'CREATE VIEW seen AS SELECT key FROM hosts', 'DROP VIEW seen']] as const)),
  ];

  test.each(attached)('a %s of the user stays, and the table is not made anew', async (_, sql, still) => {
    await mine('noted');
    if (!isSqlite)
      await run('CREATE FUNCTION noting() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$');
    await project(['hosts']);
    await run(sql);
    if (sql.includes('child')) await run("INSERT INTO child VALUES ('hosts')");
    await project(['hosts']);
    await expect(project(['hosts'], { value: 'string' })).rejects.toMatchObject({
      ...refusal,
      message: expect.stringMatching(/note|by_value|told|child|seen/) as string,
    });
    if (sql.includes('child')) expect(await target.read('SELECT * FROM child')).toEqual([{ host: 'hosts' }]);
    expect(await target.read('SELECT key FROM hosts WHERE value = 7')).toEqual([{ key: 'hosts' }]);
    await run(still);
  });

  test.runIf(isSqlite)('a view of the user reads the table that was made anew', async () => {
    await project(['hosts'], { history: true });
    await run('CREATE VIEW seen AS SELECT value FROM hosts JOIN hosts_history USING (key, value)');
    await project(['hosts'], { value: 'string', history: true });
    expect(await target.read('SELECT value FROM seen')).toEqual([{ value: 'x' }]);
  });

  test.runIf(isSqlite)(
    'tables written as HOSTS and hosts, and files under two names, have one lock',
    async () => {
      const first = opened();
      await first.open([planOf('hosts', {})]);
      symlinkSync(target.to, `${target.to}.link`);
      for (const [to, table] of [
        [target.to, 'HOSTS'],
        [`${target.to}.link`, 'hosts'],
      ] as const) {
        const second = opened(to);
        await expect(second.open([planOf(table, {})])).rejects.toMatchObject({ code: 'BACKEND_IN_USE' });
        await second.close();
      }
      await first.close();
    },
  );

  test.runIf(!isSqlite)('tables of the same names in other schemas, and in another case, stay', async () => {
    await project(['hosts'], { history: true });
    await mine('"HOSTS"');
    // A schema of that name comes before `public`, where nothing is ours any more.
    await run('CREATE SCHEMA tablecast');
    await project(['hosts'], { value: 'string', history: true }, 5);
    expect(await target.read('SELECT value FROM tablecast.hosts')).toEqual([{ value: 'x' }]);
    expect(await target.read('SELECT value FROM public.hosts')).toEqual([{ value: '7' }]);
    await run('DROP TABLE tablecast.hosts');
    await project(['hosts'], { history: true }, 6);
    expect(await target.read('SELECT key FROM public.hosts_history')).toEqual([{ key: 'hosts' }]);
    expect(await tablesLike('hosts%')).toEqual([
      'hosts',
      'hosts',
      'hosts_history',
      'hosts_history',
      'hosts_history_5',
    ]);
    await expectMine('"HOSTS"');
  });
});
