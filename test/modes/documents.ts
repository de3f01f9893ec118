import * as Automerge from '@automerge/automerge';
import type { Projection } from '../../src/projection/projection.ts';

/** The document behind a table, which users see only by its export. */
export function documentOf(table: unknown): NonNullable<Projection['inForce']['documents']>['document'] {
  const { projection } = table as { readonly projection: Projection };
  if (projection.inForce.documents === undefined) throw new Error('The table has no document.');
  return projection.inForce.documents.document;
}

/** The latest changes of a table's document, as one text. */
export function headsOf(table: unknown): string {
  return documentOf(table)
    .history.heads.map((hash) => Buffer.from(hash, 'latin1').toString('hex'))
    .join(' ');
}

/** The content of a table's export as the official library reads it, in the order of keys. */
export function officialRows(table: { exportAutomerge(): Uint8Array }): [string, unknown][] {
  const document = Automerge.load<Record<string, unknown>>(table.exportAutomerge());
  const rows = Object.entries(document).map(([key, value]): [string, unknown] => [key, plain(value)]);
  // What was saved and loaded has the same heads and saves to the same bytes.
  const saved = Automerge.save(document);
  const again = Automerge.load<Record<string, unknown>>(saved);
  if (Automerge.getHeads(again).join() !== Automerge.getHeads(document).join())
    throw new Error('Other heads.');
  if (Buffer.compare(saved, Automerge.save(again)) !== 0) throw new Error('Saved otherwise.');
  Automerge.free(document);
  Automerge.free(again);
  return rows.toSorted(([one], [other]) => (one < other ? -1 : 1));
}

/** The values of one key that the official library reads in an export, as texts. */
export function officialValues(table: { exportAutomerge(): Uint8Array }, key: string): string[] {
  const document = Automerge.load<Record<string, unknown>>(table.exportAutomerge());
  const conflicts = Automerge.getConflicts(document, key) ?? { only: document[key] };
  const values = Object.values(conflicts).map((value) => String(plain(value)));
  Automerge.free(document);
  return values.toSorted();
}

function plain(value: unknown): unknown {
  if (Automerge.isCounter(value)) return value.value;
  return Automerge.isImmutableString(value) ? String(value) : value;
}
