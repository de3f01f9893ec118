import type { Operation } from '../operations/operation.ts';
import type { LogReader } from './operation-reader.ts';

/** A key is looked for by its text, up to a position; so many of its operations are wanted, the newest. */
export interface OperationsWanted {
  readonly text: string;
  readonly until: number;
  readonly most: number;
  readonly keyText: (key: Operation['key']) => string;
}

/**
 * Reads the newest operations of one key, oldest first, and one more than were wanted where there are more. Those
 * without a key, as a clear is, concern every key. It holds no more than twice as many at a time, and those of one batch.
 */
export async function operationsOfKey(
  reader: Pick<LogReader, 'next'>,
  { text, until, most, keyText }: OperationsWanted,
): Promise<readonly Operation[]> {
  let found: Operation[] = [];
  for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
    if ((batch[0]?.position ?? 0) > until) break;
    for (const operation of batch) {
      if (operation.position > until) break;
      if (operation.key === undefined || keyText(operation.key) === text) found.push(operation);
    }
    if (found.length > 2 * most) found = found.slice(-most - 1);
  }
  return found.slice(-most - 1);
}
