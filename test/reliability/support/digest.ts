import { createHash } from 'node:crypto';

/** A digest of what tables hold, whatever the order of their rows. */
export function digestOf(tables: readonly Iterable<readonly [unknown, unknown]>[]): string {
  const hash = createHash('sha256');
  for (const table of tables) {
    const rows = Array.from(table, ([key, value]) => `${String(key)}=${String(value)}`);
    hash.update(JSON.stringify(rows.toSorted()));
  }
  return hash.digest('hex');
}
