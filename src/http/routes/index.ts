import type { Handlers } from '../asked.ts';
import type { HttpHost } from '../host.ts';
import { batchRoutes } from './batch.ts';
import { rowRoutes } from './rows.ts';
import type { StreamRoutes } from './streams.ts';
import { tableRoutes } from './tables.ts';

/** What the routes are made of. */
export interface RouteParts {
  readonly host: HttpHost;
  readonly streams: StreamRoutes;
}

/** What answers each operation of the OpenAPI document. */
export function routesOf({ host, streams }: RouteParts): Handlers {
  return { ...tableRoutes(host), ...rowRoutes(host), ...batchRoutes(host), ...streams.handlers };
}
