import type { PeerState } from '../replication/peers/peer-state.ts';
import type { DiskSizes } from './disk-sizes.ts';
import type { EventCounts } from './event-counts.ts';
import type { Metric, MetricType, Sample } from './exposition.ts';
import type { ObservedDisk, ObservedNode, ObservedTable } from './observed-node.ts';
import type { Sampler } from './sampler.ts';

const PEER_STATES = ['connected', 'connecting', 'waiting', 'refused'] as const;

/** The sources are what metrics are read from. */
export interface MetricSources {
  readonly node: ObservedNode;
  readonly events: EventCounts;
  readonly sampler: Sampler;
  readonly sizes: DiskSizes | undefined;
  readonly ready: boolean;
}

/** Sources, with what several metrics read taken once. */
interface Look extends MetricSources {
  readonly tables: readonly ObservedTable[];
  readonly peers: ReadonlyMap<string, PeerState>;
  readonly disk: ObservedDisk | undefined;
}

type Reading = (look: Look) => number | undefined | readonly Sample[];

type Definition = readonly [name: string, type: MetricType, help: string, read: Reading];

const perTable =
  (read: (table: ObservedTable) => number | undefined): Reading =>
  ({ tables }) =>
    labelled(
      'table',
      tables.map((table) => [table.name, read(table)]),
    );

const perPeer =
  (read: (peer: PeerState) => number | undefined): Reading =>
  ({ peers }) =>
    labelled(
      'peer',
      Array.from(peers, ([name, peer]) => [name, read(peer)]),
    );

/** Every metric there is. Names are stable: alerts and boards are built on them. */
const DEFINITIONS: readonly Definition[] = [
  [
    'tablecast_node_info',
    'gauge',
    'Always 1; names the node.',
    ({ node }) => [{ labels: { node: node.id }, value: 1 }],
  ],
  ['tablecast_ready', 'gauge', 'Whether the node answers /readyz with yes.', ({ ready }) => Number(ready)],
  [
    'tablecast_start_time_seconds',
    'gauge',
    'When the process started, in seconds since 1970.',
    () => performance.timeOrigin / 1000,
  ],
  [
    'tablecast_recovery_seconds',
    'gauge',
    'How long the node took to open, recovery included.',
    ({ node }) => node.recoverySeconds,
  ],
  [
    'tablecast_recovery_torn_segments',
    'gauge',
    'Torn segments cut off the end of the log when the node opened.',
    ({ disk }) => disk?.tornSegments,
  ],
  ['tablecast_log_position', 'gauge', 'The last position of the log.', ({ node }) => node.position],
  [
    'tablecast_log_trimmed_position',
    'gauge',
    'Up to here the log of sqlite tables was trimmed.',
    ({ disk }) => disk?.trimmedTo,
  ],
  [
    'tablecast_unsynced_positions',
    'gauge',
    'Positions written that the disk has not confirmed.',
    ({ disk }) => disk && Math.max(0, disk.appended - disk.committed),
  ],
  [
    'tablecast_unsynced_bytes',
    'gauge',
    'Bytes written that the disk has not confirmed.',
    ({ disk }) => disk?.waitingBytes,
  ],
  [
    'tablecast_oldest_unsynced_seconds',
    'gauge',
    'How long the oldest of them has waited, to within two seconds.',
    ({ disk, sampler }) => disk && sampler.oldestUnsyncedSeconds,
  ],
  [
    'tablecast_disk_full',
    'gauge',
    'Whether writes are refused because the disk is full.',
    ({ disk }) => disk && Number(disk.failure === 'BACKEND_FULL'),
  ],
  [
    'tablecast_disk_failed',
    'gauge',
    'Whether writes are refused because of any failure of the disk.',
    ({ disk }) => disk && Number(disk.failure !== undefined),
  ],
  ['tablecast_database_bytes', 'gauge', 'Size of the database file.', ({ sizes }) => sizes?.database],
  ['tablecast_wal_bytes', 'gauge', 'Size of its write-ahead log.', ({ sizes }) => sizes?.wal],
  [
    'tablecast_disk_free_bytes',
    'gauge',
    'Free space on the disk of the database.',
    ({ sizes }) => sizes?.free,
  ],
  ['tablecast_tables', 'gauge', 'Tables declared.', ({ tables }) => tables.length],
  ['tablecast_table_rows', 'gauge', 'Rows of a table.', perTable(({ rows }) => rows)],
  [
    'tablecast_table_operations_total',
    'counter',
    'Operations of a table ever held, by whether this node wrote them.',
    operations,
  ],
  [
    'tablecast_table_synced',
    'gauge',
    'Whether the rows of every connected peer are here.',
    perTable(({ synced }) => Number(synced)),
  ],
  [
    'tablecast_table_diverged_keys',
    'gauge',
    'Keys on which this node and a peer differ although both hold the same operations.',
    perTable(({ divergedKeys }) => divergedKeys),
  ],
  [
    'tablecast_table_zeek_missed',
    'gauge',
    'Frames, changes or rows lost between Zeek and this node and not made good yet; 1 where the number is not known.',
    perTable(({ missedAtZeek }) => missedAtZeek),
  ],
  ['tablecast_peers', 'gauge', 'Connected and configured peers, by state.', peerStates],
  [
    'tablecast_peer_connected',
    'gauge',
    'Whether a peer is connected.',
    perPeer(({ state }) => Number(state === 'connected')),
  ],
  [
    'tablecast_peer_lag_operations',
    'gauge',
    'Operations sent to a peer that it has not acknowledged.',
    perPeer(({ lagOperations }) => lagOperations),
  ],
  [
    'tablecast_peer_round_trip_seconds',
    'gauge',
    'Time of the latest heartbeat there and back.',
    perPeer(({ roundTripMs }) => (roundTripMs === undefined ? undefined : roundTripMs / 1000)),
  ],
  [
    'tablecast_peer_sent_operations_total',
    'counter',
    'Operations sent in the present connection.',
    perPeer(({ sentOperations }) => sentOperations),
  ],
  [
    'tablecast_peer_received_operations_total',
    'counter',
    'Operations received in the present connection.',
    perPeer(({ receivedOperations }) => receivedOperations),
  ],
  [
    'tablecast_peer_held_back_authors',
    'gauge',
    'Authors in tables whose operations are held back, here or as the peer says there.',
    heldBackAuthors,
  ],
  [
    'tablecast_peer_failed_dials_total',
    'counter',
    'Dials of a configured peer, and sessions with it, that came to nothing.',
    failedDials,
  ],
  [
    'tablecast_refused_connections_total',
    'counter',
    'Connections that were turned away before there was a session, by HTTP status.',
    ({ node }) => labelled('status', node.refusedConnections()),
  ],
  [
    'tablecast_events_total',
    'counter',
    'Events of the node, by code.',
    ({ events }) => labelled('code', events.entries()),
  ],
  ['tablecast_error_events_total', 'counter', 'Events of severity error.', ({ events }) => events.errors],
  [
    'tablecast_event_loop_delay_seconds',
    'gauge',
    'The longest time the event loop was kept from coming round lately.',
    ({ sampler }) => sampler.eventLoopDelaySeconds,
  ],
  [
    'tablecast_heap_used_bytes',
    'gauge',
    'JavaScript objects in memory.',
    () => process.memoryUsage().heapUsed,
  ],
  ['tablecast_resident_bytes', 'gauge', 'Memory of the process.', () => process.memoryUsage.rss()],
  ['tablecast_processor_seconds_total', 'counter', 'Processor time of the process.', processorSeconds],
];

/** Name, type and meaning of every metric. */
export const METRICS: readonly { readonly name: string; readonly type: MetricType; readonly help: string }[] =
  DEFINITIONS.map(([name, type, help]) => ({ name, type, help }));

/** Reads every metric; those that do not apply to the node have no samples. */
export function readMetrics(sources: MetricSources): readonly Metric[] {
  const { node } = sources;
  const look = { ...sources, tables: node.tables(), peers: peersByName(node.peers()), disk: node.disk() };
  return DEFINITIONS.map(([name, type, help, read]) => {
    const value = read(look) ?? [];
    return { name, type, help, samples: typeof value === 'number' ? [{ value }] : value };
  });
}

function labelled(label: string, values: Iterable<readonly [string, number | undefined]>): readonly Sample[] {
  return Array.from(values, ([name, value]) => ({ labels: { [label]: name }, value })).filter(
    (sample): sample is { labels: Record<string, string>; value: number } => sample.value !== undefined,
  );
}

function operations({ tables }: Look): readonly Sample[] {
  return tables.flatMap(({ name, localOperations, remoteOperations }) => [
    { labels: { table: name, author: 'local' }, value: localOperations },
    { labels: { table: name, author: 'remote' }, value: remoteOperations },
  ]);
}

function peerStates({ peers }: Look): readonly Sample[] {
  const states = Array.from(peers.values(), ({ state }) => state);
  return PEER_STATES.map((state) => ({
    labels: { state },
    value: states.filter((other) => other === state).length,
  }));
}

/** Returns one per name, so that no series is given twice: a connection goes before an attempt. */
function peersByName(peers: readonly PeerState[]): ReadonlyMap<string, PeerState> {
  const named = new Map<string, PeerState>();
  for (const peer of peers) {
    const name = peer.nodeId ?? placeOf(peer.address);
    if (named.get(name)?.state !== 'connected') named.set(name, peer);
  }
  return named;
}

/** Counts both sides together: which one it is stands in `node.peers`. */
function heldBackAuthors({ peers }: Look): readonly Sample[] {
  return Array.from(peers).flatMap(([peer, { heldBack }]) =>
    (['here', 'there'] as const).map((by) => {
      return {
        labels: { peer, by },
        value: heldBack.filter((held) => held.by === by && held.from === undefined).length,
      };
    }),
  );
}

function failedDials({ node }: Look): readonly Sample[] {
  const counts = new Map<string, number>();
  for (const { place, failedDials: failed } of node.dials()) {
    counts.set(place, (counts.get(place) ?? 0) + failed);
  }
  return labelled('peer', counts);
}

/** An address without what may be secret in it. */
function placeOf(address: string): string {
  try {
    const { protocol, host } = new URL(address);
    return `${protocol}//${host}`;
  } catch {
    return address;
  }
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
