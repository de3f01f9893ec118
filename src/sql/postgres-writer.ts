import type { Client } from 'pg';
import { SPAN, type SqlColumn, type TablePlan, historyName, keyColumns, quoted, shapeOf } from './columns.ts';
import type { TableMaker } from './making.ts';
import { postgresArray, postgresDialect, postgresKeyValue, readKey } from './postgres-values.ts';
import { STANDINGS, beginVersions, endVersions, list, onConflict } from './statements.ts';
import type { KeyHistory, SqlRow, Standing, TargetWriter } from './target.ts';
import { versionsOf } from './versions.ts';

/** Rows of one statement: what it holds in memory here and there is bounded by it. */
const ROWS_PER_STATEMENT = 8192;
const KEYS_PER_PART = 8192;

/** Writes over one connection, a column at a time: `unnest` of one array each. */
export class PostgresWriter implements TargetWriter {
  readonly #client: Client;
  readonly #maker: TableMaker;
  readonly #beside = new Map<string, string>();

  constructor(client: Client, maker: TableMaker) {
    this.#client = client;
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
    await this.#client.query(`DROP TABLE ${quoted(plan.into)}`);
    await this.#client.query(`ALTER TABLE ${quoted(name)} RENAME TO ${quoted(plan.into)}`);
  }

  async put(plan: TablePlan, rows: readonly SqlRow[]): Promise<void> {
    const name = this.#nameOf(plan);
    await this.#insert({ name, columns: plan.columns, tail: onConflict(plan, name) }, rows);
  }

  async #insert(
    into: { readonly name: string; readonly columns: readonly SqlColumn[]; readonly tail: string },
    rows: readonly SqlRow[],
  ): Promise<void> {
    const { name, columns, tail } = into;
    const select = columns
      .map((column, index) => `u.c${index}::${postgresDialect.typeOf(column)}`)
      .join(', ');
    const text = `INSERT INTO ${quoted(name)} (${list(columns)}) SELECT ${select} FROM ${unnested(columns)} ${tail}`;
    for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT)
      await this.#client.query(text, arraysOf(columns, rows.slice(at, at + ROWS_PER_STATEMENT)));
  }

  async remove(plan: TablePlan, keys: readonly SqlRow[]): Promise<void> {
    const columns = keyColumns(plan);
    const text = `DELETE FROM ${quoted(this.#nameOf(plan))} t USING ${unnested(columns)} WHERE ${isUnnested(columns, 't')}`;
    for (let at = 0; at < keys.length; at += ROWS_PER_STATEMENT)
      await this.#client.query(text, arraysOf(columns, keys.slice(at, at + ROWS_PER_STATEMENT)));
  }

  async *keys(plan: TablePlan): AsyncGenerator<readonly SqlRow[]> {
    const columns = keyColumns(plan);
    const read = columns.map((column) => readKey(column, quoted)).join(', ');
    const cursor = quoted(`${plan.into}__keys`);
    await this.#client.query(
      `DECLARE ${cursor} NO SCROLL CURSOR FOR SELECT ${read} FROM ${quoted(this.#nameOf(plan))}`,
    );
    for (;;) {
      const { rows } = await this.#client.query({
        text: `FETCH ${KEYS_PER_PART} FROM ${cursor}`,
        rowMode: 'array',
      });
      if (rows.length === 0) break;
      yield (rows as string[][]).map((texts) =>
        texts.map((text, index) => postgresKeyValue(columns[index] as SqlColumn, text)),
      );
    }
    await this.#client.query(`CLOSE ${cursor}`);
  }

  async recount(plan: TablePlan, histories: readonly KeyHistory[]): Promise<void> {
    const name = historyName(plan);
    const keys = keyColumns(plan);
    const ends: SqlRow[] = [];
    const begun: SqlRow[] = [];
    for (const history of histories) {
      const [first] = history.versions;
      if (first === undefined) continue;
      ends.push([...history.key, first.position, first.time]);
      begun.push(...versionsOf(history));
    }
    const [, to, , until] = SPAN as [SqlColumn, SqlColumn, SqlColumn, SqlColumn];
    const columns = [...keys, to, until];
    const at = keys.length;
    const text = `UPDATE ${quoted(name)} h SET to_position = u.c${at}::bigint, valid_to = u.c${at + 1}::timestamptz FROM ${unnested(columns)} WHERE ${isUnnested(keys, 'h')} AND h.to_position IS NULL`;
    for (let from = 0; from < ends.length; from += ROWS_PER_STATEMENT)
      await this.#client.query(text, arraysOf(columns, ends.slice(from, from + ROWS_PER_STATEMENT)));
    await this.#insert({ name, columns: [...plan.columns, ...SPAN], tail: '' }, begun);
  }

  async reconcile(plan: TablePlan, at: { readonly position: number; readonly time: number }): Promise<void> {
    const values = [at.position, new Date(at.time).toISOString()];
    const present = { table: this.#nameOf(plan), position: '$1::bigint', time: '$2::timestamptz' };
    await this.#client.query(endVersions(plan, present), values);
    await this.#client.query(beginVersions(plan, present), values);
  }

  async stand(plan: TablePlan, { source, position }: Standing): Promise<void> {
    await this.#client.query(
      `INSERT INTO ${STANDINGS} VALUES ($1, $2, $3, $4) ON CONFLICT (target) DO UPDATE SET source = excluded.source, position = excluded.position, shape = excluded.shape`,
      [plan.into, source, position, shapeOf(plan)],
    );
  }

  #nameOf({ into }: TablePlan): string {
    return this.#beside.get(into) ?? into;
  }
}

/** Columns given as arrays of text, as rows `u`. */
function unnested(columns: readonly SqlColumn[]): string {
  const arrays = columns.map((_, index) => `$${index + 1}::text[]`).join(', ');
  return `unnest(${arrays}) AS u(${columns.map((_, index) => `c${index}`).join(', ')})`;
}

function isUnnested(columns: readonly SqlColumn[], table: string): string {
  return columns
    .map(
      (column, index) => `${table}.${quoted(column.name)} = u.c${index}::${postgresDialect.typeOf(column)}`,
    )
    .join(' AND ');
}

function arraysOf(columns: readonly SqlColumn[], rows: readonly SqlRow[]): string[] {
  return columns.map((column, index) => postgresArray(column, rows, index));
}
