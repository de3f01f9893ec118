import { TablecastError } from '../../errors.ts';
import { stampToMs } from '../../log/operations/hybrid-clock.ts';
import type { Operation } from '../../log/operations/operation.ts';
import type { Origins } from '../../log/operations/origin.ts';
import type { Projection } from '../../projection/projection.ts';
import type { Conflict } from '../../projection/telling/change.ts';
import type { Key, Schema, Value } from '../../schema/index.ts';
import { FACTS, type SqlColumn, type SqlValue, columnsOf, keyValues } from '../columns.ts';
import { type SqliteCell, sqliteCellOf } from '../sqlite-values.ts';
import type { ProjectedNode } from '../projected-node.ts';
import type { AmongPeers, ReadPast } from './read-past.ts';

/** The newest conflicts that a query reads. */
const MAX_CONFLICTS = 100_000;
/** Rows handed over at a time. */
const PART = 256;

export type Cells = readonly SqliteCell[];

/** Something that rows are brought of. */
export interface Source {
  readonly columns: readonly SqlColumn[];
  /** Gives rows in parts: those behind a position, where the source is one of them that only grow. */
  rows(after: number, upTo: number): AsyncIterable<readonly Cells[]>;
  /** Says whether what was brought stays for later queries: all of it, as the beginning of more, or not at all. */
  readonly stays: 'whole' | 'growing' | 'not';
  /** Says up to which position each table is no longer there, of what grows. */
  gone?(this: void): Iterable<readonly [table: string, position: number]>;
}

const text = (name: string): SqlColumn => ({ name, type: 'text' });
const whole = (name: string): SqlColumn => ({ name, type: 'position' });
/** A column of any type: a cell holds what it is given. */
const open = (name: string): SqlColumn => ({ name, type: 'count' });

const OPERATIONS = [
  whole('position'),
  text('table_name'),
  text('origin'),
  whole('sequence'),
  whole('time'),
  text('kind'),
  open('key'),
  open('value'),
];

/** All operations of the log that are of tables. */
export function operationsOf(
  { past, log }: Pick<ProjectedNode, 'past' | 'log'>,
  tables: ReadonlyMap<string, Projection>,
): Source {
  return {
    columns: OPERATIONS,
    stays: 'growing',
    gone: () =>
      Array.from(tables, ([name, { store }]) => [name, log.stores.get(store)?.trimmedTo ?? 0] as const),
    async *rows(after, upTo) {
      const reader = past.reader(after === 0 ? {} : { after });
      for (let found = await reader.next(); found !== undefined; found = await reader.next()) {
        const known = found.filter(({ table, position }) => tables.has(table) && position <= upTo);
        for (let at = 0; at < known.length; at += PART)
          yield known
            .slice(at, at + PART)
            .map((operation) => operationCells(tables.get(operation.table) as Projection, operation));
        if ((found.at(-1)?.position ?? 0) > upTo) return;
      }
    },
  };
}

function operationCells({ schema }: Projection, operation: Operation): Cells {
  const { position, table, origin, sequence, time, kind, key, value } = operation;
  const valueCell = kind === 'switch' ? String(value) : valueCellOf(schema, value);
  const facts = [position, table, origin, sequence, time, kind];
  return [...facts.map(exactCell), keyCellOf(schema, key), valueCell];
}

const CONFLICTS = [
  text('table_name'),
  open('key'),
  whole('position'),
  whole('time'),
  ...['kept', 'lost'].flatMap((side) => [open(side), text(`${side}_origin`), whole(`${side}_sequence`)]),
];

/** The conflicts that the log tells when it is folded again; the newest of them. */
export function conflictsOf(past: ReadPast, tables: ReadonlyMap<string, Projection>): Source {
  return {
    columns: CONFLICTS,
    stays: 'not',
    async *rows(_, upTo) {
      for (const projection of tables.values()) {
        const newest = await past.conflicts(projection, { position: upTo, most: MAX_CONFLICTS });
        yield* inParts(newest, (conflict) => conflictCells(projection.schema, conflict));
      }
    },
  };
}

function conflictCells(schema: Schema, { key, kept, lost, operation }: Conflict): Cells {
  const sides = [kept, lost].flatMap(({ value, origin, sequence }) => [
    valueCellOf(schema, value),
    origin,
    exactCell(sequence),
  ]);
  const { position, time } = operation;
  return [schema.name, keyCellOf(schema, key), exactCell(position), exactCell(time), ...sides];
}

const PEERS = [
  ...['node_id', 'address', 'direction', 'state'].map(text),
  whole('since'),
  text('reason'),
  ...['sent_operations', 'received_operations', 'lag_operations', 'durable_operations'].map(whole),
  ...['round_trip_ms', 'clock_offset_ms'].map((name): SqlColumn => ({ name, type: 'double' })),
];

/** The connections with peers, as they are when they are asked for. */
export function peersOf(among: AmongPeers): Source {
  return {
    columns: PEERS,
    stays: 'not',
    async *rows() {
      yield* inParts(among.peers(), (peer) => {
        const { nodeId, address, direction, state, since, reason } = peer;
        const { sentOperations, receivedOperations, lagOperations, durableOperations } = peer;
        const counts = [sentOperations, receivedOperations, lagOperations, durableOperations];
        return [
          ...[nodeId, address, direction, state, since, reason, ...counts].map(exactCell),
          ...[peer.roundTripMs, peer.clockOffsetMs].map((milliseconds) => milliseconds ?? null),
        ];
      });
    },
  };
}

const DIVERGENCE = [
  text('table_name'),
  open('key'),
  text('peer'),
  ...['here', 'there'].flatMap((side) => [open(side), text(`${side}_origin`), whole(`${side}_sequence`)]),
];

/** The keys on which peers differ from this node, as they are when they are asked for. */
export function divergenceOf(among: AmongPeers, tables: ReadonlyMap<string, Projection>): Source {
  return {
    columns: DIVERGENCE,
    stays: 'not',
    async *rows() {
      for (const { schema } of tables.values())
        yield* inParts(among.divergence(schema.name), ({ key, peer, here, there }) => {
          const sides = [here, there].flatMap((side) => [
            side === undefined ? null : valueCellOf(schema, side.value),
            side?.origin ?? null,
            exactCell(side?.sequence),
          ]);
          return [schema.name, keyCellOf(schema, key), peer, ...sides];
        });
    },
  };
}

/** The columns of a table as of a moment. */
export function momentColumns(schema: Schema): readonly SqlColumn[] {
  return [...columnsOf(schema), ...FACTS];
}

/** A table as of a moment. */
export function momentOf(
  past: ReadPast,
  projection: Projection,
  moment: { readonly position?: number; readonly time?: number },
): Source {
  const { schema } = projection;
  const columns = momentColumns(schema);
  const convert = columns.map(sqliteCellOf);
  return {
    columns,
    stays: 'position' in moment ? 'whole' : 'not',
    async *rows(_, upTo) {
      let origins: Origins | undefined;
      const { rows } = await past.replay(projection, { position: upTo, ...moment }, (__, known) => {
        origins = known;
      });
      yield* inParts(rows.live(), (slot) => {
        const values = schema.isSet ? [] : [rows.value(slot)];
        const origin = origins?.at(rows.origin(slot)).text ?? null;
        const facts = [origin, rows.sequence(slot), stampToMs(rows.stamp(slot))];
        const cells = [...keyValues(schema, rows.key(slot)), ...values, ...facts];
        return cells.map((value, column) => (convert[column] as (value: SqlValue) => SqliteCell)(value));
      });
    },
  };
}

/** Reads the moment that a function was given. Throws `OPTION_INVALID` for what is none. */
export function momentFrom(
  given: unknown,
  upTo: number,
): { readonly position: number } | { readonly time: number } {
  const position = typeof given === 'bigint' || typeof given === 'number' ? Number(given) : undefined;
  if (position !== undefined && Number.isSafeInteger(position) && position >= 0 && position <= upTo)
    return { position };
  const isTime = typeof given === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(given);
  const time = isTime ? Date.parse(given) : NaN;
  if (!Number.isNaN(time)) return { time };
  throw new TablecastError('OPTION_INVALID', `${String(given)} is no moment of this log.`, {
    hint: `Give a position from 0 to ${upTo}, or a time with a zone, such as '2026-01-31T12:00:00Z'.`,
  });
}

function* inParts<T>(all: Iterable<T>, cellsOf: (one: T) => Cells): Generator<readonly Cells[]> {
  let part: Cells[] = [];
  for (const one of all) {
    if (part.push(cellsOf(one)) < PART) continue;
    yield part;
    part = [];
  }
  yield part;
}

/** A key in one cell: as its column has it, or of several columns as JSON. */
function keyCellOf(schema: Schema, key: unknown): SqliteCell {
  if (key === undefined) return null;
  const cells = keyValues(schema, key as Key).map((value, index) =>
    sqliteCellOf({ name: 'key', type: schema.keyTypes[index] as SqlColumn['type'] })(value),
  );
  if (!schema.composite) return cells[0] ?? null;
  return JSON.stringify(cells.map((cell) => (typeof cell === 'bigint' ? jsonNumber(cell) : cell)));
}

function valueCellOf({ valueType }: Schema, value: unknown): SqliteCell {
  if (value === undefined || valueType === undefined) return null;
  return exactCell(sqliteCellOf({ name: 'value', type: valueType })(value as Value));
}

/** An integer goes as one: SQLite would take a number for a floating one. */
function exactCell(cell: SqliteCell | undefined): SqliteCell {
  return Number.isSafeInteger(cell) ? BigInt(cell as number) : (cell ?? null);
}

function jsonNumber(digits: bigint): number | string {
  return Number.isSafeInteger(Number(digits)) ? Number(digits) : String(digits);
}
