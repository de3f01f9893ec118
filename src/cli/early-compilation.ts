import { setFlagsFromString } from 'node:v8';

/** Bytes of bytecode that a function runs before it is compiled for speed; 67,584 where nothing is said. */
const COMPILED_AFTER_BYTES = 10_000;
/** From this version on V8 has a compiler between its first and its best, and another name for the flag. */
const FIRST_V8_WITH_ANOTHER = 12;

/**
 * Has functions compiled for speed sooner than V8 would: a node that is written to now and then would not come to it for
 * hours. For the process as a whole, so it is for a program to call and not for a library. Node.js 20 only.
 */
export function compileEarly(v8 = process.versions.v8): boolean {
  if (Number.parseInt(v8, 10) >= FIRST_V8_WITH_ANOTHER) return false;
  setFlagsFromString(`--interrupt-budget=${COMPILED_AFTER_BYTES}`);
  return true;
}
