import * as v from 'valibot';
import { TablecastError } from '../../errors.ts';
import { anObject } from '../../options/an-object.ts';
import { checkedOptions } from '../../options/checked-options.ts';
import { said } from '../../options/words.ts';
import type { ProjectedNode } from '../projected-node.ts';
import { QueryProcess } from './asking.ts';
import { LookUps } from './look-ups.ts';
import { type FoundRows, type QueryCell, sizeOf } from './messages.ts';
import { type TableSet, TableSets } from './table-sets.ts';
import { TemporaryDirectory } from './temporary-directory.ts';

/** Queries that wait for the one that is answered. */
const MAX_QUERIES_WAITING = 64;
/** Bytes of an answer, unless another bound is asked for. */
const MAX_BYTES = 16 * 1024 * 1024;
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
  /** Is true to leave out what can be asked beside the tables: log, conflicts, peers, divergence, tables as they were. */
  readonly tablesOnly?: boolean | undefined;
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
const cell = v.pipe(
  v.union([v.string(), v.number(), v.bigint(), v.null(), v.instance(Uint8Array)]),
  said('text, a number, a bigint, bytes or null', '10.0.0.1'),
);
/** A query with what stands for its `?` and its options. */
export const querySchema = anObject({
  sql: v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(MAX_SQL),
    said(`a text of 1 to ${MAX_SQL} characters`, 'SELECT * FROM hosts'),
  ),
  parameters: v.optional(
    v.pipe(
      v.array(cell),
      v.maxLength(MAX_PARAMETERS),
      said(`a list of at most ${MAX_PARAMETERS} of text, numbers, bigints, bytes and null`, ['10.0.0.1']),
    ),
    [],
  ),
  options: v.optional(
    anObject({
      maxMs: atMost(600_000),
      maxRows: atMost(1_000_000),
      maxBytes: atMost(64 * 1024 * 1024),
      tablesOnly: v.optional(v.boolean()),
    }),
    {},
  ),
});

type CheckedQuery = v.InferOutput<typeof querySchema>;

/** The queries of a node: answered one after another, each as of the position that the log has when its turn comes. */
export class Queries {
  readonly #node: ProjectedNode;
  readonly #directory = new TemporaryDirectory();
  readonly #sets: TableSets;
  readonly #lookUps: LookUps;
  #process: QueryProcess | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isClosed = false;

  constructor(node: ProjectedNode) {
    this.#node = node;
    this.#lookUps = new LookUps(node);
    this.#sets = new TableSets(node, this.#directory);
  }

  /** Answers a query about the tables that may be read; others are not there. */
  async ask(query: AskedQuery, mayRead?: (table: string) => boolean): Promise<QueryResult> {
    const checked = checkedOptions(querySchema, query, { of: 'of a query' });
    if (this.#isClosed) throw closed();
    const found = mayRead === undefined ? this.#lookUp(checked) : undefined;
    if (found !== undefined) return found;
    if (this.#waiting >= MAX_QUERIES_WAITING) throw tooManyWaiting();
    return this.#inTurn(() => this.#sets.use(mayRead ?? (() => true), (set) => this.#answer(checked, set)));
  }

  /** A row by its key, from the tables as they are. */
  #lookUp({ sql, parameters, options: { maxBytes = MAX_BYTES } }: CheckedQuery): QueryResult | undefined {
    const found = this.#lookUps.find(sql, parameters);
    const bytes = found?.rows[0]?.reduce<number>((sum, one) => sum + sizeOf(one), 0) ?? 0;
    return found === undefined || bytes > maxBytes ? undefined : resultOf(found, this.#node.log.position);
  }

  async #answer(query: CheckedQuery, set: TableSet): Promise<QueryResult> {
    try {
      const position = await set.bring();
      return resultOf(await this.#found(query, set, position), position);
    } catch (error) {
      throw this.#isClosed ? closed() : error;
    }
  }

  /** Asks again each time that something has been brought which the query reads. */
  async #found(
    { sql, parameters, options }: CheckedQuery,
    set: TableSet,
    position: number,
  ): Promise<FoundRows> {
    const { maxMs = 10_000, maxRows = 10_000, maxBytes = MAX_BYTES, tablesOnly = false } = options;
    const { environment } = this.#node;
    const { file, beside } = set;
    const fixed = { file, sql, parameters: parameters.map(exact), maxRows, maxBytes };
    const relations = tablesOnly ? [] : beside.relations;
    const process = (this.#process ??= new QueryProcess(await this.#directory.path));
    for (let rest = maxMs; ;) {
      const begun = environment.elapsed();
      const reply = await process.ask({ ...fixed, relations, brought: set.brought }, { maxMs, rest });
      if (!('want' in reply)) return reply;
      rest = Math.max(1, rest - (environment.elapsed() - begun));
      await set.fetch(reply.want, position);
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

  /** Takes in that the log may have become longer. */
  advanced(): void {
    this.#sets.advanced();
  }

  /** Ends what is asked. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#process?.close();
    await this.#sets.close();
    await this.#turn;
    await this.#directory.remove();
  }
}

/** An integer goes as one: SQLite would take a number for a floating one. */
function exact(parameter: QueryCell): QueryCell {
  return Number.isSafeInteger(parameter) ? BigInt(parameter as number) : parameter;
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
