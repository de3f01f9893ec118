import type { Client } from 'pg';
import { TablecastError } from '../errors.ts';
import { type TablePlan, quoted } from './columns.ts';
import { TableMaker, findTable, makeStandings } from './making.ts';
import { keepToSchema, postgresPlace } from './postgres-place.ts';
import { PostgresWriter } from './postgres-writer.ts';
import { wrongColumns } from './refusals.ts';
import type { FoundTable, Target, TargetWriter } from './target.ts';

/** The first half of the advisory locks that say who writes a table: `tbl` in ASCII. */
const LOCK_CLASS = 0x74_62_6c;
const CONNECT_MS = 10_000;
/** Classes of errors that pass: the connection, resources, an operator, the system, a lock. */
const PASSING = ['08', '53', '55', '57', '58', '40'];

/** A database of PostgreSQL that tables are projected into, over one connection. */
export class PostgresTarget implements Target {
  readonly #url: string;
  #client: Client | undefined;
  #writer: PostgresWriter | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  async open(plans: readonly TablePlan[]): Promise<readonly FoundTable[]> {
    const { Client } = await postgresPackage();
    const client = new Client({
      connectionString: this.#url,
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
      application_name: 'tablecast',
    });
    // An end of the connection between two queries shows in the next one.
    client.on('error', () => undefined);
    this.#client = client;
    return this.#failing('open', async () => {
      await client.connect();
      await client.query('SET client_min_messages = warning');
      await keepToSchema(client);
      for (const { into } of plans.toSorted((a, b) => (a.into < b.into ? -1 : 1))) await this.#take(into);
      const place = postgresPlace(client);
      await makeStandings(place, 'bigint').catch(async (error: unknown) => {
        if (!isMadeMeanwhile(error)) throw error;
        await makeStandings(place, 'bigint');
      });
      const found = [];
      for (const plan of plans) {
        found.push(await findTable(plan, place));
        if (plan.existing && found.at(-1)?.exists === true) await requireColumns(client, plan);
      }
      this.#writer = new PostgresWriter(client, new TableMaker(place, plans, found));
      return found;
    });
  }

  /** The lock belongs to the connection, over which everything is written: who lost it cannot write any more. */
  async #take(into: string): Promise<void> {
    const { rows } = await (this.#client as Client).query(
      'SELECT pg_try_advisory_lock($1, hashtext(current_schema() || $2)) AS taken',
      [LOCK_CLASS, `.${into}`],
    );
    if ((rows[0] as { taken: boolean }).taken) return;
    throw new TablecastError('BACKEND_IN_USE', `The table ${into} is written by another projection.`, {
      hint: 'Nothing need be done: this one goes on when that one ends.',
      details: { into },
      retryable: true,
    });
  }

  async transaction(act: (into: TargetWriter) => Promise<void>): Promise<void> {
    await this.#failing('write into', async () => {
      const client = this.#client as Client;
      await client.query('BEGIN');
      await act(this.#writer as PostgresWriter);
      await client.query('COMMIT');
    });
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  async #failing<T>(action: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw asTargetError(error, action, this.#url);
    }
  }
}

/** Two that make a table at once: the server tells one of them of a name taken in its catalogue, IF NOT EXISTS or not. */
function isMadeMeanwhile(error: unknown): boolean {
  return ['23505', '42P07'].includes((error as { code?: string }).code ?? '');
}

async function postgresPackage(): Promise<{ Client: typeof Client }> {
  try {
    return (await import('pg')).default;
  } catch (cause) {
    throw new TablecastError('OPTION_INVALID', 'The package pg, which PostgreSQL needs, is not installed.', {
      hint: 'Install it beside tablecast: npm install pg@8',
      cause,
    });
  }
}

/** Gives the place of a URL, without any secret of it. */
export function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
}

function asTargetError(error: unknown, action: string, url: string): TablecastError {
  if (error instanceof TablecastError) return error;
  const raw = error instanceof Error ? error : new Error(String(error));
  const code = 'code' in raw && typeof raw.code === 'string' ? raw.code : '';
  // Without a code of five characters it did not come from the server, but from the way there.
  const passes = code.length !== 5 || PASSING.includes(code.slice(0, 2));
  return new TablecastError('BACKEND_FAILED', `could not ${action} ${placeOf(url)}: ${raw.message}`, {
    hint: passes
      ? 'It is tried again until the database is there; nothing is lost meanwhile.'
      : 'Mend what the message says in the database, or in the options of the projection, and begin it again.',
    details: { place: placeOf(url), code },
    retryable: passes,
    cause: error,
  });
}

async function requireColumns(client: Client, plan: TablePlan): Promise<void> {
  const table = quoted(plan.into);
  const columns = await client.query(
    'SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped',
    [table],
  );
  const keys = await client.query(
    `SELECT array_agg(a.attname::text) AS names FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
     WHERE i.indrelid = $1::regclass AND i.indisunique AND i.indpred IS NULL GROUP BY i.indexrelid`,
    [table],
  );
  const names = columns.rows.map((row: { name: string }) => row.name);
  const problem = wrongColumns(
    plan,
    names,
    keys.rows.map((row: { names: string[] }) => row.names),
  );
  if (problem !== undefined) throw problem;
}
