import assert from 'node:assert/strict';
import { isTablecastError } from '../errors.ts';

/**
 * A case is one promise of a port, as a test of its own. It runs under any test runner, or none: it rejects when
 * the promise is not kept. Cases share nothing; each makes what it needs and takes it away again.
 */
export interface ContractCase {
  /** Says the promise, as a sentence. */
  readonly title: string;
  /** Rejects with an `AssertionError` when the promise is not kept, or with what the implementation threw. */
  run(this: void): Promise<void>;
}

/** Longest time for one case unless the suite is given another, in milliseconds. */
const CASE_LIMIT_MS = 60_000;

/** Runs a case; rejects when it takes longer than its limit, because a broken implementation may never answer. */
export async function withinLimit(work: Promise<void>, limitMs: number = CASE_LIMIT_MS): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `The case did not end within ${limitMs} ms.` })),
      limitMs,
    );
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the code a call rejects with, `resolved`, or what else it rejected with. */
export async function outcomeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'resolved',
    (error: unknown) => (isTablecastError(error) ? error.code : `no TablecastError: ${String(error)}`),
  );
}

/** Throws unless a call rejects with a TablecastError of this code. */
export async function assertRejects(work: Promise<unknown>, code: string): Promise<void> {
  assert.equal(await outcomeOf(work), code);
}

/** Throws unless two byte strings are equal; says where they differ, and prints neither. */
export function assertBytes(found: Uint8Array | undefined, expected: Uint8Array): void {
  assert.ok(found instanceof Uint8Array, 'bytes were expected');
  assert.equal(found.length, expected.length, 'length of the bytes');
  const at = found.findIndex((byte, index) => byte !== expected[index]);
  assert.equal(at, -1, `byte ${at} of ${expected.length} differs`);
}
