import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import pg from 'pg';

/** What a target holds, as text, read past every projection. */
export interface ReadTarget {
  readonly to: string;
  /** At which positions its tables stand. */
  positions(): Promise<number[]>;
  /** `key=value` of each row. */
  rows(table: string): Promise<string[]>;
  /** `key=value from..to` of each version. */
  versions(table: string): Promise<string[]>;
}

/** A target of either kind. */
export function readTarget(to: string): ReadTarget {
  const read = to.startsWith('postgres') ? readPostgres : readSqlite;
  return {
    to,
    positions: async () =>
      (await read(to, 'SELECT position FROM tablecast_projections')).map(([position]) => Number(position)),
    rows: async (table) =>
      (await read(to, `SELECT key, value FROM ${table}`)).map(([key, value]) => `${key}=${value}`),
    versions: async (table) => {
      const columns = 'key, value, from_position, to_position';
      const found = await read(to, `SELECT ${columns} FROM ${table}_history`);
      return found.map(([key, value, from, end]) => `${key}=${value} ${from}..${end ?? ''}`);
    },
  };
}

type Cells = readonly (string | number | null)[];

async function readSqlite(file: string, sql: string): Promise<Cells[]> {
  if (!existsSync(file)) return [];
  const database = new Database(file, { readonly: true, timeout: 10_000 });
  try {
    const isThere = database
      .prepare("SELECT 1 FROM sqlite_schema WHERE name = 'tablecast_projections'")
      .get();
    return isThere === undefined ? [] : (database.prepare(sql).raw(true).all() as Cells[]);
  } finally {
    database.close();
  }
}

async function readPostgres(to: string, sql: string): Promise<Cells[]> {
  for (;;) {
    const client = new pg.Client({ connectionString: to, connectionTimeoutMillis: 5000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows: found } = await client.query(
        "SELECT to_regclass('tablecast_projections') IS NOT NULL AS found",
      );
      if (!(found[0] as { found: boolean }).found) return [];
      const { rows } = await client.query({ text: sql, rowMode: 'array' });
      return rows as Cells[];
    } catch (error) {
      const code = (error as { code?: string }).code ?? '';
      // The server was killed, or recovers; whoever killed it starts it again.
      if (code.length === 5 && !code.startsWith('57') && !code.startsWith('08')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
