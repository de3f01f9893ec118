import type { StoreName } from '../../log/keeping/journal.ts';
import type { Projection } from '../../projection/projection.ts';
import { Feed } from '../feed.ts';
import { checkProjectOptions } from '../options.ts';
import type { ProjectedNode } from '../projected-node.ts';
import { ThreadedProjection } from '../sql-projection.ts';

/** Tables of a node in a database that queries read: one projection for each store, all held at one position. */
export class Replica {
  readonly #node: ProjectedNode;
  readonly #projections: readonly ThreadedProjection[];
  /** Nothing behind this position is taken in. */
  #gate = Infinity;
  #isAligned = false;

  constructor(node: ProjectedNode, file: string, tables: readonly Projection[]) {
    this.#node = node;
    const stores = new Set(tables.map(({ store }) => store));
    this.#projections = Array.from(stores, (store) =>
      this.#project(
        store,
        file,
        tables.filter((table) => table.store === store),
      ),
    );
  }

  #project(name: StoreName, to: string, tables: readonly Projection[]): ThreadedProjection {
    const { environment, log, origins } = this.#node;
    const projections = new Map(tables.map((table) => [table.schema.name, table]));
    const store = log.stores.get(name);
    if (store === undefined) throw new Error(`there is no store ${name}`);
    const feed = new Feed({
      environment,
      log,
      store,
      origins,
      projections,
      life: () => this.#node.life(name),
      upTo: () => this.#gate,
    });
    const schemas = tables.map(({ schema }) => schema);
    const start = checkProjectOptions(schemas, { to });
    return new ThreadedProjection({
      start,
      feed,
      environment,
      position: () => log.position,
      report: () => undefined,
      failed: () => undefined,
    });
  }

  /** Brings all tables to what the log has now, and no further; gives the position. Rejects with what failed. */
  async bring(): Promise<number> {
    // While they begin they take in what they find, each for itself.
    if (!this.#isAligned) await this.#reached();
    this.#isAligned = true;
    const position = this.#open();
    await this.#reached(position);
    return position;
  }

  #open(): number {
    const { log } = this.#node;
    log.seal();
    this.#gate = log.position;
    return this.#gate;
  }

  async #reached(position?: number): Promise<void> {
    await Promise.all(this.#projections.map((projection) => projection.reached(position)));
  }

  advanced(): void {
    for (const projection of this.#projections) projection.advanced();
  }

  async close(): Promise<void> {
    await Promise.all(this.#projections.map((projection) => projection.close()));
  }
}
