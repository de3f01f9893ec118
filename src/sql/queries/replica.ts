import type { Projection } from '../../projection/projection.ts';
import { beginProjection } from '../begin-projection.ts';
import type { ProjectedNode } from '../projected-node.ts';
import type { ThreadedProjection } from '../sql-projection.ts';

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
      beginProjection(node, {
        tables: tables.filter((table) => table.store === store),
        options: { to: file },
        report: () => undefined,
        failed: () => undefined,
        upTo: () => this.#gate,
      }),
    );
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
