import type { Handlers } from '../asked.ts';
import type { HttpHost } from '../host.ts';
import type { Listings } from '../listing/listings.ts';
import type { Census } from '../past/census.ts';
import type { Observation } from '../observation.ts';
import type { StreamSet } from '../streams/stream-set.ts';
import { batchRoutes } from './batch.ts';
import { divergenceRoutes } from './divergence.ts';
import { listingRoutes } from './listing.ts';
import { modeRoutes } from './modes.ts';
import { operatingStreams } from './operating-streams.ts';
import { operatingRoutes } from './operating.ts';
import type { PastRoutes } from './past.ts';
import { queryRoutes } from './query.ts';
import { rateRoutes } from './rates.ts';
import { rowRoutes } from './rows.ts';
import type { StreamRoutes } from './streams.ts';
import { tableRoutes } from './tables.ts';
import type { UndoRoutes } from './undo.ts';

/** The parts are what the routes are made of. */
export interface RouteParts {
  readonly host: HttpHost;
  readonly observation: Observation;
  /** Describes the routes: the OpenAPI document. */
  readonly document: object;
  /** The streams that are open. */
  readonly open: StreamSet;
  readonly listings: Listings;
  readonly past: PastRoutes;
  readonly census: Census;
  readonly undos: UndoRoutes;
  readonly streams: StreamRoutes;
}

/** Describes what answers each operation of the OpenAPI document. */
export function routesOf({
  host,
  observation,
  document,
  open,
  listings,
  past,
  census,
  undos,
  streams,
}: RouteParts): Handlers {
  const operating = { host, observation };
  return {
    ...tableRoutes(host),
    ...rowRoutes(host),
    ...batchRoutes(host),
    ...queryRoutes(host),
    ...modeRoutes(host),
    ...divergenceRoutes(host, open),
    ...operatingRoutes({ ...operating, document }),
    ...operatingStreams(operating, open),
    ...listingRoutes(host, listings),
    ...past.handlers,
    ...undos.handlers,
    ...rateRoutes(host, census),
    ...streams.handlers,
  };
}
