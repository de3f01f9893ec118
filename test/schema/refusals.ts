import { expect } from 'vitest';
import { TablecastError, type ErrorCode } from '../../src/errors.ts';

/** The TablecastError an action throws; fails for anything else, and for one without a hint. */
function refusalOf(action: () => unknown): TablecastError {
  let result: unknown;
  try {
    result = action();
  } catch (error) {
    if (!(error instanceof TablecastError)) throw error;
    expect(error.hint).not.toBe('');
    return error;
  }
  throw new Error(`nothing was refused, the result is ${String(result)}`);
}

/** Checks code and message (and hint, joined by a newline) of a refusal. */
export function expectRefusal(action: () => unknown, code: ErrorCode, ...patterns: RegExp[]): void {
  const error = refusalOf(action);
  expect(error.code).toBe(code);
  for (const pattern of patterns) expect(`${error.message}\n${error.hint}`).toMatch(pattern);
}

/** True when the action ends well, false when it is refused with the code; anything else fails. */
export function isAccepted(action: () => unknown, code: ErrorCode): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof TablecastError && error.code === code) return false;
    throw error;
  }
}
