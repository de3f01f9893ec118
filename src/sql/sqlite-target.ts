import { existsSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { asTablecastError } from '../backends/sqlite/failure.ts';
import { type FileLock, lockFile } from '../backends/sqlite/lock.ts';
import { StandingFiles } from '../backends/sqlite/standing.ts';
import { TablecastError } from '../errors.ts';
import type { TablePlan } from './columns.ts';
import { TableMaker, findTable, makeStandings } from './making.ts';
import { wrongColumns } from './refusals.ts';
import { sqlitePlace } from './sqlite-place.ts';
import { SqliteWriter } from './sqlite-writer.ts';
import { STANDINGS } from './statements.ts';
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
  #standing: StandingFiles | undefined;

  constructor(file: string) {
    this.#file = isAbsolute(file) ? file : resolve(file);
  }

  async open(plans: readonly TablePlan[]): Promise<readonly FoundTable[]> {
    return this.#failing('open', async () => {
      if (this.#file.endsWith(OWN_ENDING)) throw ownDatabase(this.#file);
      if (!existsSync(dirname(this.#file))) throw noDirectory(this.#file);
      const isNew = !existsSync(this.#file);
      const database = new Database(this.#file, { timeout: BUSY_MS });
      this.#database = database;
      this.#lock(plans);
      const place = sqlitePlace(database);
      // Readers go on beside it; the file of somebody else stays as it is.
      if (isNew || (await place.seen(STANDINGS)) !== undefined) database.pragma('journal_mode = WAL');
      database.pragma('synchronous = NORMAL');
      // A view or trigger of the user means what it names, also while that is put in the place of another.
      database.pragma('legacy_alter_table = ON');
      await makeStandings(place, 'INTEGER');
      const found = [];
      for (const plan of plans) {
        found.push(await findTable(plan, place));
        if (plan.existing && found.at(-1)?.exists === true) requireColumns(database, plan);
      }
      this.#standing = new StandingFiles(realpathSync(this.#file));
      this.#writer = new SqliteWriter(database, new TableMaker(place, plans, found));
      return found;
    });
  }

  /** The locks lie beside the file, whatever links lead to it; names differ there by more than their case. */
  #lock(plans: readonly TablePlan[]): void {
    const file = realpathSync(this.#file);
    const names = plans.map(({ into }) => into.toLowerCase());
    for (const name of names.toSorted())
      this.#locks.push(lockFile(`${file}.${encodeURIComponent(name)}`, 'a projection'));
  }

  async transaction(act: (into: TargetWriter) => Promise<void>): Promise<void> {
    const database = this.#database as Database.Database;
    try {
      database.exec('BEGIN IMMEDIATE');
      await act(this.#writer as SqliteWriter);
      database.exec('COMMIT');
      this.#requireStanding();
    } catch (error) {
      if (database.inTransaction) database.exec('ROLLBACK');
      throw asTablecastError(error, { file: this.#file, action: 'write into' });
    }
  }

  /** Throws for a file that is gone: nothing that is written into it is in a target. It is made anew, and compared. */
  #requireStanding(): void {
    const taken = this.#standing?.taken();
    if (taken === undefined) return;
    throw new TablecastError('BACKEND_FAILED', `${taken.path} was ${taken.what} while it was written.`, {
      hint: 'It is opened anew, and filled with the rows there are.',
      retryable: true,
      details: { file: this.#file },
    });
  }

  async close(): Promise<void> {
    this.#standing = undefined;
    this.#database?.close();
    this.#database = undefined;
    for (const lock of this.#locks.splice(0)) lock.release();
  }

  async #failing<T>(action: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw asTablecastError(error, { file: this.#file, action });
    }
  }
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
