import type { ObservedDisk } from '../../observability/observed-node.ts';
import { peerForm } from '../../replication/peers/peer-form.ts';
import type { Viewer } from '../admission.ts';
import { type Answer, type Asked, type Handlers, json } from '../asked.ts';
import type { HttpHost } from '../host.ts';
import type { Observation } from '../observation.ts';
import { zeekForm } from '../../zeek/cluster-form.ts';
import { packageVersion } from '../package-root.ts';
import { metricsFor, reasonsFor } from '../visibility.ts';

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
  const sizes = await observation.health.sizes();
  const disk = observed.disk();
  const { ready, reasons } = await observation.health.readiness.check();
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
    ready: { ready, reasons: reasonsFor(viewer, reasons) },
    disk: disk === undefined ? null : diskForm(disk, sizes),
    retention: operated.retention,
    zeek: operated.zeek().map((cluster) => zeekForm(cluster, (name) => viewer.grant.mayRead(name))),
  };
}

function diskForm(disk: ObservedDisk, sizes: Awaited<ReturnType<Observation['health']['sizes']>>): object {
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

/** Metrics, without what the credential may not know of. */
async function metricsForm(observation: Observation, viewer: Viewer): Promise<Answer> {
  const metrics = metricsFor(viewer, await observation.health.metrics()).map(({ samples, ...metric }) => ({
    ...metric,
    samples: samples.map(({ labels, value }) => ({
      labels,
      value: Number.isFinite(value) ? value : String(value),
    })),
  }));
  return json({ time: Date.now(), metrics });
}

/** The cluster as one node sees it, without what concerns tables that the credential may not read. */
export function clusterForm({ host, observation }: OperatingParts, viewer: Viewer): object {
  const isShared = (table: string): boolean => host.table(table) !== undefined;
  return {
    node: host.id,
    position: host.observed.position,
    peers: host.observed.peers().map((peer) => peerForm(peer, viewer.grant, isShared)),
    operationsPerSecond: observation.operationsPerSecond(),
  };
}
