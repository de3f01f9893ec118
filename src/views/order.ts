/** An order key is what rows are ordered by. A row without one comes after all others. */
export type OrderKey = number | bigint | string | boolean | null | undefined;

/** Ranks kinds of order keys: within one kind there is an order of its own. */
function rank(key: OrderKey): number {
  switch (typeof key) {
    case 'boolean':
      return 0;
    case 'number':
      return Number.isNaN(key) ? 2 : 1;
    case 'bigint':
      return 1;
    case 'string':
      return 3;
    default:
      return 4;
  }
}

/**
 * Compares order keys: false, true, numbers (bigints among them, NaN last), texts by code units, and nothing at last.
 * The same on every machine.
 */
export function compareKeys(one: OrderKey, other: OrderKey): number {
  if (typeof one === 'number' && typeof other === 'number') {
    if (one < other) return -1;
    if (one > other) return 1;
    if (one === other) return 0;
  } else if (typeof one === 'string' && typeof other === 'string') {
    return one < other ? -1 : one > other ? 1 : 0;
  }
  const ranks = rank(one) - rank(other);
  if (ranks !== 0) return ranks;
  if (one === undefined || one === null || other === undefined || other === null) return 0;
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Returns whether a value can be ordered by. */
export function isOrderKey(value: unknown): value is OrderKey {
  return value === null || ['number', 'bigint', 'string', 'boolean', 'undefined'].includes(typeof value);
}
