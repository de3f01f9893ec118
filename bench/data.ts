import { SeededRandom } from '../src/simulation/seeded-random.ts';

/** Keys of the standard table. */
export const KEYS = 100_000;

/** Different keys of 16 characters, as flat strings nobody has hashed yet. */
export function keysOf(count: number, seed = 1): string[] {
  const random = new SeededRandom(seed);
  const digits = '0123456789abcdefghijklmnopqrstuvwxyz';
  const bytes = Buffer.alloc(16);
  return Array.from({ length: count }, (_, index) => {
    bytes.write(index.toString(36).padStart(5, '0'), 0, 'latin1');
    for (let at = 5; at < 16; at++) bytes[at] = digits.charCodeAt(Math.floor(random.next() * 36));
    // The counter goes last: what keys have in common is not at their front.
    return Buffer.concat([bytes.subarray(5), bytes.subarray(0, 5)]).toString('latin1');
  });
}

/** Which of {@link keysOf} a key is. */
export function indexOfKey(key: string): number {
  return Number.parseInt(key.slice(11), 36);
}

/** The n-th value: takes eight bytes in every encoding, and grows, so that the last one can be told. */
export function valueOf(index: number): number {
  return index + 0.1;
}

/** In which order keys are updated: at random. */
export function orderOf(count: number, keys: number, seed = 2): Uint32Array {
  const random = new SeededRandom(seed);
  return Uint32Array.from({ length: count }, () => Math.floor(random.next() * keys));
}

/** The key of the `index`-th operation of a history: every key once, then at random. */
export function keyAt(keys: readonly string[], order: Uint32Array, index: number): string {
  return keys[index < keys.length ? index : (order[index] as number)] as string;
}
