import { setImmediate as turn } from 'node:timers/promises';
import type { Key, Value } from '../../schema/index.ts';

/** The rows of a table at a moment. */
export type State = ReadonlyMap<Key, Value>;

/** A key on which two states differ. */
export interface Differing {
  readonly kind: 'added' | 'changed' | 'removed';
  readonly key: Key;
  readonly before: Value;
  readonly after: Value;
}

const ROWS_PER_TURN = 8192;

/** Finds where two states differ, in the order of the rows of the later one, then what was removed. */
export async function differences(
  before: State,
  after: State,
  keyText: (key: Key) => string,
): Promise<readonly Differing[]> {
  const found: Differing[] = [];
  const earlier = await byText(before, keyText);
  let looked = 0;
  for (const [key, value] of after) {
    const text = keyText(key);
    const was = earlier.get(text);
    earlier.delete(text);
    if (was === undefined) found.push({ kind: 'added', key, before: undefined, after: value });
    else if (!isEqual(was[1], value)) found.push({ kind: 'changed', key, before: was[1], after: value });
    if (++looked % ROWS_PER_TURN === 0) await turn();
  }
  for (const [key, value] of earlier.values())
    found.push({ kind: 'removed', key, before: value, after: undefined });
  return found;
}

/** Keys of several columns are arrays, another one in each state. */
async function byText(
  state: State,
  keyText: (key: Key) => string,
): Promise<Map<string, readonly [Key, Value]>> {
  const texts = new Map<string, readonly [Key, Value]>();
  for (const row of state) {
    texts.set(keyText(row[0]), row);
    if (texts.size % ROWS_PER_TURN === 0) await turn();
  }
  return texts;
}

function isEqual(one: Value, other: Value): boolean {
  if (typeof one !== 'object' || typeof other !== 'object') return Object.is(one, other);
  return JSON.stringify(one) === JSON.stringify(other);
}
