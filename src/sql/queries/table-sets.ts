import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TablecastError } from '../../errors.ts';
import type { Projection } from '../../projection/projection.ts';
import type { ProjectedNode } from '../projected-node.ts';
import { Beside } from './beside.ts';
import { Brought } from './brought.ts';
import type { BroughtTables, Want } from './messages.ts';
import { Replica } from './replica.ts';
import { tablesIn } from './tables-in.ts';
import type { TemporaryDirectory } from './temporary-directory.ts';

/** Sets of tables that replicas are kept of, one for each set that somebody may read. */
const MAX_REPLICAS = 4;
/** A replica that nobody asks is dropped after this time, in milliseconds. */
const REPLICA_IDLE_MS = 300_000;
/** The time in which the tables have to be brought to the present, and whatever else a query reads. */
const MAX_BRINGING_MS = 60_000;

/** A set of tables that is asked, with what is beside them. */
export class TableSet {
  /** The database of the tables; undefined where there are none. */
  readonly file: string | undefined;
  readonly beside: Beside;
  readonly #node: ProjectedNode;
  readonly #replica: Replica | undefined;
  readonly #brought: Brought;
  /** True when it has to begin anew. */
  isSpoilt = false;

  constructor(
    node: ProjectedNode,
    {
      tables,
      isAll,
      path,
    }: { readonly tables: readonly Projection[]; readonly isAll: boolean; readonly path: string },
  ) {
    this.#node = node;
    this.file = tables.length === 0 ? undefined : `${path}.db`;
    this.#replica = this.file === undefined ? undefined : new Replica(node, this.file, tables);
    this.beside = new Beside(node, tables, isAll);
    this.#brought = new Brought(`${path}-beside.db`, node.environment);
  }

  /** Brings all tables to what the log has now; gives the position. */
  async bring(): Promise<number> {
    this.#brought.begin();
    if (this.#replica === undefined) return this.#node.log.position;
    try {
      return await this.#inTime(this.#replica.bring());
    } catch (error) {
      this.isSpoilt = true;
      throw error;
    }
  }

  /** The tables that were brought for this query. */
  get brought(): BroughtTables | undefined {
    return this.#brought.tables;
  }

  /** Brings what a query wants, as of a position. */
  async fetch(want: Want, upTo: number): Promise<void> {
    const source = this.beside.sourceOf(want, upTo);
    await this.#inTime(this.#brought.bring(want, { source, upTo }));
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    let isOver = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      const timer = this.#node.environment.schedule(MAX_BRINGING_MS, () => {
        this.isSpoilt = true;
        reject(notBrought());
      });
      isOver = () => timer.cancel();
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      isOver();
    }
  }

  advanced(): void {
    this.#replica?.advanced();
  }

  async close(): Promise<void> {
    await this.#replica?.close();
    await this.#brought.close();
    if (this.file === undefined) return;
    for (const ending of ['', '-wal', '-shm']) await rm(`${this.file}${ending}`, { force: true });
  }
}

interface Kept {
  readonly set: TableSet;
  cancelDrop(): void;
}

/** The sets of tables that are asked; the one that was asked longest ago makes room for another. */
export class TableSets {
  readonly #node: ProjectedNode;
  readonly #directory: TemporaryDirectory;
  readonly #kept = new Map<string, Kept>();
  #files = 0;

  constructor(node: ProjectedNode, directory: TemporaryDirectory) {
    this.#node = node;
    this.#directory = directory;
  }

  /** Does something with the tables that may be read. One use at a time. */
  async use<T>(mayRead: (table: string) => boolean, act: (set: TableSet) => Promise<T>): Promise<T> {
    const all = [...this.#node.projections.values()];
    const readable = all.filter(({ schema }) => mayRead(schema.name));
    const tables = tablesIn(readable);
    const isAll = readable.length === all.length;
    const key = JSON.stringify([isAll, ...tables.map(({ schema }) => schema.name)]);
    const kept = this.#kept.get(key) ?? (await this.#begin(tables, isAll));
    kept.cancelDrop();
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    try {
      return await act(kept.set);
    } finally {
      if (kept.set.isSpoilt) await this.#drop(key);
      else this.#dropLater(key, kept);
    }
  }

  #dropLater(key: string, kept: Kept): void {
    const timer = this.#node.environment.schedule(REPLICA_IDLE_MS, () => void this.#drop(key));
    kept.cancelDrop = () => timer.cancel();
  }

  async #begin(tables: readonly Projection[], isAll: boolean): Promise<Kept> {
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MAX_REPLICAS && oldest !== undefined) await this.#drop(oldest);
    const path = join(await this.#directory.path, String(this.#files++));
    return { set: new TableSet(this.#node, { tables, isAll, path }), cancelDrop: () => undefined };
  }

  async #drop(key: string): Promise<void> {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    kept.cancelDrop();
    await kept.set.close();
  }

  advanced(): void {
    for (const { set } of this.#kept.values()) set.advanced();
  }

  async close(): Promise<void> {
    for (const key of this.#kept.keys()) await this.#drop(key);
  }
}

function notBrought(): TablecastError {
  return new TablecastError(
    'LIMIT_EXCEEDED',
    `What the query reads could not be brought to the present within ${MAX_BRINGING_MS} ms.`,
    {
      hint: 'Ask again; look whether the temporary directory has room, and the disk of the node takes what is written.',
      details: { limit: MAX_BRINGING_MS, name: 'MAX_BRINGING_MS' },
      retryable: true,
    },
  );
}
