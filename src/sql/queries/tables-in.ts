import { isTablecastError } from '../../errors.ts';
import type { Projection } from '../../projection/projection.ts';
import { checkProjectOptions } from '../options.ts';

/** The tables that SQL can have beside each other; of two whose names differ by their case, the first. */
export function tablesIn(tables: readonly Projection[]): Projection[] {
  const taken = new Set<string>();
  return tables.filter(({ schema }) => {
    const name = schema.name.toLowerCase();
    if (taken.has(name) || !isPossible(schema)) return false;
    taken.add(name);
    return true;
  });
}

function isPossible(schema: Projection['schema']): boolean {
  try {
    checkProjectOptions([schema], { to: 'rows.db' });
    return true;
  } catch (error) {
    if (isTablecastError(error)) return false;
    throw error;
  }
}
