import { TablecastError } from '../errors.ts';
import type { RunReference } from '../log/segment-store.ts';

/** What is thrown for operations that this node's present life did not write. */
export function ownOperation(
  reference: Pick<RunReference, 'table' | 'origin' | 'firstSequence'>,
): TablecastError {
  const name = `${reference.table}, ${reference.origin}, ${reference.firstSequence}`;
  return new TablecastError(
    'OPERATION_INVALID',
    `A peer sent operations of this node's present life (${name}) that it did not write.`,
    {
      hint: 'Another process runs with the same id and a copy of the directory, or a peer forges operations. Give each node its own id and directory.',
      details: { table: reference.table, origin: reference.origin, sequence: reference.firstSequence },
    },
  );
}
