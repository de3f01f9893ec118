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

/** An operation in JSON forms. */
function operationForm({ projection }: HostedTable, operation: Operation): object {
  const { position, origin, sequence, kind, key, value, time } = operation;
  const { schema } = projection;
  return {
    position,
    origin,
    sequence,
    time,
    kind,
    ...(key !== undefined && { key: keyForm(schema, key as Key) }),
    ...(value !== undefined && {
      value:
        kind === 'set' && schema.valueType !== undefined ? formOf(schema.valueType, value as Value) : value,
    }),
  };
}

/** The event of an operation in a table's stream: with what stands where that is something else. */
export function changeEvent(host: HttpHost, hosted: HostedTable, operation: Operation): string {
  const { kind, position } = operation;
  const data = JSON.stringify({
    ...operationForm(hosted, operation),
    ...standsOtherwise(host, hosted, operation),
  });
  return eventText({ id: idText(position, host.life), name: kind, data });
}

/** The event of an operation in the stream of the log. */
export function logEvent(host: HttpHost, hosted: HostedTable, operation: Operation): string {
  const { kind, position, table } = operation;
  const data = JSON.stringify({ table, ...operationForm(hosted, operation) });
  return eventText({ id: idText(position, host.life), name: kind, data });
}

/** The event of a conflict. */
export function conflictEvent({ projection: { schema } }: HostedTable, conflict: Conflict): string {
  const { key, kept, lost, operation } = conflict;
  const side = ({ value, origin, sequence }: ConflictSide): object => ({
    ...valueForm(schema, value),
    origin,
    sequence,
  });
  const { position, time } = operation;
  const data = { key: keyForm(schema, key), kept: side(kept), lost: side(lost), position, time };
  return eventText({ name: 'conflict', data: JSON.stringify(data) });
}

/** Returns what stands now, unless it is what the operation says. */
function standsOtherwise(
  host: HttpHost,
  hosted: HostedTable,
  { kind, key, origin, sequence }: Operation,
): { readonly row?: unknown; readonly rows?: number; readonly standing?: readonly StandingRow[] } {
  const { rows, schema } = hosted.projection;
  if (key === undefined) {
    const standing =
      rows.size > MAX_STANDING ? undefined : Array.from(rows.live(), (slot) => rowIn(host, hosted, slot));
    return { rows: rows.size, ...(standing !== undefined && { standing }) };
  }
  const slot = rows.find(schema.keyText(key));
  if (slot === undefined) return kind === 'delete' || kind === 'expire' ? {} : { row: null };
  const row = { origin: host.originText(rows.origin(slot)), sequence: rows.sequence(slot) };
  if (kind === 'set' && row.origin === origin && row.sequence === sequence) return {};
  return { row: { ...valueForm(schema, rows.value(slot)), ...row } };
}
