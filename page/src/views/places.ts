import type { Cell } from '../api/types.ts';
import { to } from '../router.ts';

/** The address of a row. */
export function rowPlace(table: string, key: Cell): string {
  return to(['tables', table], { key: JSON.stringify(key) });
}

/** The key that an address names, as JSON; undefined for none. */
export function keyIn(text: string | null): Cell | undefined {
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as Cell;
  } catch {
    return undefined;
  }
}
