import { TablecastError, isTablecastError } from '../errors.ts';

/** The error of a view one of whose functions threw, or gave what cannot be used. */
export function viewFailed(
  { table, what, key }: { readonly table: string; readonly what: string; readonly key: unknown },
  cause: unknown,
): TablecastError {
  const shown = (Array.isArray(key) ? key.map(String).join(', ') : String(key)).slice(0, 100);
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TablecastError(
    'VIEW_FAILED',
    `${what} of a view of ${table} failed at key ${shown}: ${reason}`,
    {
      hint: isTablecastError(cause, 'INTEGER_TOO_LARGE')
        ? `The view is closed, the table is as it was. ${cause.hint}`
        : 'The view is closed, the table is as it was: mend the function so that it takes every row, and open the view anew.',
      details: { table, key: shown, function: what },
      cause,
    },
  );
}

/** The error of who reads a view that was closed. */
export function viewClosed(table: string): TablecastError {
  return new TablecastError('CLOSED', `A view of ${table} is closed.`, {
    hint: 'Open a view anew, or read before you close it.',
    details: { table },
  });
}

/** The error of a view one of whose functions wrote to the table that it reads. */
export function writesInside(table: string): TablecastError {
  return new TablecastError(
    'VIEW_FAILED',
    `A function of a view of ${table} writes to the table that it reads.`,
    {
      hint: 'The view is closed. Its functions are asked about one row, at any time and as often as needed: write in a subscriber.',
      details: { table },
    },
  );
}

export function optionInvalid(option: string, message: string, hint: string): TablecastError {
  return new TablecastError('OPTION_INVALID', message, { hint, details: { option } });
}

/** Says in words what was given in place of something else. */
export function nameOf(answer: unknown): string {
  if (answer instanceof Promise) return 'a promise';
  if (answer instanceof Date) return 'a Date (use its getTime())';
  if (Array.isArray(answer)) return 'a list';
  if (answer === undefined || answer === null) return String(answer);
  if (typeof answer === 'string') return JSON.stringify(answer);
  if (typeof answer === 'object') return 'an object';
  const isPlain = typeof answer === 'number' || typeof answer === 'bigint' || typeof answer === 'boolean';
  return isPlain ? String(answer) : `a ${typeof answer}`;
}
