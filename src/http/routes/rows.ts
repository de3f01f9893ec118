import * as v from 'valibot';
import { anObject } from '../../options/an-object.ts';
import { said } from '../../options/words.ts';
import { stampToMs } from '../../log/operations/hybrid-clock.ts';
import type { Schema, Value } from '../../schema/index.ts';
import type { MapTable, SetTable } from '../../table/table.ts';
import { type Answer, type Asked, type Handlers, json, requireWrite, tableOf } from '../asked.ts';
import { checked } from '../body.ts';
import { formOf, keyForm, valueOf } from '../forms.ts';
import type { HostedTable, HttpHost } from '../host.ts';
import { keyOfColumns, keyOfSegment } from '../keys.ts';
import { Problem, invalidRequest, notDurable } from '../problem.ts';

/** The routes of single rows. */
export function rowRoutes(host: HttpHost): Handlers {
  const handlers = {
    getRow: (asked: Asked) => getRow(host, asked),
    putRow: (asked: Asked) => putRow(host, asked),
    deleteRow: (asked: Asked) => deleteRow(host, asked),
    incrementRow: (asked: Asked) => incrementRow(host, asked),
    touchRow: (asked: Asked) => touchRow(host, asked),
  };
  const byQuery = Object.entries(handlers).map(([id, handler]) => [`${id}ByQuery`, handler] as const);
  return { ...handlers, ...Object.fromEntries(byQuery) };
}

/** A key of a table, by its canonical text, with its row if it has one. */
interface Found extends HostedTable {
  readonly text: string;
}

/** The key that the path or the query names. Throws a problem, or `KEY_INVALID`. */
export function keyIn(host: HttpHost, asked: Asked): Found {
  const hosted = tableOf(host, asked);
  const { schema } = hosted.projection;
  const [, , , kind, segment = ''] = asked.segments;
  const text = isByQuery(kind)
    ? keyOfColumns(schema, asked.query.getAll('key'))
    : keyOfSegment(schema, segment);
  return { ...hosted, text };
}

/** True for the segment `row`, however it is written: the router reads it decoded. */
function isByQuery(segment = ''): boolean {
  return segment !== 'rows' && decodeURIComponent(segment) === 'row';
}

/** A row with the write it comes from. */
export interface StandingRow {
  readonly key: unknown;
  readonly value?: unknown;
  readonly origin: string;
  readonly sequence: number;
  readonly time: number;
}

/** The row in a slot, in JSON forms. */
export function rowIn(host: HttpHost, { projection }: HostedTable, slot: number): StandingRow {
  const { rows, schema } = projection;
  return {
    key: keyForm(schema, rows.key(slot)),
    ...valueForm(schema, rows.value(slot)),
    origin: host.originText(rows.origin(slot)),
    sequence: rows.sequence(slot),
    time: stampToMs(rows.stamp(slot)),
  };
}

/** The member `value` of a row; none in a set. */
export function valueForm({ valueType }: Schema, value: Value): { readonly value?: unknown } {
  return valueType === undefined || value === undefined ? {} : { value: formOf(valueType, value) };
}

/** The entity tag of a row: the write that it comes from. */
function tagOf({ origin, sequence }: Pick<StandingRow, 'origin' | 'sequence'>): string {
  return `"${origin}/${sequence}"`;
}

/** The row under a key as it stands. */
function standing(host: HttpHost, found: Found): StandingRow | undefined {
  // Of a counter, the write that a row comes from is known once its run is closed.
  if (found.projection.inForce.documents !== undefined) host.seal();
  const slot = found.projection.rows.find(found.text);
  return slot === undefined ? undefined : rowIn(host, found, slot);
}

function getRow(host: HttpHost, asked: Asked): Answer {
  const found = keyIn(host, asked);
  const row = standing(host, found);
  if (row === undefined) throw noRow(found);
  const etag = tagOf(row);
  if (matches(asked.request.headers['if-none-match'], etag)) return { status: 304, headers: { etag } };
  const isDocument = found.projection.inForce.documents !== undefined;
  return json(isDocument ? { ...row, ...concurrent(found) } : row, { etag });
}

function noRow({ table, projection, text }: Found): Problem {
  const key = JSON.stringify(keyForm(projection.schema, projection.schema.keyOf(text)));
  return new Problem('NOT_FOUND', `Table ${table.name} has no row under ${key.slice(0, 200)}.`, {
    hint: 'PUT writes one; GET …/history says what became of it.',
  });
}

/** The values that stand under a key, where there are several. */
function concurrent({ table, projection, text }: Found): { readonly values?: unknown } {
  const values = table.conflictsOf(projection.schema.keyOf(text));
  if (values.length < 2) return {};
  return {
    values: values.map(({ value, origin, winner }) => ({
      ...valueForm(projection.schema, value as Value),
      origin,
      winner,
    })),
  };
}

// Writing ------------------------------------------------------------------------------------------

/** A condition says what may stand under a key for a write to be made. */
export interface Condition {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

/** Throws `ROW_DIFFERS` unless a row stands as a condition says, on this node and at this moment. */
export function requireMatch(host: HttpHost, found: Found, { ifMatch, ifNoneMatch }: Condition): void {
  if (ifMatch === undefined && ifNoneMatch === undefined) return;
  const row = standing(host, found);
  const etag = row === undefined ? undefined : tagOf(row);
  const differs =
    (ifMatch !== undefined && !matches(ifMatch, etag)) ||
    (ifNoneMatch !== undefined && matches(ifNoneMatch, etag));
  if (!differs) return;
  throw new Problem('ROW_DIFFERS', etag === undefined ? 'There is no row.' : `The row stands as ${etag}.`, {
    hint: 'Read the row again, decide anew, and send the entity tag that it has then.',
    details: { etag },
    ...(etag !== undefined && { headers: { etag } }),
  });
}

/** Returns whether a header names an entity tag, or any. */
function matches(header: string | undefined, etag: string | undefined): boolean {
  if (header === undefined || etag === undefined) return false;
  return header.split(',').some((part) => part.trim() === '*' || part.trim().replace(/^W\//, '') === etag);
}

function conditionOf({ request: { headers } }: Asked): Condition {
  return { ifMatch: headers['if-match'], ifNoneMatch: headers['if-none-match'] };
}

const write = anObject({ value: v.optional(v.unknown()) });
const increment = anObject({
  by: v.optional(v.pipe(v.union([v.number(), v.string()]), said('a number, or its digits as text', 1))),
});

/** Writes what `act` does to a key that the credential may write, and answers with what stands then. */
async function written(host: HttpHost, asked: Asked, act: (found: Found) => void): Promise<Answer> {
  const found = keyIn(host, asked);
  requireWrite(asked.viewer, found.table.name);
  requireMatch(host, found, conditionOf(asked));
  act(found);
  const row = standing(host, found);
  const durable = await madeDurable(host, asked, [found.table.name]);
  return {
    ...json({ ...row, durable: durable !== undefined }, row && { etag: tagOf(row) }),
    headers: { ...(row && { etag: tagOf(row) }), ...durable },
  };
}

function putRow(host: HttpHost, asked: Asked): Promise<Answer> {
  const body = checked(write, asked.body);
  return written(host, asked, (found) => setRow(found, body.value));
}

/** Writes a value that is given in its JSON form. Throws `VALUE_INVALID`. */
export function setRow({ table, projection, text }: Found, form: unknown): void {
  const { schema } = projection;
  const key = schema.keyOf(text);
  if (schema.valueType === undefined) {
    if (form !== undefined) throw invalidRequest(`Table ${table.name} is a set.`, 'Leave out the value.');
    (table as SetTable).add(key);
    return;
  }
  if (form === undefined) throw invalidRequest('The value is missing.', 'Send {"value": …}.');
  (table as MapTable).set(key, valueOf(schema.valueType, form));
}

function incrementRow(host: HttpHost, asked: Asked): Promise<Answer> {
  const { by } = checked(increment, asked.body);
  return written(host, asked, (found) => addToRow(found, by));
}

function touchRow(host: HttpHost, asked: Asked): Promise<Answer> {
  return written(host, asked, (found) => {
    const { table, projection, text } = found;
    if (!table.touch(projection.schema.keyOf(text))) throw noRow(found);
  });
}

/** Adds to a number. Throws `VALUE_INVALID` for a table of other values. */
export function addToRow({ table, projection, text }: Found, by: number | string = 1): void {
  const { schema } = projection;
  if (schema.valueType === undefined)
    throw invalidRequest(`Table ${table.name} is a set.`, 'It holds no numbers.');
  const amount = schema.valueType === 'double' ? valueOf('double', by) : valueOf('int', by);
  if (typeof amount === 'string')
    throw invalidRequest(`${JSON.stringify(by)} cannot be added.`, 'Give a number.');
  (table as MapTable).increment(schema.keyOf(text), amount as number | bigint);
}

async function deleteRow(host: HttpHost, asked: Asked): Promise<Answer> {
  const found = keyIn(host, asked);
  const { table, projection, text } = found;
  requireWrite(asked.viewer, table.name);
  requireMatch(host, found, conditionOf(asked));
  const key = projection.schema.keyOf(text);
  const removed = table.delete(key);
  const durable = await madeDurable(host, asked, [table.name]);
  return json({ key: keyForm(projection.schema, key), removed, durable: durable !== undefined }, durable);
}

/** Waits, if the request prefers to, until what was written into some tables is durable; then the header that says so. */
export async function madeDurable(
  host: HttpHost,
  { request }: Asked,
  tables: Iterable<string>,
): Promise<Readonly<Record<string, string>> | undefined> {
  const preferences = String(request.headers['prefer'] ?? '').split(',');
  if (!preferences.some((one) => one.trim().toLowerCase() === 'wait=durable')) return undefined;
  try {
    await host.flush(tables);
  } catch (error) {
    throw notDurable(error);
  }
  return { 'preference-applied': 'wait=durable' };
}
