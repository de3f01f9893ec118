// The first look at a log: is it readable, how many rows has it, and what should the tables hold?
import { openNode } from 'tablecast';
import { readRecords } from '../../src/cli/formats/index.ts';
import { digestOf, liveRows } from './row-digest.ts';
import { applyRow, declareTables, rowFacts } from './shared-tables.ts';

/** What a log holds. */
export interface Survey {
  readonly rows: number;
  /** Rows that name no host. */
  readonly rowsWithoutHost: number;
  readonly linesSkipped: number;
  readonly firstSkipped: string | undefined;
  /** What one undisturbed process comes to. */
  readonly tables: ReadonlyMap<string, SurveyedTable>;
}

/** One table, as the log alone says it must be. */
export interface SurveyedTable {
  readonly rows: number;
  readonly digest: string;
}

/** A log that cannot be used, and what to do about it. */
export class LogUnusable extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/**
 * Reads a log once, alone, into tables in memory. What three processes, one of them killed on the
 * way, make of the same log must equal this.
 */
export async function surveyLog(path: string, stopping: AbortSignal): Promise<Survey> {
  const node = await openNode({ id: 'survey' });
  try {
    const tables = declareTables(node, { backend: 'memory', contested: false });
    let firstSkipped: string | undefined;
    const records = readRecords(path, {
      onBadLine: 'skip',
      onSkip: (error) => (firstSkipped ??= error.message),
    });
    let rows = 0;
    let rowsWithoutHost = 0;
    for await (const record of records) {
      stopping.throwIfAborted();
      rows++;
      const facts = rowFacts(record);
      if (facts === undefined) rowsWithoutHost++;
      else applyRow(tables, facts, () => true);
      if (rows % 1024 === 0) await node.flush();
    }
    if (rows === 0) {
      const found = firstSkipped === undefined ? '' : ` (${firstSkipped})`;
      throw new LogUnusable(
        `${path} has no rows${found}.`,
        'Give a Zeek log with rows, tab-separated or JSON, plain or gzip; or no path, for a generated sample.',
      );
    }
    if (rowsWithoutHost === rows) {
      throw new LogUnusable(
        `No row of ${path} names a host: none has an address in id.orig_h or host.`,
        'Use a log of connections or hosts: conn, dns, http, ssl, weird, known_hosts, known_services …',
      );
    }
    // Active clients are gone again by the end, on every node.
    const expected = new Map<string, SurveyedTable>([['active_clients', { rows: 0, digest: digestOf([]) }]]);
    for (const table of [tables.knownHosts, tables.knownServices, tables.rowsByClient]) {
      expected.set(table.name, { rows: table.size, digest: digestOf(liveRows(table)) });
    }
    return { rows, rowsWithoutHost, linesSkipped: records.skipped, firstSkipped, tables: expected };
  } finally {
    await node.close();
  }
}
