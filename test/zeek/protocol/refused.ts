import { isTablecastError } from '../../../src/errors.ts';

/** True if an error of ours was thrown, false if none; another error is passed on. */
export function isRefused(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (!isTablecastError(error)) throw error;
    return true;
  }
}
