import type { BackendName } from '../schema/schema.ts';
import type { Projection } from '../projection/projection.ts';
import { Feed } from './feed.ts';
import { checkProjectOptions } from './options.ts';
import type { ProjectedNode } from './projected-node.ts';
import { type ProjectionParts, ThreadedProjection } from './sql-projection.ts';

/** The tables that a projection has, and where they go. */
export interface Begun extends Pick<ProjectionParts, 'report' | 'failed'> {
  /** At least one, all of one store. */
  readonly tables: readonly Projection[];
  /** Those that `node.project()` takes. */
  readonly options: unknown;
  /** Nothing behind this position is taken in; left out, all there is. */
  readonly upTo?: (this: void) => number;
}

/** Begins to keep tables of a node in a database. Throws `OPTION_INVALID`. */
export function beginProjection(
  node: ProjectedNode,
  { tables, options, report, failed, upTo }: Begun,
): ThreadedProjection {
  const { environment, log, origins } = node;
  const start = checkProjectOptions(
    tables.map(({ schema }) => schema),
    options,
  );
  const name = tables[0]?.store as BackendName;
  const store = log.stores.get(name);
  if (store === undefined) throw new Error(`there is no store ${name}`);
  const projections = new Map(tables.map((table) => [table.schema.name, table]));
  const life = (): string => node.life(name);
  const feed = new Feed({ environment, log, store, origins, projections, life, upTo });
  return new ThreadedProjection({ start, feed, environment, position: () => log.position, report, failed });
}
