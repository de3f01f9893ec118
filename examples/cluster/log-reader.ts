// A worker's part of the work: reads the log and keeps the shared tables, exactly once per row.
import { setTimeout as pause } from 'node:timers/promises';
import type { TableNode } from 'tablecast';
import { readRecords } from '../../src/cli/formats/index.ts';
import type { LogShare } from './messages.ts';
import { applyRow, ownerOf, rowFacts, type RowFacts, type SharedTables } from './shared-tables.ts';

const ROWS_PER_BATCH = 64;
const ROWS_PER_FLUSH = 4096;

/**
 * Reads the rest of the log, from where the tables say this worker stood.
 *
 * The rows of a batch and how far they reach are written together, so after a kill either both are
 * there or neither: nothing is lost and nothing is counted twice.
 */
export async function readLog(node: TableNode, tables: SharedTables, share: LogShare): Promise<void> {
  const done = tables.rowsRead.get(node.id) ?? 0;
  const pace = new Pace(share.rowsPerSecond);
  const owns = (address: string): boolean => ownerOf(address, share.workers) === share.worker;
  let row = 0;
  let batch: RowFacts[] = [];
  const write = (): void => {
    node.batch(() => {
      for (const facts of batch) applyRow(tables, facts, owns);
      tables.rowsRead.set(node.id, row);
    });
    batch = [];
  };
  for await (const record of readRecords(share.path, { onBadLine: 'skip' })) {
    row++;
    if (row <= done) continue;
    const facts = rowFacts(record);
    if (facts !== undefined) batch.push(facts);
    if (row % ROWS_PER_BATCH !== 0) continue;
    write();
    // Bounds what waits for the disk when the log is read faster than it can be written.
    if (row % ROWS_PER_FLUSH === 0) await node.flush();
    await pace.at(row - done);
  }
  write();
  await node.flush();
}

/** Slows reading down to so many rows a second. */
class Pace {
  readonly #rowsPerSecond: number;
  readonly #start = performance.now();

  constructor(rowsPerSecond: number) {
    this.#rowsPerSecond = rowsPerSecond;
  }

  async at(rows: number): Promise<void> {
    const due = this.#start + (rows / this.#rowsPerSecond) * 1000;
    await pause(Math.max(0, due - performance.now()));
  }
}
