import { createHash } from 'node:crypto';
import type { Origins } from '../log/operations/origin.ts';
import { stateName } from '../projection/comparing/digest.ts';
import type { Projection } from '../projection/projection.ts';

const SUM_BYTES = 32;

/**
 * A sum says in few bytes what a table holds: equal for two folds exactly if they hold the same rows, written
 * by the same operations.
 */
export interface TableSum {
  readonly name: string;
  readonly rows: number;
  /** Names which operations of whom were taken in. */
  readonly state: string;
  readonly sum: string;
}

/** Sums up a table; two of them need not be in memory at the same time to be compared. */
export function sumTable(projection: Projection, origins: Origins): TableSum {
  const { rows, schema } = projection;
  const total = new Uint8Array(SUM_BYTES);
  for (const slot of rows.live()) {
    const cell = schema.isSet ? '' : schema.toColumn(rows.value(slot));
    const written = `${origins.at(rows.origin(slot)).text} ${rows.sequence(slot)} ${typeof cell} ${String(cell)}`;
    const hash = createHash('sha256')
      .update(JSON.stringify([rows.text(slot), written]))
      .digest();
    for (let index = 0; index < SUM_BYTES; index++)
      total[index] = (total[index] as number) ^ (hash[index] as number);
  }
  return {
    name: schema.name,
    rows: rows.size,
    state: stateName(projection, origins),
    sum: Buffer.from(total).toString('hex'),
  };
}
