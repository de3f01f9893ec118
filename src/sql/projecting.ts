import { type Failure, TablecastError } from '../errors.ts';
import type { Projection } from '../projection/projection.ts';
import { beginProjection } from './begin-projection.ts';
import { KeptTables } from './kept-tables.ts';
import type { ProjectedNode } from './projected-node.ts';
import type { AskedQuery, Queries, QueryResult } from './queries/queries.ts';
import type { SqlProjection, ThreadedProjection } from './sql-projection.ts';

/** Most projections of one node at a time: each is a thread, and holds the rows of its tables once more. */
const MAX_PROJECTIONS = 8;

/** The projections of a node. */
export class Projections {
  readonly #node: ProjectedNode;
  readonly #running = new Set<ThreadedProjection>();
  readonly #kept: KeptTables | undefined;
  /** Loaded when the first query is asked. */
  #queries: Promise<Queries> | undefined;
  #loaded: Queries | undefined;
  #isClosed = false;

  constructor(node: ProjectedNode) {
    this.#node = node;
    const { environment, projections, report, keepIn } = node;
    if (keepIn === undefined) return;
    this.#kept = new KeptTables({
      environment,
      to: keepIn,
      schemas: () => Array.from(projections.values(), ({ schema }) => schema),
      begin: (tables, { to, failed }) => this.begin(tables, { to }, failed),
      report,
    });
  }

  /** Begins one. Throws `OPTION_INVALID`, `CLOSED`, and `LIMIT_EXCEEDED` when there are too many. */
  begin(
    tables: string | readonly string[],
    options: unknown,
    failed: (failure: Failure) => void = () => undefined,
  ): SqlProjection {
    if (this.#isClosed) throw closed();
    const named = this.#named([...new Set([tables].flat())]);
    for (const ended of this.#running) if (isOver(ended)) this.#running.delete(ended);
    if (this.#running.size >= MAX_PROJECTIONS) throw tooMany();
    const { report } = this.#node;
    const begun = beginProjection(this.#node, { tables: named, options, report, failed });
    this.#running.add(begun);
    return begun;
  }

  /** Answers a query about all tables. */
  query(
    sql: string,
    parameters?: AskedQuery['parameters'],
    options?: AskedQuery['options'],
  ): Promise<QueryResult> {
    return this.ask({ sql, parameters, options });
  }

  /** Answers a query about the tables that may be read: see `TableNode.query`. */
  async ask(query: AskedQuery, mayRead?: (table: string) => boolean): Promise<QueryResult> {
    if (this.#isClosed) throw closed();
    this.#queries ??= this.#load();
    return (await this.#queries).ask(query, mayRead);
  }

  async #load(): Promise<Queries> {
    const { Queries } = await import('./queries/queries.ts');
    this.#loaded = new Queries(this.#node);
    return this.#loaded;
  }

  #named(names: readonly string[]): readonly Projection[] {
    const { projections } = this.#node;
    const named = names.map((name) => {
      const projection = projections.get(name);
      if (projection === undefined) throw unknown(name, projections.keys());
      return projection;
    });
    const stores = new Set(named.map(({ store }) => store));
    if (stores.size === 1) return named;
    throw new TablecastError(
      'OPTION_INVALID',
      stores.size === 0
        ? 'A projection needs a table.'
        : 'A projection has tables of both backends, which are committed one by one.',
      {
        hint: 'Name at least one table; project those with backend memory and those with backend sqlite apart.',
      },
    );
  }

  /** Takes in that a table was declared. */
  declared(): void {
    if (!this.#isClosed) this.#kept?.declared();
  }

  /** Tells all that the log may have become longer. */
  advanced(): void {
    for (const projection of this.#running) projection.advanced();
    this.#loaded?.advanced();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(Array.from(this.#running, (projection) => projection.close()));
    await (await this.#queries)?.close();
  }
}

function isOver({ state }: SqlProjection): boolean {
  return state === 'closed' || state === 'failed';
}

function unknown(table: string, known: Iterable<string>): TablecastError {
  return new TablecastError('OPTION_INVALID', `This node has no table ${JSON.stringify(table)} to project.`, {
    hint: `Declare it first; its tables are: ${[...known].join(', ') || 'none'}.`,
    details: { table },
  });
}

function closed(): TablecastError {
  return new TablecastError('CLOSED', 'The node is closed.', {
    hint: 'Open it again to project or ask its tables.',
  });
}

function tooMany(): TablecastError {
  return new TablecastError('LIMIT_EXCEEDED', `The node has ${MAX_PROJECTIONS} projections already.`, {
    hint: 'Project several tables together: node.project([…], …). Close those that are not needed.',
    details: { limit: MAX_PROJECTIONS },
  });
}
