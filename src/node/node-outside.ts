import { join } from 'node:path';
import { sqliteBackend } from '../backends/sqlite/sqlite-backend.ts';
import type { Backend } from '../log/backend.ts';
import { modeNamed } from '../modes/registry.ts';
import { Projections } from '../sql/projecting.ts';
import type { WebSocketOptions } from '../transport/websocket/options.ts';
import { type RenewableTransport, webSocketTransport } from '../transport/websocket/websocket.ts';
import type { HttpHostParts } from './hosts/http-host.ts';
import { NodeWatch } from './hosts/node-watch.ts';
import { LocalOperatedNode } from './hosts/operated-node.ts';
import { NodeHttp } from './node-http.ts';
import { type NodeOptions, socketOf } from './options.ts';
import type { Outside } from './outside.ts';
import { ZeekClusters } from './zeek-clusters.ts';

/** Returns everything that Node.js offers, and what carries tables, which no other node loads. */
export async function carriedOutside(): Promise<Outside> {
  const [{ carriedBy }, { natsCarrier }] = await Promise.all([
    import('./carried.ts'),
    import('../nats/nats-carrier.ts'),
  ]);
  const carried: Outside['carried'] = ({ nats }, parts) =>
    nats === undefined ? undefined : carriedBy(natsCarrier(nats), nats.group, parts);
  return { ...nodeOutside, carried };
}

/** Everything that Node.js offers a node whose tables nothing carries. */
export const nodeOutside: Outside = {
  check: () => undefined,
  modeOf: modeNamed,
  durable: sqliteOf,
  webSocket: webSocketOf,
  socket: socketTransportOf,
  carried: () => undefined,
  around: (options, shared, later) => {
    const parts = { ...shared, file: databaseFile(options) };
    const zeek = new ZeekClusters(parts);
    const watch = new NodeWatch({ ...parts, report: later, zeek });
    const operated = new LocalOperatedNode({ ...parts, zeek, retention: options.retention });
    const { view: past, replicator } = shared;
    const among = {
      peers: () => replicator.present(),
      divergence: (table: string) => replicator.divergences.now(table),
    };
    const sql = new Projections({ ...parts, past, among, keepIn: rowsFile(options) });
    const query: HttpHostParts['query'] = (asked, mayRead) => sql.ask(asked, mayRead);
    const http = new NodeHttp(options, { ...parts, observed: watch, operated, query }, later);
    return { zeek, watch, sql, http, observed: watch };
  },
};

/** The database file of a node; undefined for one without a directory. */
function databaseFile({ directory, id }: NodeOptions): string | undefined {
  return directory === undefined ? undefined : join(directory, `${id}.tablecast.db`);
}

/** The database that a node keeps all its tables in for SQL; undefined for one that keeps none. */
function rowsFile({ sql, directory, id }: NodeOptions): string | undefined {
  if (sql !== true) return sql;
  return directory === undefined ? undefined : join(directory, `${id}.rows.db`);
}

/** The database a node's options ask for: one file, named after the node. */
function sqliteOf(options: NodeOptions): Backend | undefined {
  const file = databaseFile(options);
  if (file === undefined) return undefined;
  const { id, durability, failureMode, limits } = options;
  return sqliteBackend({
    file,
    durability: durability ?? 'commit',
    owner: id,
    failureMode,
    limits: { maxFileBytes: limits?.maxFileBytes },
  });
}

type Told = Pick<WebSocketOptions, 'onWarning' | 'onRefused'>;

/** A transport over WebSockets as the options ask for it. */
export function webSocketOf(options: NodeOptions, told: Told): RenewableTransport {
  const { listen, auth } = options;
  const { ca, cert, key } = auth ?? {};
  const dial = { tls: { ca, cert, key } };
  return webSocketTransport({ listen, origins: listen?.origins, dial, ...sharedBy(options), ...told });
}

/** The transport of connections of this machine, if the options ask for one. */
function socketTransportOf(options: NodeOptions, told: Told): RenewableTransport | undefined {
  const listen = socketOf(options);
  return listen && webSocketTransport({ listen, ...sharedBy(options), ...told });
}

/** Returns what all places at which a node accepts connections have in common. */
function sharedBy({ auth, limits }: NodeOptions): Pick<WebSocketOptions, 'auth' | 'limits'> {
  const { token, dialToken, credentials, verify } = auth ?? {};
  return {
    auth: { token, dialToken, credentials, verify },
    limits: {
      maxFrameBytes: limits?.maxFrameBytes,
      maxQueuedBytes: limits?.maxQueuedBytes,
      maxConnections: limits?.maxPeers,
    },
  };
}
