import { TablecastError } from '../errors.ts';
import type { NodeOptions } from './options.ts';

/** Makes the error of a node that was closed. */
export function closed(): TablecastError {
  return new TablecastError('CLOSED', 'The node is closed.', { hint: 'Open it again with openNode().' });
}

/** Returns what a batch gives, unless it is a promise: throws `OPTION_INVALID` then. */
export function refusePromise<T>(result: T): T {
  if (!(result instanceof Promise)) return result;
  result.catch(() => undefined);
  throw new TablecastError('OPTION_INVALID', 'batch() was given an asynchronous function.', {
    hint: 'Await what is needed before the batch, and write inside it without await. Nothing was written.',
  });
}

/** Throws `BACKEND_FOREIGN` when the log in a backend belongs to another node; `owner` is undefined when it is new. */
export function requireOwner(
  owner: string | undefined,
  { id, directory }: NodeOptions,
  backend: string,
): void {
  if (owner === undefined || owner === id) return;
  throw new TablecastError(
    'BACKEND_FOREIGN',
    backend === 'sqlite' && directory !== undefined
      ? `The database of ${id} in ${directory} belongs to node ${owner}.`
      : `The log of ${id} in backend ${backend} belongs to node ${owner}.`,
    {
      hint: 'Copies of a directory must not be used under another id; start the new node with an empty directory, and its peers fill it.',
      details: { owner },
    },
  );
}
