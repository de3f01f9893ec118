import type { Metrics, NodeFacts, PeerStatus, TableStatus } from '../api/types.ts';

/** A node as it is at one moment, as far as whoever looks may know. */
export interface Look {
  readonly node: NodeFacts;
  readonly tables: readonly TableStatus[];
  readonly peers: readonly PeerStatus[];
  readonly metrics: Metrics['metrics'];
}
