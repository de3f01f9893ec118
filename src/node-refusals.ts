import { TablecastError } from './errors.ts';

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
