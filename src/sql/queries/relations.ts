import Database from 'better-sqlite3';
import { TablecastError } from '../../errors.ts';
import { quoted } from '../columns.ts';
import { type QueryCell, type QueryOrder, type Relation, type Want, wantText } from './messages.ts';

/** Ends a query that reads what has not been brought; it is asked again when that is there. */
export class Wanting extends Error {
  readonly want: Want;

  constructor(want: Want) {
    super(`${want.name} is not there yet`);
    this.want = want;
  }
}

/** Adds what a query can read beside the tables. Returns what ends that. */
export function addRelations(database: Database.Database, order: QueryOrder): () => void {
  const { relations, brought } = order;
  const past = brought === undefined ? undefined : new Database(brought.file, { readonly: true });
  const open = new Set<Iterator<unknown>>();
  if (brought !== undefined) database.prepare('ATTACH ? AS brought').run(brought.file);
  for (const relation of relations) {
    const stored = brought?.tables.get(wantText({ name: relation.name, moment: null }));
    if (relation.isFunction || stored === undefined) addFunction(database, relation, { past, open, order });
    else
      database.exec(`CREATE TEMP VIEW ${quoted(relation.name)} AS SELECT * FROM brought.${quoted(stored)}`);
  }
  if (/_position/i.test(order.sql)) addPositions(database, order);
  return () => {
    // A query that fails in an inner table leaves the outer ones open.
    for (const rows of open) rows.return?.();
    past?.close();
  };
}

interface Reading {
  /** A connection of its own: the other one is busy with the query. */
  readonly past: Database.Database | undefined;
  /** Readings of it that go on. */
  readonly open: Set<Iterator<unknown>>;
  readonly order: QueryOrder;
}

function addFunction(database: Database.Database, relation: Relation, reading: Reading): void {
  const { past, open, order } = reading;
  const { name, columns, isFunction } = relation;
  database.table(name, {
    columns: [...columns],
    parameters: isFunction ? ['moment'] : [],
    safeIntegers: true,
    *rows(given: unknown): Generator<QueryCell[]> {
      if (isFunction && given === undefined) throw withoutMoment(name);
      const want = { name, moment: isFunction ? (given as QueryCell) : null };
      const stored = order.brought?.tables.get(wantText(want));
      if (stored === undefined || past === undefined) throw new Wanting(want);
      const read = past
        .prepare(`SELECT * FROM ${quoted(stored)}`)
        .raw(true)
        .safeIntegers(true);
      const rows = read.iterate() as IterableIterator<QueryCell[]>;
      open.add(rows);
      yield* rows;
      open.delete(rows);
    },
  });
}

/** Tables with the positions of their rows: of the operation that wrote a row, where this node's log has it. */
function addPositions(database: Database.Database, { relations }: QueryOrder): void {
  const log = relations.find(({ isLog }) => isLog);
  if (log === undefined) return;
  const names = database.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table'").pluck().all();
  for (const name of names as string[]) {
    const text = `'${name.replaceAll("'", "''")}'`;
    const position = `SELECT min(o.position) FROM ${quoted(log.name)} o WHERE o.table_name = ${text} AND o.origin = t._origin AND o.sequence = t._sequence`;
    const columns = database.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(name);
    if (!columns.includes('_sequence')) continue;
    database.exec(
      `CREATE TEMP VIEW ${quoted(name)} AS SELECT t.*, (${position}) AS _position FROM main.${quoted(name)} t`,
    );
  }
}

function withoutMoment(name: string): TablecastError {
  return new TablecastError('OPTION_INVALID', `${name} takes a moment.`, {
    hint: `Write ${name}(1200) for a position of the log, or ${name}('2026-01-31T12:00:00Z').`,
  });
}
