import type { Subscription } from 'rxjs';
import type { MapTable, Table, TableNode } from '../index.ts';
import {
  type ComparedMode,
  type ComparedTables,
  LATEST,
  declareTables,
  latestText,
  readableRows,
  rowOfText,
} from './tables.ts';
import type { Workload, WorkloadRow } from './workload.ts';

/** A note says what one table of one node is in the end. */
export interface TableNote {
  /** Keys that `conflicts` named. */
  readonly inConflict: readonly string[];
  /** Keys that `divergence` names. */
  readonly diverged: readonly string[];
}

/** Everything one node did and saw. Times are milliseconds of the cluster's clock. */
export interface NodeNotes {
  /** The rows it wrote, in order; the arrays that follow have one entry for each. */
  readonly written: readonly number[];
  readonly writtenAt: readonly number[];
  /** Rows whose values could be read under the key just before. */
  readonly read: readonly (readonly number[])[];
  /** Counts how many rows of each node had arrived: as many entries per row as there are nodes. */
  readonly seen: readonly number[];
  /** By row of the workload: when it became known here; NaN where it was not noticed. */
  readonly arrivedAt: Float64Array;
  readonly counts: TableNote & { readonly rows: readonly (readonly [key: string, count: number])[] };
  readonly latest: TableNote & {
    /** Per key what stands, and the rows whose values can be read. */
    readonly rows: readonly (readonly [key: string, text: string, readable: readonly number[]])[];
  };
}

/** Observed is what an observer is told when it begins. */
export interface Observed {
  readonly workload: Workload;
  readonly mode: ComparedMode;
  /** The node's number in the cluster. */
  readonly index: number;
  /** Returns the clock of the cluster. */
  now(): number;
}

const NOTHING: readonly number[] = [];

/** Returns a node's id, by its number in the cluster. */
export function nodeId(index: number): string {
  return `n${index + 1}`;
}

/** Writes rows on one node and notes what the node reads, hears and ends with. */
export class NodeObserver {
  readonly #node: TableNode;
  readonly #observed: Observed;
  readonly #tables: ComparedTables;
  readonly #written: number[] = [];
  readonly #writtenAt: number[] = [];
  readonly #read: (readonly number[])[] = [];
  readonly #seen: number[] = [];
  readonly #arrivedAt: Float64Array;
  readonly #subscriptions: Subscription[] = [];
  readonly #counts: WatchedTable;
  readonly #latest: WatchedTable;
  /** Called after each row that becomes known here. */
  arrived: () => void = () => undefined;
  /** Counts the rows of each node that are here. */
  readonly held: number[];

  constructor(node: TableNode, observed: Observed) {
    const { workload, mode } = observed;
    this.#node = node;
    this.#observed = observed;
    this.held = Array.from({ length: workload.options.nodes }, () => 0);
    this.#arrivedAt = new Float64Array(workload.rows.length).fill(Number.NaN);
    this.#tables = declareTables(node, mode);
    this.#counts = new WatchedTable(this.#tables.counts, this.#subscriptions);
    this.#latest = new WatchedTable(this.#tables.latest, this.#subscriptions);
    this.#listen();
  }

  /**
   * A row is two writes, of which the second, on `latest`, names it. By what it names and not by sequences: a
   * document that is begun anew takes sequences of its own, and has what it passed over written again.
   */
  #listen(): void {
    const { rows } = this.#observed.workload;
    const operations = this.#node.log.operations({ after: 0, table: LATEST });
    this.#subscriptions.push(
      operations.subscribe(({ kind, value }) => {
        if (kind !== 'set') return;
        const row = rowOfText(String(value));
        const { node, ordinal } = rows[row] as WorkloadRow;
        if ((this.held[node] ?? 0) >= ordinal) return;
        this.held[node] = ordinal;
        this.#arrivedAt[row] = this.#observed.now();
        this.arrived();
      }),
    );
  }

  /** Returns whether at least so many rows of each node are here. */
  holds(wanted: readonly number[]): boolean {
    return wanted.every((ordinal, node) => (this.held[node] ?? 0) >= ordinal);
  }

  /** Counts a row and keeps its value as the latest of its key. */
  write(row: number): void {
    const { counts, latest } = this.#tables;
    const { key, value } = this.#observed.workload.rows[row] as WorkloadRow;
    const read = readableRows(latest, key);
    this.#written.push(row);
    this.#writtenAt.push(this.#observed.now());
    this.#read.push(read.length === 0 ? NOTHING : read);
    this.#seen.push(...this.held);
    counts.increment(key, 1);
    latest.set(key, latestText(row, value));
  }

  /** Writes rows as a burst, all counts before all values, and notes nothing. */
  writeTogether(rows: readonly number[]): void {
    const { counts, latest } = this.#tables;
    const all = this.#observed.workload.rows;
    for (const row of rows) counts.increment((all[row] as WorkloadRow).key, 1);
    for (const row of rows) {
      const { key, value } = all[row] as WorkloadRow;
      latest.set(key, latestText(row, value));
    }
  }

  /** Returns what there is to say in the end. */
  notes(): NodeNotes {
    const { counts, latest } = this.#tables;
    return {
      written: this.#written,
      writtenAt: this.#writtenAt,
      read: this.#read,
      seen: this.#seen,
      arrivedAt: this.#arrivedAt,
      counts: { ...this.#counts.note(), rows: [...counts] },
      latest: {
        ...this.#latest.note(),
        rows: [...latest].map(([key, text]) => [key, text, readableRows(latest, key)]),
      },
    };
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }
}

/** Collects the keys that one table says are in conflict or different. */
class WatchedTable {
  readonly #inConflict = new Set<string>();
  #diverged: readonly string[] = [];

  constructor(table: MapTable<string, never> | Table<string>, subscriptions: Subscription[]) {
    subscriptions.push(
      table.conflicts.subscribe(({ key }) => void this.#inConflict.add(key)),
      table.divergence.subscribe((list) => {
        this.#diverged = [...new Set(list.map(({ key }) => key))];
      }),
    );
  }

  note(): TableNote {
    return { inConflict: [...this.#inConflict], diverged: this.#diverged };
  }
}
