import type Database from 'better-sqlite3';
import type { MakingPlace, Recorded, Seen } from './making.ts';
import { sqliteDialect } from './sqlite-values.ts';
import { STANDINGS } from './statements.ts';

/** SQLite tells no upper case from lower in names, and no table from an index; triggers have names of their own. */
const SEEN = "SELECT type, name FROM sqlite_schema WHERE type <> 'trigger' AND name = ? COLLATE NOCASE";

/** Indexes and triggers on a table, and tables whose foreign keys lead to it: dropping it deletes its rows first, with theirs. */
const ATTACHED = `
  SELECT type || ' ' || name FROM sqlite_schema
  WHERE tbl_name = :name COLLATE NOCASE AND type IN ('index', 'trigger') AND sql IS NOT NULL
  UNION ALL
  SELECT DISTINCT 'foreign key of ' || m.name FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f
  WHERE m.type = 'table' AND f."table" = :name COLLATE NOCASE`;

/** A file of SQLite as the place of tables. */
export function sqlitePlace(database: Database.Database): MakingPlace {
  return {
    dialect: sqliteDialect,
    run: async (sql) => database.exec(sql),
    seen: async (name) => seenIn(database, name),
    recorded: async (into) =>
      database.prepare(`SELECT source, position, shape FROM ${STANDINGS} WHERE target = ?`).get(into) as
        | Recorded
        | undefined,
    attached: async (name) => database.prepare(ATTACHED).pluck().all({ name }) as string[],
  };
}

function seenIn(database: Database.Database, name: string): Seen | undefined {
  const found = database.prepare(SEEN).get(name) as { type: string; name: string } | undefined;
  if (found === undefined) return undefined;
  const columns = database.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(found.name);
  return { name: found.name, isTable: found.type === 'table', columns: columns as string[] };
}
