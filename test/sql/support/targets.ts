import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import pg from 'pg';
import { type PostgresServer, hasPostgres, startPostgres } from './postgres-server.ts';

/** A database that tests project into and read. */
export interface TestTarget {
  readonly to: string;
  /** Runs statements, or reads rows; 64-bit integers come as text. */
  read(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** A kind of target, and how one is made. */
export interface TargetKind {
  readonly name: 'sqlite' | 'postgres';
  make(): Promise<TestTarget>;
  close(): Promise<void>;
}

const sqlite: TargetKind = {
  name: 'sqlite',
  make: async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tablecast-sql-'));
    const to = join(directory, 'rows.db');
    return {
      to,
      read: async (sql) => {
        const database = new Database(to);
        try {
          const statement = database.prepare(sql).safeIntegers(true);
          if (!statement.reader) {
            statement.run();
            return [];
          }
          return (statement.all() as Record<string, unknown>[]).map(plain);
        } finally {
          database.close();
        }
      },
      close: async () => rmSync(directory, { recursive: true, force: true }),
    };
  },
  close: async () => undefined,
};

function plain(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
  );
}

/** Targets in a server that is started when the first is made. */
export function postgresKind(): TargetKind & { server(): Promise<PostgresServer> } {
  let server: Promise<PostgresServer> | undefined;
  const started = (): Promise<PostgresServer> => (server ??= startPostgres());
  return {
    name: 'postgres',
    server: started,
    make: async () => {
      const to = await (await started()).database();
      const read = async (sql: string): Promise<Record<string, unknown>[]> => {
        const client = new pg.Client({ connectionString: to });
        await client.connect();
        try {
          const { rows } = (await client.query(sql)) as { rows: Record<string, unknown>[] };
          return rows;
        } finally {
          await client.end();
        }
      };
      return { to, read, close: async () => undefined };
    },
    close: async () => (await server)?.close(),
  };
}

/** All kinds that can be tested here. */
export function targetKinds(): TargetKind[] {
  if (!hasPostgres) {
    console.warn(
      'Left out, because PostgreSQL is not installed: the tests of projections into it (apt-get install postgresql).',
    );
    return [sqlite];
  }
  return [sqlite, postgresKind()];
}
