import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';

type Sha256 = typeof import('../../src/log/bytes/sha256.ts');

const LENGTHS = [0, 1, 55, 56, 63, 64, 65, 4096, 65_536, 65_537, 200_000];
const expected = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Loads the module as a platform with, or without, a SHA-256 of its own does. */
async function loaded(isNative: boolean): Promise<Sha256> {
  vi.resetModules();
  if (!isNative) vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined);
  return await import('../../src/log/bytes/sha256.ts');
}

afterEach(() => void vi.restoreAllMocks());

describe.each([
  ['the platform’s', true],
  ['the one for pages', false],
])('SHA-256, %s', (_, isNative) => {
  it('is that of the standard, at once and in steps, of bytes behind a start', async () => {
    const { sha256, sha256InSteps } = await loaded(isNative);
    for (const length of LENGTHS) {
      const bytes = Uint8Array.from({ length: length + 8 }, (_unused, at) => at * 7);
      expect(hex(sha256(bytes)), `${length}`).toBe(expected(bytes));
      expect(hex(sha256(bytes, 8)), `${length}`).toBe(expected(bytes.subarray(8)));
      const steps = sha256InSteps(bytes, 8);
      let step = steps.next();
      while (step.done !== true) {
        // A step takes a few milliseconds at most.
        expect(step.value).toBeLessThanOrEqual(4097);
        step = steps.next();
      }
      expect(hex(step.value), `${length}`).toBe(expected(bytes.subarray(8)));
    }
  });
});
