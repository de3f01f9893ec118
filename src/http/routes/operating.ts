import type { ObservedDisk } from '../../observability/observed-node.ts';
import type { HeldBackOperations, PeerState } from '../../replication/peers/peer-state.ts';
import type { Viewer } from '../admission.ts';
import { type Answer, type Asked, type Handlers, json } from '../asked.ts';
import type { HttpHost } from '../host.ts';
import type { Observation } from '../observation.ts';
import { packageVersion } from '../package-root.ts';

/** Describes what the routes of those who operate a node are made of. */
export interface OperatingParts {
  readonly host: HttpHost;
  readonly observation: Observation;
}

/** The routes that say how a node is, beside its tables. */
export function operatingRoutes({
  host,
  observation,
  document,
}: OperatingParts & { readonly document: object }): Handlers {
  const version = packageVersion();
  return {
    getDocument: () => json(document),
    getNode: async ({ viewer }: Asked) => json(await nodeForm({ host, observation }, viewer, version)),
    getMetrics: async ({ viewer }: Asked) => metricsForm(observation, viewer),
  };
}

async function nodeForm(
  { host, observation }: OperatingParts,
  viewer: Viewer,
  version: string,
): Promise<object> {
  const { observed, operated } = host;
  const sizes = await observation.sizes();
  const disk = observed.disk();
  const { ready, reasons } = await observation.readiness.check();
  return {
    id: host.id,
    version,
    life: host.life,
    phase: observed.phase,
    time: Date.now(),
    position: observed.position,
    address: host.address ?? null,
    you: {
      holder: viewer.holder ?? null,
      readsAll: viewer.readsAll,
      writesAll: viewer.grant.writesAll,
    },
    ready: { ready, reasons },
    disk: disk === undefined ? null : diskForm(disk, sizes),
    retention: operated.retention,
    zeek: operated.zeek().map((cluster) => ({
      ...cluster,
      tables: cluster.tables.filter((name) => viewer.grant.mayRead(name)),
    })),
  };
}

function diskForm(disk: ObservedDisk, sizes: Awaited<ReturnType<Observation['sizes']>>): object {
  const { appended, committed, trimmedTo, waitingBytes, failure } = disk;
  return {
    appended,
    committed,
    trimmedTo,
    waitingBytes,
    failure: failure ?? null,
    databaseBytes: sizes?.database,
    walBytes: sizes?.wal,
    freeBytes: sizes?.free,
  };
}

/** Metrics without the samples of tables that the credential may not read. */
async function metricsForm(observation: Observation, { grant }: Viewer): Promise<Answer> {
  const metrics = (await observation.metrics()).map(({ samples, ...metric }) => ({
    ...metric,
    samples: samples
      .filter(({ labels }) => labels?.['table'] === undefined || grant.mayRead(labels['table']))
      .map(({ labels, value }) => ({ labels, value: Number.isFinite(value) ? value : String(value) })),
  }));
  return json({ time: Date.now(), metrics });
}

/** The cluster as one node sees it, without what concerns tables that the credential may not read. */
export function clusterForm({ host, observation }: OperatingParts, viewer: Viewer): object {
  return {
    node: host.id,
    position: host.observed.position,
    peers: host.observed.peers().map((peer) => peerForm(host, peer, viewer)),
    operationsPerSecond: observation.operationsPerSecond(),
  };
}

function peerForm(host: HttpHost, peer: PeerState, { grant, readsAll }: Viewer): object {
  const { nodeId, reason, durableOperations, roundTripMs, clockOffsetMs, rights } = peer;
  return {
    nodeId: nodeId ?? null,
    address: peer.address,
    direction: peer.direction,
    state: peer.state,
    since: peer.since,
    reason: reason ?? null,
    sentOperations: peer.sentOperations,
    receivedOperations: peer.receivedOperations,
    lagOperations: peer.lagOperations,
    durableOperations: durableOperations ?? null,
    roundTripMs: roundTripMs ?? null,
    clockOffsetMs: clockOffsetMs ?? null,
    rights: rights === undefined ? null : rightsForm(rights, readsAll),
    tables: peer.tables
      .filter(({ name }) => grant.mayRead(name))
      .map(({ name, mode }) => ({ name, mode, shared: host.table(name) !== undefined })),
    heldBack: peer.heldBack.filter(({ table }) => grant.mayRead(table)).map(heldBackForm),
  };
}

function heldBackForm({ origin, hint, ...held }: HeldBackOperations): object {
  const { by, table, sequence, code, reason, since, times } = held;
  return { by, table, origin: origin ?? null, sequence, code, reason, hint: hint ?? null, since, times };
}

/** Rights of a peer; to those who may not read everything its tables are not named, because they are names of others. */
function rightsForm({ holder, write, relays }: NonNullable<PeerState['rights']>, readsAll: boolean): object {
  return { holder, writes: readsAll ? write : [], relays };
}
