import { setImmediate as turn } from 'node:timers/promises';

/** So many rows are put in order, merged or looked through in one turn of the event loop: some milliseconds. */
const ROWS_PER_TURN = 8192;

/** Says which of two rows comes first: below 0 for the first. */
export type Order = (one: number, other: number) => number;

/** The rows of a list that fit, in its order. Gives way to other work in between. */
export async function matching(
  rows: { readonly size: number; slots(): Iterable<number> },
  fits: (row: number) => boolean,
): Promise<Uint32Array> {
  const found = new Uint32Array(rows.size);
  let count = 0;
  let looked = 0;
  for (const row of rows.slots()) {
    if (fits(row)) found[count++] = row;
    if (++looked % ROWS_PER_TURN === 0) await turn();
  }
  return found.subarray(0, count);
}

/** Puts rows in order; rows that are equal stay as they were. Gives way to other work in between. */
export async function sorted(rows: Uint32Array, order: Order): Promise<Uint32Array> {
  let from = rows.slice();
  for (let start = 0; start < from.length; start += ROWS_PER_TURN) {
    from.subarray(start, start + ROWS_PER_TURN).sort(order);
    await turn();
  }
  let into = new Uint32Array(from.length);
  for (let width = ROWS_PER_TURN; width < from.length; width *= 2) {
    for (let start = 0; start < from.length; start += 2 * width)
      await merge({ from, into, start, middle: start + width, end: start + 2 * width }, order);
    [from, into] = [into, from];
  }
  return from;
}

interface Merge {
  readonly from: Uint32Array;
  readonly into: Uint32Array;
  readonly start: number;
  readonly middle: number;
  readonly end: number;
}

async function merge({ from, into, start, middle, end }: Merge, order: Order): Promise<void> {
  const leftEnd = Math.min(middle, from.length);
  const rightEnd = Math.min(end, from.length);
  let left = start;
  let right = leftEnd;
  for (let to = start; to < rightEnd; to++) {
    const takesLeft =
      left < leftEnd && (right >= rightEnd || order(from[left] as number, from[right] as number) <= 0);
    into[to] = (takesLeft ? from[left++] : from[right++]) as number;
    if (to % ROWS_PER_TURN === ROWS_PER_TURN - 1) await turn();
  }
}
