import { join } from 'node:path';
import { AccessList } from '../access/grant.ts';
import type { CredentialChange } from '../access/rights.ts';
import type { Backend } from '../log/backend.ts';
import { memoryBackend } from '../backends/memory.ts';
import { sqliteBackend } from '../backends/sqlite/sqlite-backend.ts';
import type { Environment } from '../environment.ts';
import { TablecastError } from '../errors.ts';
import type { NodeEvent } from '../events.ts';
import type { Slicing } from '../work/slices.ts';
import type { CertificateChange, NodeOptions } from './options.ts';
import type { IntakeLimits } from '../replication/costs/intake.ts';
import type { Connection, Stranger, Transport } from '../transport/transport.ts';
import { SeveralTransports } from '../transport/several.ts';
import type { WebSocketOptions } from '../transport/websocket/options.ts';
import { type RenewableTransport, webSocketTransport } from '../transport/websocket/websocket.ts';

/** The parts of a node are what a test may replace. */
export interface NodeParts {
  readonly environment?: Environment | undefined;
  readonly transport?: Transport | undefined;
  readonly durableBackend?: Backend | undefined;
  /** After how many operations a checkpoint of a durable table is due; for simulations, which have few. */
  readonly checkpointAfter?: number | undefined;
  /** Says how long work is cut; for simulations, whose tables are small. */
  readonly slicing?: Slicing | undefined;
}

/** The database file of a node; undefined for one without a directory. */
export function databaseFile({ directory, id }: NodeOptions): string | undefined {
  return directory === undefined ? undefined : join(directory, `${id}.tablecast.db`);
}

/** The database that a node keeps all its tables in for SQL; undefined for one that keeps none. */
export function rowsFile({ sql, directory, id }: NodeOptions): string | undefined {
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

/** The backends of a node by the names that declarations use; `memory` is always there, and first. */
export function backendsOf(options: NodeOptions, parts: NodeParts): ReadonlyMap<string, Backend> {
  const backends = new Map([['memory', memoryBackend({ maxBytes: options.limits?.maxMemoryLogBytes })]]);
  const durable = parts.durableBackend ?? sqliteOf(options);
  if (durable !== undefined) backends.set('sqlite', durable);
  for (const [name, backend] of Object.entries(options.backends ?? {})) backends.set(name, backend);
  return backends;
}

/** A carrier carries a node's frames. */
export interface Carrier {
  readonly transport: Transport;
  /** Says whether any transport of it accepts connections. */
  readonly listens: boolean;
  /** Lists where others can dial, once it listens. */
  readonly addresses: readonly string[];
  /** Throws `OPTION_INVALID` for certificates that cannot be used, and for a transport that has none. */
  reload(this: void, change: CertificateChange): void;
  /** Returns connections that are to be ended. Throws `OPTION_INVALID` as {@link Carrier.reload} does. */
  reloadAuth(this: void, change: CredentialChange): ReadonlySet<Connection>;
}

/** The owner is told these by its transport. */
export interface CarrierOwner {
  report(event: NodeEvent): void;
  refused(stranger: Stranger): void;
}

/** The transport that is given, or that the options ask for. */
export function carrierOf(options: NodeOptions, { transport }: NodeParts, owner: CarrierOwner): Carrier {
  if (transport !== undefined) return givenCarrier(options, transport);
  const own = webSocketOf(options, {
    onWarning: (message) => owner.report({ code: 'transport-warning', severity: 'warning', message }),
    onRefused: (stranger) => owner.refused(stranger),
  });
  const listens = options.listen !== undefined;
  const others = (options.transports ?? []).map((one) => {
    return { transport: one, schemes: [one.name], listens: true };
  });
  const all = new SeveralTransports([{ transport: own, schemes: ['ws', 'wss'], listens }, ...others]);
  return {
    transport: all,
    listens: listens || others.length > 0,
    get addresses() {
      return all.addresses;
    },
    reload: (change) => own.reloadTls(change),
    reloadAuth: (change) => own.reloadAuth(change),
  };
}

/** A carrier over one transport that was given in the place of all. */
function givenCarrier({ listen }: NodeOptions, given: Transport): Carrier {
  const all = new SeveralTransports([{ transport: given, schemes: [], listens: true }]);
  return {
    transport: {
      name: given.name,
      maxFrameBytes: given.maxFrameBytes,
      listen: (accept) => all.listen(accept),
      dial: (address, signal) => given.dial(address, signal),
      close: () => given.close(),
    },
    listens: listen !== undefined,
    get addresses() {
      return all.addresses;
    },
    reload: refuseReload,
    reloadAuth: refuseReload,
  };
}

function refuseReload(): never {
  throw new TablecastError('OPTION_INVALID', 'This node was given its transport.', {
    hint: 'Renew certificates and credentials where the transport was made.',
  });
}

/** A transport over WebSockets as the options ask for it. */
export function webSocketOf(
  { listen, auth, limits }: NodeOptions,
  told: Pick<WebSocketOptions, 'onWarning' | 'onRefused'>,
): RenewableTransport {
  const { ca, cert, key, ...shown } = auth ?? {};
  return webSocketTransport({
    listen,
    auth: shown,
    dial: { tls: { ca, cert, key } },
    origins: listen?.origins,
    limits: {
      maxFrameBytes: limits?.maxFrameBytes,
      maxQueuedBytes: limits?.maxQueuedBytes,
      maxConnections: limits?.maxPeers,
    },
    ...told,
  });
}

const MAX_PEERS = 64;

/** Says who may connect, what each may do, and how much is taken from each. */
export function peerRulesOf({ auth, limits }: NodeOptions): {
  readonly maxPeers: number;
  readonly access: AccessList;
  readonly intake: IntakeLimits;
} {
  return {
    maxPeers: limits?.maxPeers ?? MAX_PEERS,
    access: new AccessList(auth?.credentials ?? []),
    intake: {
      operationsPerSecond: limits?.maxOperationsPerSecond ?? 1_000_000,
      bytesPerSecond: limits?.maxBytesPerSecond ?? 128 * 1024 * 1024,
    },
  };
}
