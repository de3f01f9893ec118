import Database from 'better-sqlite3';
import { TablecastError } from '../../errors.ts';
import { addAddressFunctions } from './addresses.ts';
import { type FoundRows, type QueryCell, type QueryOrder, plainCell, sizeOf } from './messages.ts';
import { Wanting, addRelations } from './relations.ts';

/** Memory of SQLite for pages of the file; sorting and grouping beyond it go into temporary files. */
const CACHE_KIB = 32 * 1024;
/** A query reads: behind comments stands one of these words. */
const READING = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*(?:select|with|values|explain)\b/i;

const WRITING = /\b(?:insert|update|delete|replace|create|drop|alter|truncate|merge|upsert)\b/i;
const WHERE_TO_LOOK =
  'Tables and columns are in sqlite_schema; names with other signs than letters stand in double quotes.';
const WHERE_TO_WRITE =
  'Write with tablecast set, delete or increment; in a program with the methods of the table; over HTTP with PUT, DELETE or POST.';

type Cells = readonly QueryCell[];

/** Answers one query from one snapshot of a database. Throws `OPTION_INVALID`, and `LIMIT_EXCEEDED` for too long an answer. */
export function runQuery(order: QueryOrder): FoundRows {
  const database = new Database(order.file ?? ':memory:', { readonly: order.file !== undefined });
  let release = (): void => undefined;
  try {
    // Setting this drops what is temporary, views too.
    database.pragma('temp_store = FILE');
    release = addRelations(database, order);
    database.pragma('query_only = ON');
    database.pragma(`cache_size = -${CACHE_KIB}`);
    addAddressFunctions(database);
    return answer(database, order);
  } catch (error) {
    throw refusal(error);
  } finally {
    database.close();
    release();
  }
}

function answer(database: Database.Database, order: QueryOrder): FoundRows {
  const { sql, parameters, maxRows, maxBytes } = order;
  if (!READING.test(sql))
    throw invalid('A query begins with SELECT, WITH, VALUES or EXPLAIN, and writes nothing.', {
      hint: WRITING.test(sql) ? WHERE_TO_WRITE : WHERE_TO_LOOK,
    });
  const statement = database.prepare<QueryCell[], Cells>(sql);
  if (!statement.reader || !statement.readonly)
    throw invalid('A query reads, and writes nothing.', { hint: WHERE_TO_WRITE });
  const columns = statement.columns().map(({ name }) => name);
  const twice = columns.find((name, index) => columns.indexOf(name) !== index);
  if (twice !== undefined)
    throw invalid(`Two columns have the name ${twice}.`, { hint: 'Name one of them with AS.' });
  const rows: Cells[] = [];
  let bytes = 0;
  for (const cells of statement
    .raw(true)
    .safeIntegers(true)
    .iterate(...parameters)) {
    if (rows.length === maxRows) throw tooMany(`more than ${maxRows} rows`, 'maxRows', maxRows);
    const row = cells.map(plainCell);
    for (const cell of row) bytes += sizeOf(cell);
    if (bytes > maxBytes) throw tooMany(`more than ${maxBytes} bytes`, 'maxBytes', maxBytes);
    rows.push(row);
  }
  return { columns, rows };
}

function refusal(error: unknown): Error {
  if (error instanceof TablecastError || error instanceof Wanting) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return invalid(`SQLite refuses the query: ${reason}`, { cause: error });
}

function invalid(
  message: string,
  { hint = WHERE_TO_LOOK, cause }: { readonly hint?: string; readonly cause?: unknown } = {},
): TablecastError {
  return new TablecastError('OPTION_INVALID', message, { hint, cause });
}

function tooMany(what: string, name: string, limit: number): TablecastError {
  return new TablecastError('LIMIT_EXCEEDED', `The query gives ${what}.`, {
    hint: `Ask for fewer with WHERE or LIMIT, or raise ${name}.`,
    details: { limit, name },
  });
}
