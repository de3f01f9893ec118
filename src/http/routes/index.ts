import type { Handlers } from '../asked.ts';
import type { HttpHost } from '../host.ts';
import { batchRoutes } from './batch.ts';
import { rowRoutes } from './rows.ts';
import type { StreamRoutes } from './streams.ts';
import { tableRoutes } from './tables.ts';

/** The parts are what the routes are made of. */
export interface RouteParts {
  readonly host: HttpHost;
  readonly streams: StreamRoutes;
}

/** Returns what answers each operation of the OpenAPI document. */
export function routesOf({ host, streams }: RouteParts): Handlers {
  return { ...tableRoutes(host), ...rowRoutes(host), ...batchRoutes(host), ...streams.handlers };
}
