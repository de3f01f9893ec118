import { existsSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { asTablecastError } from '../backends/sqlite/failure.ts';
import { type FileLock, lockFile } from '../backends/sqlite/lock.ts';
import { TablecastError } from '../errors.ts';
import type { TablePlan } from './columns.ts';
import { shapeOf } from './columns.ts';
import { notOurs, wrongColumns } from './refusals.ts';
import { SqliteWriter } from './sqlite-writer.ts';
import { sqliteDialect } from './sqlite-values.ts';
import { STANDINGS, createStandings } from './statements.ts';
import type { FoundTable, Target, TargetWriter } from './target.ts';

/** The time a write of somebody else is waited for. */
const BUSY_MS = 10_000;

/** The ending of a node's own database, which is no target. */
const OWN_ENDING = '.tablecast.db';

/** A file of SQLite that tables are projected into. */
export class SqliteTarget implements Target {
  readonly #file: string;
  readonly #locks: FileLock[] = [];
  #database: Database.Database | undefined;
  #writer: SqliteWriter | undefined;

  constructor(file: string) {
    this.#file = isAbsolute(file) ? file : resolve(file);
  }

  async open(plans: readonly TablePlan[]): Promise<readonly FoundTable[]> {
    return this.#failing('open', () => {
      if (this.#file.endsWith(OWN_ENDING)) throw ownDatabase(this.#file);
      if (!existsSync(dirname(this.#file))) throw noDirectory(this.#file);
      const isNew = !existsSync(this.#file);
      const database = new Database(this.#file, { timeout: BUSY_MS });
      this.#database = database;
      for (const name of plans.map(({ into }) => into).toSorted())
        this.#locks.push(lockFile(`${this.#file}.${encodeURIComponent(name)}`, 'a projection'));
      // Readers go on beside it; the file of somebody else stays as it is.
      if (isNew || hasTable(database, STANDINGS)) database.pragma('journal_mode = WAL');
      database.pragma('synchronous = NORMAL');
      database.exec(createStandings(sqliteDialect, 'INTEGER'));
      const found = plans.map((plan) => findTable(database, plan));
      this.#writer = new SqliteWriter(
        database,
        new Map(plans.map((plan, index) => [plan.into, found[index] as Found])),
      );
      return found;
    });
  }

  async transaction(act: (into: TargetWriter) => Promise<void>): Promise<void> {
    const database = this.#database as Database.Database;
    try {
      database.exec('BEGIN IMMEDIATE');
      await act(this.#writer as SqliteWriter);
      database.exec('COMMIT');
    } catch (error) {
      if (database.inTransaction) database.exec('ROLLBACK');
      throw asTablecastError(error, { file: this.#file, action: 'write into' });
    }
  }

  async close(): Promise<void> {
    this.#database?.close();
    this.#database = undefined;
    for (const lock of this.#locks.splice(0)) lock.release();
  }

  #failing<T>(action: string, act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw asTablecastError(error, { file: this.#file, action });
    }
  }
}

/** The state of a table in a file. */
interface Found extends FoundTable {
  readonly exists: boolean;
}

function ownDatabase(file: string): TablecastError {
  return new TablecastError('OPTION_INVALID', `${file} is the database of a node, not a target.`, {
    hint: 'Name another file, such as rows.db.',
    details: { file },
  });
}

function noDirectory(file: string): TablecastError {
  return new TablecastError('OPTION_INVALID', `There is no directory ${dirname(file)} for ${file}.`, {
    hint: 'Make it, or name another file.',
    details: { file },
  });
}

function hasTable(database: Database.Database, name: string): boolean {
  return (
    database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined
  );
}

function findTable(database: Database.Database, plan: TablePlan): Found {
  const exists = hasTable(database, plan.into);
  const row = database
    .prepare(`SELECT source, position, shape FROM ${STANDINGS} WHERE target = ?`)
    .get(plan.into) as { source: string; position: number; shape: string } | undefined;
  if (!exists) return { exists, standing: undefined, fits: true };
  if (row === undefined && !plan.existing) throw notOurs(plan);
  if (plan.existing) requireColumns(database, plan);
  const fits = plan.existing || row?.shape === shapeOf(plan);
  const standing = row === undefined ? undefined : { source: row.source, position: row.position };
  return { exists, standing, fits };
}

/** Throws `OPTION_INVALID` for a table of the user's that lacks a column, or has its key otherwise. */
function requireColumns(database: Database.Database, plan: TablePlan): void {
  const found = database.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(plan.into) as string[];
  const indexes = database
    .prepare('SELECT name FROM pragma_index_list(?) WHERE "unique" = 1 AND partial = 0')
    .pluck()
    .all(plan.into) as string[];
  const rowid = database.prepare('SELECT name FROM pragma_table_info(?) WHERE pk > 0').pluck().all(plan.into);
  const keys = indexes.map((index) =>
    database.prepare('SELECT name FROM pragma_index_info(?)').pluck().all(index),
  );
  const problem = wrongColumns(plan, found, [...keys, rowid] as string[][]);
  if (problem !== undefined) throw problem;
}
