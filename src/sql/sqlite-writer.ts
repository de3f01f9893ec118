import type Database from 'better-sqlite3';
import { SPAN, type SqlColumn, type TablePlan, historyName, keyColumns, quoted, shapeOf } from './columns.ts';
import type { TableMaker } from './making.ts';
import { type SqliteCell, sqliteCellOf, sqliteKeyValue } from './sqlite-values.ts';
import { STANDINGS, beginVersions, endVersions, list, onConflict } from './statements.ts';
import type { KeyHistory, SqlRow, Standing, TargetWriter } from './target.ts';
import { type Version, versionsOf } from './versions.ts';

/** Rows that one statement writes; more save nothing. */
const ROWS_PER_STATEMENT = 64;
const MAX_PARAMETERS = 32_000;
const KEYS_PER_PART = 4096;

type Statement = Database.Statement<[readonly SqliteCell[]]>;

/** Writes many rows with as few statements as do. */
class Inserts {
  readonly #many: Statement;
  readonly #one: Statement;
  readonly #rows: number;
  readonly #cells: readonly ((value: SqlRow[number]) => SqliteCell)[];

  constructor(
    database: Database.Database,
    columns: readonly SqlColumn[],
    [head, tail]: readonly [string, string],
  ) {
    this.#cells = columns.map(sqliteCellOf);
    this.#rows = Math.max(1, Math.min(ROWS_PER_STATEMENT, Math.floor(MAX_PARAMETERS / columns.length)));
    const row = `(${columns.map(() => '?').join(', ')})`;
    const sql = (count: number): string => `${head} VALUES ${Array(count).fill(row).join(', ')} ${tail}`;
    this.#many = database.prepare(sql(this.#rows));
    this.#one = database.prepare(sql(1));
  }

  write(rows: readonly SqlRow[]): void {
    let at = 0;
    for (; at + this.#rows <= rows.length; at += this.#rows)
      this.#many.run(this.#flat(rows, at, at + this.#rows));
    for (; at < rows.length; at++) this.#one.run(this.#flat(rows, at, at + 1));
  }

  #flat(rows: readonly SqlRow[], from: number, to: number): SqliteCell[] {
    const cells = this.#cells;
    const flat: SqliteCell[] = [];
    for (let at = from; at < to; at++) {
      const row = rows[at] as SqlRow;
      for (let column = 0; column < cells.length; column++)
        flat.push((cells[column] as (value: SqlRow[number]) => SqliteCell)(row[column]));
    }
    return flat;
  }
}

/** Writes into one file. */
export class SqliteWriter implements TargetWriter {
  readonly #database: Database.Database;
  readonly #maker: TableMaker;
  /** Under which names tables are written, where that is not yet their own. */
  readonly #beside = new Map<string, string>();
  readonly #puts = new Map<string, Inserts>();
  readonly #statements = new Map<string, Statement>();

  constructor(database: Database.Database, maker: TableMaker) {
    this.#database = database;
    this.#maker = maker;
  }

  async make(plan: TablePlan): Promise<void> {
    const name = await this.#maker.make(plan);
    if (name !== plan.into) this.#beside.set(plan.into, name);
  }

  async swap(plan: TablePlan): Promise<void> {
    const name = this.#beside.get(plan.into);
    if (name === undefined) return;
    this.#beside.delete(plan.into);
    this.#puts.clear();
    this.#statements.clear();
    this.#database.exec(`DROP TABLE ${quoted(plan.into)}`);
    this.#database.exec(`ALTER TABLE ${quoted(name)} RENAME TO ${quoted(plan.into)}`);
  }

  async put(plan: TablePlan, rows: readonly SqlRow[]): Promise<void> {
    const name = this.#nameOf(plan);
    let inserts = this.#puts.get(name);
    if (inserts === undefined) {
      const head = `INSERT INTO ${quoted(name)} (${list(plan.columns)})`;
      inserts = new Inserts(this.#database, plan.columns, [head, onConflict(plan, name)]);
      this.#puts.set(name, inserts);
    }
    inserts.write(rows);
  }

  async remove(plan: TablePlan, keys: readonly SqlRow[]): Promise<void> {
    const columns = keyColumns(plan);
    const where = columns.map(({ name }) => `${quoted(name)} = ?`).join(' AND ');
    const statement = this.#statement(`DELETE FROM ${quoted(this.#nameOf(plan))} WHERE ${where}`);
    const cells = columns.map(sqliteCellOf);
    for (const key of keys) statement.run(cells.map((cell, column) => cell(key[column])));
  }

  async *keys(plan: TablePlan): AsyncGenerator<readonly SqlRow[]> {
    const columns = keyColumns(plan);
    const sql = `SELECT ${list(columns)} FROM ${quoted(this.#nameOf(plan))}`;
    const found = this.#database.prepare(sql).safeIntegers(true).raw(true).iterate() as Iterable<
      SqliteCell[]
    >;
    let part: SqlRow[] = [];
    for (const cells of found) {
      part.push(cells.map((cell, index) => sqliteKeyValue(columns[index] as SqlColumn, cell)));
      if (part.length < KEYS_PER_PART) continue;
      yield part;
      part = [];
    }
    yield part;
  }

  async recount(plan: TablePlan, histories: readonly KeyHistory[]): Promise<void> {
    const columns = keyColumns(plan);
    const cells = columns.map(sqliteCellOf);
    const where = columns.map(({ name }) => `${quoted(name)} = ?`).join(' AND ');
    const end = this.#statement(
      `UPDATE ${quoted(historyName(plan))} SET to_position = ?, valid_to = ? WHERE ${where} AND to_position IS NULL`,
    );
    const begun: Version[] = [];
    for (const history of histories) {
      const [first] = history.versions;
      if (first === undefined) continue;
      end.run([first.position, first.time, ...cells.map((cell, column) => cell(history.key[column]))]);
      begun.push(...versionsOf(history));
    }
    this.#historyInserts(plan).write(begun);
  }

  #historyInserts(plan: TablePlan): Inserts {
    const name = historyName(plan);
    const known = this.#puts.get(name);
    if (known !== undefined) return known;
    const columns = [...plan.columns, ...SPAN];
    const inserts = new Inserts(this.#database, columns, [
      `INSERT INTO ${quoted(name)} (${list(columns)})`,
      '',
    ]);
    this.#puts.set(name, inserts);
    return inserts;
  }

  async reconcile(plan: TablePlan, at: { readonly position: number; readonly time: number }): Promise<void> {
    const present = { table: this.#nameOf(plan), position: '?', time: '?' };
    this.#database.prepare(endVersions(plan, present)).run(at.position, at.time);
    this.#database.prepare(beginVersions(plan, present)).run(at.position, at.time);
  }

  async stand(plan: TablePlan, { source, position }: Standing): Promise<void> {
    this.#statement(
      `INSERT INTO ${STANDINGS} VALUES (?, ?, ?, ?) ON CONFLICT (target) DO UPDATE SET source = excluded.source, position = excluded.position, shape = excluded.shape`,
    ).run([plan.into, source, position, shapeOf(plan)]);
  }

  #nameOf({ into }: TablePlan): string {
    return this.#beside.get(into) ?? into;
  }

  #statement(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement: Statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
