import type { Client } from 'pg';
import { quoted } from './columns.ts';
import type { MakingPlace, Recorded, Seen } from './making.ts';
import { postgresDialect } from './postgres-values.ts';
import { STANDINGS } from './statements.ts';

const SEEN = `
  SELECT c.relname::text AS name, c.relkind = 'r' AS is_table,
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
  FROM pg_catalog.pg_class c WHERE c.oid = to_regclass($1)`;

/** All that depends on a table, but for its own primary key and what it is made of. */
const ATTACHED = `
  SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) AS what
  FROM pg_catalog.pg_depend d
  WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = to_regclass($1) AND d.deptype IN ('n', 'a')
    AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k
      WHERE d.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objid
        AND k.conrelid = d.refobjid AND k.contype IN ('p', 'n'))`;

/** A schema of PostgreSQL as the place of tables. */
export function postgresPlace(client: Client): MakingPlace {
  return {
    dialect: postgresDialect,
    run: (sql) => client.query(sql),
    seen: (name) => seenIn(client, name),
    recorded: (into) => recordedIn(client, into),
    async attached(name) {
      await client.query(`LOCK TABLE ${quoted(name)} IN ACCESS EXCLUSIVE MODE`);
      const { rows } = await client.query(ATTACHED, [quoted(name)]);
      return (rows as { what: string }[]).map(({ what }) => what);
    },
  };
}

/** Keeps a connection to the schema that it would make tables in: else names of others would be found in the next ones. */
export async function keepToSchema(client: Client): Promise<void> {
  const { rows } = await client.query('SELECT current_schema()::text AS name');
  const [{ name }] = rows as [{ name: string | null }];
  if (name !== null) await client.query(`SET search_path TO ${quoted(name)}`);
}

async function seenIn(client: Client, name: string): Promise<Seen | undefined> {
  const { rows } = await client.query(SEEN, [quoted(name)]);
  const found = rows[0] as { name: string; is_table: boolean; columns: string[] } | undefined;
  return found && { name: found.name, isTable: found.is_table, columns: found.columns };
}

async function recordedIn(client: Client, into: string): Promise<Recorded | undefined> {
  const { rows } = await client.query(
    `SELECT source, position::text, shape FROM ${STANDINGS} WHERE target = $1`,
    [into],
  );
  const row = rows[0] as { source: string; position: string; shape: string } | undefined;
  return row && { ...row, position: Number(row.position) };
}
