import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { TablecastError, isTablecastError } from '../../errors.ts';
import type { Projection } from '../../projection/projection.ts';
import { checkProjectOptions } from '../options.ts';
import type { ProjectedNode } from '../projected-node.ts';
import { QueryProcess } from './asking.ts';
import type { FoundRows, QueryCell, QueryOrder } from './messages.ts';
import { Replica } from './replica.ts';

/** Queries that wait for the one that is answered. */
const MAX_QUERIES_WAITING = 64;
/** Sets of tables that replicas are kept of, one for each set that somebody may read. */
const MAX_REPLICAS = 4;
/** A replica that nobody asks is dropped after this time, in milliseconds. */
const REPLICA_IDLE_MS = 300_000;
/** The time in which the tables have to be brought to the present. */
const MAX_BRINGING_MS = 60_000;
/** Longest text of a query, in characters. */
const MAX_SQL = 65_536;
/** Parameters of a query. */
const MAX_PARAMETERS = 1024;

/** The options bound what a query takes. */
export interface QueryOptions {
  /** Bounds the time of the query itself, in milliseconds. Default 10,000, at most 600,000. */
  readonly maxMs?: number | undefined;
  /** Bounds the rows of the answer. Default 10,000, at most 1,000,000. */
  readonly maxRows?: number | undefined;
  /** Bounds the bytes of the answer. Default 16 MiB, at most 64 MiB. */
  readonly maxBytes?: number | undefined;
}

/** A query with what stands for its `?`. */
export interface AskedQuery {
  readonly sql: string;
  readonly parameters?: readonly unknown[] | undefined;
  readonly options?: QueryOptions | undefined;
}

/** The result has the rows that a query gives. */
export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, QueryCell>>[];
  /** Is the position of the node's log that all of it is of. */
  readonly position: number;
}

const atMost = (most: number) => v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most)));
const cell = v.union([v.string(), v.number(), v.bigint(), v.null(), v.instance(Uint8Array)]);
const asked = v.object({
  sql: v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_SQL)),
  parameters: v.optional(v.pipe(v.array(cell), v.maxLength(MAX_PARAMETERS)), []),
  options: v.optional(
    v.strictObject({
      maxMs: atMost(600_000),
      maxRows: atMost(1_000_000),
      maxBytes: atMost(64 * 1024 * 1024),
    }),
    {},
  ),
});

interface Kept {
  readonly replica: Replica;
  readonly file: string;
  cancelDrop(): void;
}

/** The queries of a node: answered one after another, each as of the position that the log has when its turn comes. */
export class Queries {
  readonly #node: ProjectedNode;
  readonly #replicas = new Map<string, Kept>();
  #directory: Promise<string> | undefined;
  #process: QueryProcess | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #files = 0;
  #isClosed = false;

  constructor(node: ProjectedNode) {
    this.#node = node;
  }

  /** Answers a query about the tables that may be read; others are not there. */
  async ask(query: AskedQuery, mayRead: (table: string) => boolean = () => true): Promise<QueryResult> {
    const { sql, parameters, options } = checkQuery(query);
    if (this.#isClosed) throw closed();
    if (this.#waiting >= MAX_QUERIES_WAITING) throw tooManyWaiting();
    const { maxMs = 10_000, maxRows = 10_000, maxBytes = 16 * 1024 * 1024 } = options;
    const answered = this.#inTurn(async () => {
      const { file, position } = await this.#bring(mayRead);
      const order = { file, sql, parameters: parameters.map(exact), maxRows, maxBytes };
      return resultOf(await this.#answer(order, maxMs), position);
    });
    return answered;
  }

  async #answer(order: QueryOrder, maxMs: number): Promise<FoundRows> {
    try {
      return await (this.#process as QueryProcess).ask(order, maxMs);
    } catch (error) {
      throw this.#isClosed ? closed() : error;
    }
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const done = this.#turn.then(async () => {
      if (this.#isClosed) throw closed();
      return act();
    });
    this.#turn = done.catch(() => undefined);
    try {
      return await done;
    } finally {
      this.#waiting--;
    }
  }

  async #bring(mayRead: (table: string) => boolean): Promise<{ file: string | undefined; position: number }> {
    const directory = await (this.#directory ??= mkdtemp(join(tmpdir(), 'tablecast-queries-')));
    this.#process ??= new QueryProcess(directory);
    const tables = tablesIn(
      [...this.#node.projections.values()].filter(({ schema }) => mayRead(schema.name)),
    );
    if (tables.length === 0) return { file: undefined, position: this.#node.log.position };
    const key = JSON.stringify(tables.map(({ schema }) => schema.name));
    const kept = this.#replicas.get(key) ?? (await this.#begin(key, directory, tables));
    kept.cancelDrop();
    try {
      const position = await this.#inTime(kept.replica.bring());
      return { file: kept.file, position };
    } catch (error) {
      await this.#drop(key);
      throw error;
    } finally {
      const { environment } = this.#node;
      const timer = environment.schedule(REPLICA_IDLE_MS, () => void this.#drop(key));
      kept.cancelDrop = () => timer.cancel();
    }
  }

  async #begin(key: string, directory: string, tables: readonly Projection[]): Promise<Kept> {
    const [oldest] = this.#replicas.keys();
    if (this.#replicas.size >= MAX_REPLICAS && oldest !== undefined) await this.#drop(oldest);
    const file = join(directory, `${this.#files++}.db`);
    const kept: Kept = { replica: new Replica(this.#node, file, tables), file, cancelDrop: () => undefined };
    this.#replicas.set(key, kept);
    return kept;
  }

  async #drop(key: string): Promise<void> {
    const kept = this.#replicas.get(key);
    if (kept === undefined) return;
    this.#replicas.delete(key);
    kept.cancelDrop();
    await kept.replica.close();
    for (const ending of ['', '-wal', '-shm']) await rm(`${kept.file}${ending}`, { force: true });
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const { environment } = this.#node;
    let isOver = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      const timer = environment.schedule(MAX_BRINGING_MS, () => reject(notBrought()));
      isOver = () => timer.cancel();
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      isOver();
    }
  }

  /** Takes in that the log may have become longer. */
  advanced(): void {
    for (const { replica } of this.#replicas.values()) replica.advanced();
  }

  /** Ends what is asked. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#process?.close();
    for (const key of this.#replicas.keys()) await this.#drop(key);
    await this.#turn;
    if (this.#directory !== undefined) await rm(await this.#directory, { recursive: true, force: true });
  }
}

/** Checks what is asked. Throws `OPTION_INVALID`, which names the member. */
function checkQuery(query: unknown): v.InferOutput<typeof asked> {
  const result = v.safeParse(asked, query);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = issue.path?.map(({ key }) => String(key)).join('.') ?? 'the query';
  throw new TablecastError(
    'OPTION_INVALID',
    `A query expects ${issue.expected ?? 'another value'} as ${path}.`,
    {
      hint: 'Parameters are text, numbers, bigints, bytes and null; they stand for ? in the query.',
      details: { option: path },
    },
  );
}

/** An integer goes as one: SQLite would take a number for a floating one. */
function exact(parameter: QueryCell): QueryCell {
  return Number.isSafeInteger(parameter) ? BigInt(parameter as number) : parameter;
}

/** The tables that SQL can have beside each other; of two whose names differ by their case, the first. */
function tablesIn(tables: readonly Projection[]): Projection[] {
  const taken = new Set<string>();
  return tables.filter(({ schema }) => {
    const name = schema.name.toLowerCase();
    if (taken.has(name) || !isPossible(schema)) return false;
    taken.add(name);
    return true;
  });
}

function isPossible(schema: Projection['schema']): boolean {
  try {
    checkProjectOptions([schema], { to: 'rows.db' });
    return true;
  } catch (error) {
    if (isTablecastError(error)) return false;
    throw error;
  }
}

function resultOf({ columns, rows }: FoundRows, position: number): QueryResult {
  const named = rows.map((cells) =>
    Object.fromEntries(columns.map((name, index) => [name, cells[index] as QueryCell])),
  );
  return { columns, rows: named, position };
}

function closed(): TablecastError {
  return new TablecastError('CLOSED', 'The node is closed.', { hint: 'Open it again to ask it.' });
}

function tooManyWaiting(): TablecastError {
  return new TablecastError('LIMIT_EXCEEDED', `${MAX_QUERIES_WAITING} queries wait for their turn already.`, {
    hint: 'Await an answer before the next query is asked; one row is read with table.get().',
    details: { limit: MAX_QUERIES_WAITING },
    retryable: true,
  });
}

function notBrought(): TablecastError {
  return new TablecastError(
    'LIMIT_EXCEEDED',
    `The tables could not be brought to the present within ${MAX_BRINGING_MS} ms.`,
    {
      hint: 'Ask again; look whether the temporary directory has room, and the disk of the node takes what is written.',
      details: { limit: MAX_BRINGING_MS },
      retryable: true,
    },
  );
}
