import { isTablecastError } from '../errors.ts';

/** Says why a row cannot go over, from what was thrown. */
export function reasonOf(thrown: unknown): string {
  if (isTablecastError(thrown)) return `${thrown.message} ${thrown.hint}`;
  return thrown instanceof Error ? thrown.message : String(thrown);
}
