import * as v from 'valibot';
import { anObject } from '../../options/an-object.ts';
import { said } from '../../options/words.ts';
import { type Answer, type Asked, type Handlers, json, requireWrite } from '../asked.ts';
import { checked } from '../body.ts';
import { keyOf } from '../forms.ts';
import type { HttpHost } from '../host.ts';
import { MAX_BATCH } from '../limits.ts';
import { noTable } from '../problem.ts';
import { addToRow, madeDurable, requireMatch, setRow } from './rows.ts';

const operation = anObject({
  table: v.string(),
  kind: v.picklist(['set', 'delete', 'increment', 'clear']),
  key: v.optional(v.unknown()),
  value: v.optional(v.unknown()),
  by: v.optional(v.pipe(v.union([v.number(), v.string()]), said('a number, or its digits as text', 1))),
  ifMatch: v.optional(v.string()),
  ifNoneMatch: v.optional(v.literal('*')),
});

const batch = anObject({ operations: v.pipe(v.array(operation), v.maxLength(MAX_BATCH)) });

type BatchOperation = v.InferOutput<typeof operation>;

/** The route of batches. */
export function batchRoutes(host: HttpHost): Handlers {
  return { writeBatch: (asked) => writeBatch(host, asked) };
}

async function writeBatch(host: HttpHost, asked: Asked): Promise<Answer> {
  const { operations } = checked(batch, asked.body);
  // All rights first: who may not write one table learns nothing of what would have become of the others.
  for (const { table } of operations) {
    if (!asked.viewer.grant.mayRead(table) || host.table(table) === undefined) throw noTable(table);
    requireWrite(asked.viewer, table);
  }
  host.batch(() => {
    for (const one of operations) write(host, one);
  });
  const durable = await madeDurable(host, asked, new Set(operations.map(({ table }) => table)));
  return json({ operations: operations.length, durable: durable !== undefined }, durable);
}

/** Writes one operation of a batch. What it throws takes back those before it. */
function write(host: HttpHost, { table: name, kind, key, value, by, ...condition }: BatchOperation): void {
  const hosted = host.table(name);
  if (hosted === undefined) throw noTable(name);
  const { table, projection } = hosted;
  if (kind === 'clear') return table.clear();
  const found = { ...hosted, text: projection.schema.keyText(keyOf(projection.schema, key)) };
  requireMatch(host, found, condition);
  if (kind === 'set') setRow(found, value);
  else if (kind === 'increment') addToRow(found, by);
  else table.delete(projection.schema.keyOf(found.text));
}
