import { sha256 as portable } from '@noble/hashes/sha2.js';

/** Bytes that are hashed in one step of {@link sha256InSteps}: a few milliseconds where they take longest. */
const STEP_BYTES: number = 64 * 1024;
/** Bytes that are hashed in a microsecond where that takes longest, in a page on a slow machine. */
const BYTES_PER_UNIT = 16;

interface Hash {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

interface Platform {
  readonly process?: {
    getBuiltinModule?(name: string): { createHash?(algorithm: string): Hash } | undefined;
  };
}

/** The platform's own is about ten times faster; a browser has none that answers at once. */
const native = (globalThis as Platform).process?.getBuiltinModule?.('node:crypto');

function newHash(): Hash {
  return native?.createHash?.('sha256') ?? portable.create();
}

/** SHA-256 of `bytes` from `start` on, 32 bytes. */
export function sha256(bytes: Uint8Array, start = 0): Uint8Array {
  const hash = newHash();
  hash.update(bytes.subarray(start));
  return Uint8Array.from(hash.digest());
}

/**
 * Returns the same in steps, each of which says how many microseconds it took at most; `bytes` must not
 * change meanwhile.
 */
export function* sha256InSteps(bytes: Uint8Array, start: number): Generator<number, Uint8Array, undefined> {
  const hash = newHash();
  for (let at = start; at < bytes.length; at += STEP_BYTES) {
    const part = bytes.subarray(at, at + STEP_BYTES);
    hash.update(part);
    yield 1 + Math.ceil(part.length / BYTES_PER_UNIT);
  }
  return Uint8Array.from(hash.digest());
}
