import type { Operation } from '../../log/operations/operation.ts';
import type { Conflict, ConflictSide } from '../../projection/telling/change.ts';
import type { Key, Value } from '../../schema/index.ts';
import { formOf, keyForm } from '../forms.ts';
import type { HostedTable, HttpHost } from '../host.ts';
import { type StandingRow, rowIn, valueForm } from '../routes/rows.ts';
import { eventText } from './event-stream.ts';

/** Most rows that stand in the event of a `clear` or `switch`; with more the reader reads the rows anew. */
const MAX_STANDING = 100;

/** The id of a position: with the life in which it was told, because a later one may give it to something else. */
export function idText(position: number, life: string): string {
  return `${position}@${life}`;
}

/** Rows as they stand, where that is something else than an operation says. */
interface Stands {
  readonly row: unknown;
  readonly rows: number | undefined;
  readonly standing: readonly StandingRow[] | undefined;
}

const AS_TOLD: Stands = { row: undefined, rows: undefined, standing: undefined };
const NO_ROW: Stands = { ...AS_TOLD, row: null };

/**
 * An operation in JSON forms. One object of one shape, whose members without a value are left out: this is made for
 * every operation that anybody follows.
 */
function textOf(
  { projection: { schema } }: HostedTable,
  { position, origin, sequence, time, kind, key, value }: Operation,
  { table, stands }: { readonly table: string | undefined; readonly stands: Stands },
): string {
  const isValue = kind === 'set' && schema.valueType !== undefined && value !== undefined;
  return JSON.stringify({
    table,
    position,
    origin,
    sequence,
    time,
    kind,
    key: key === undefined ? undefined : keyForm(schema, key as Key),
    value: isValue ? formOf(schema.valueType, value as Value) : value,
    row: stands.row,
    rows: stands.rows,
    standing: stands.standing,
  });
}

/** The event of an operation in a table's stream: with what stands where that is something else. */
export function changeEvent(host: HttpHost, hosted: HostedTable, operation: Operation): string {
  const { kind, position } = operation;
  const data = textOf(hosted, operation, {
    table: undefined,
    stands: standsOtherwise(host, hosted, operation),
  });
  return eventText({ id: idText(position, host.life), name: kind, data });
}

/** The event of an operation in the stream of the log. */
export function logEvent(host: HttpHost, hosted: HostedTable, operation: Operation): string {
  const { kind, position, table } = operation;
  const data = textOf(hosted, operation, { table, stands: AS_TOLD });
  return eventText({ id: idText(position, host.life), name: kind, data });
}

/** The event of a conflict; with the name of its table where conflicts of several are told. */
export function conflictEvent(
  { projection: { schema } }: HostedTable,
  conflict: Conflict,
  table?: string,
): string {
  const { key, kept, lost, operation } = conflict;
  const side = ({ value, origin, sequence }: ConflictSide): object => ({
    ...valueForm(schema, value),
    origin,
    sequence,
  });
  const { position, time } = operation;
  const data = { table, key: keyForm(schema, key), kept: side(kept), lost: side(lost), position, time };
  return eventText({ name: 'conflict', data: JSON.stringify(data) });
}

/** Returns what stands now, where it is not what the operation says. */
function standsOtherwise(
  host: HttpHost,
  hosted: HostedTable,
  { kind, key, origin, sequence }: Operation,
): Stands {
  const { rows, schema } = hosted.projection;
  if (key === undefined) {
    const standing =
      rows.size > MAX_STANDING ? undefined : Array.from(rows.live(), (slot) => rowIn(host, hosted, slot));
    return { row: undefined, rows: rows.size, standing };
  }
  const slot = rows.find(schema.keyText(key));
  if (slot === undefined) return kind === 'delete' || kind === 'expire' ? AS_TOLD : NO_ROW;
  const author = host.originText(rows.origin(slot));
  if (kind === 'set' && rows.sequence(slot) === sequence && author === origin) return AS_TOLD;
  const row = { ...valueForm(schema, rows.value(slot)), origin: author, sequence: rows.sequence(slot) };
  return { ...AS_TOLD, row };
}
