import * as v from 'valibot';
import { anObject } from '../../options/an-object.ts';
import { said } from '../../options/words.ts';
import { type Answer, type Asked, type Handlers, json } from '../asked.ts';
import { checked } from '../body.ts';
import type { HttpHost } from '../host.ts';
import { MAX_QUERY_MS, MAX_QUERY_ROWS } from '../limits.ts';

const atMost = (most: number) =>
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most)), most);

/** An integer of 64 bits, which JSON keeps as text only. */
const integer = v.pipe(
  anObject({ integer: v.pipe(v.string(), v.regex(/^-?\d{1,19}$/)) }),
  v.transform(({ integer: digits }) => BigInt(digits)),
  v.check((whole) => BigInt.asIntN(64, whole) === whole),
);

const query = anObject({
  sql: v.pipe(v.string(), said('a query', 'SELECT * FROM hosts')),
  parameters: v.optional(
    v.array(
      v.pipe(
        v.union([v.string(), v.number(), v.null(), integer]),
        said('text, a number, null or { "integer": "digits" }', 'x'),
      ),
    ),
    [],
  ),
  maxMs: atMost(MAX_QUERY_MS),
  maxRows: atMost(MAX_QUERY_ROWS),
});

/** The route of queries in SQL. */
export function queryRoutes(host: HttpHost): Handlers {
  return { query: (asked) => ask(host, asked) };
}

/** Tables that the credential may not read are not in what is asked. */
async function ask(host: HttpHost, { body, viewer }: Asked): Promise<Answer> {
  const { sql, parameters, maxMs, maxRows } = checked(query, body);
  const options = { maxMs, maxRows };
  const found = await host.query({ sql, parameters, options }, (table) => viewer.grant.mayRead(table));
  const rows = found.rows.map((row) => found.columns.map((name) => cellForm(row[name])));
  return json({ columns: found.columns, rows, position: found.position });
}

/** Numbers beyond what JSON keeps as their digits, bytes in hexadecimal. */
function cellForm(cell: unknown): unknown {
  if (typeof cell === 'bigint') return String(cell);
  if (typeof cell === 'number' && !Number.isFinite(cell)) return cell > 0 ? 'inf' : '-inf';
  return cell instanceof Uint8Array ? Buffer.from(cell).toString('hex') : cell;
}
