import { TablecastError, isTablecastError } from '../../errors.ts';

/** Makes the error for operations that this node's present life did not write. */
export function ownOperation(of: {
  readonly table: string;
  readonly origin: string;
  readonly firstSequence?: number | undefined;
}): TablecastError {
  const { table, origin, firstSequence } = of;
  const name = [table, origin, firstSequence].filter((part) => part !== undefined).join(', ');
  return new TablecastError(
    'OPERATION_INVALID',
    `A peer sent operations of this node's present life (${name}) that it did not write.`,
    {
      hint: 'Another process runs with the same id and a copy of the directory, or a peer forges operations. Give each node its own id and directory.',
      details: { table, origin, sequence: firstSequence, own: true },
    },
  );
}

/** The life of this node that an error of {@link ownOperation} is about; undefined for any other error. */
export function ownLifeIn(error: unknown): string | undefined {
  if (!isTablecastError(error, 'OPERATION_INVALID') || error.details.own !== true) return undefined;
  return error.details.origin;
}
