import type { PeerStatus } from '../api/types.ts';
import type { Look } from './look.ts';

/** A peer that is gone is spoken of for so long, in milliseconds. */
const TOLD_MS = 600_000;
/** Peers that are remembered; a node has 64 at most. */
const MOST_PEERS = 64;
/** Commands join for a moment, and leave. */
const COMMAND = /^cli-/;

/** What stands as the reason of a peer that dialled this node and is no longer there. */
export const GONE = 'it dialled this node, and is no longer there';

/**
 * A look with the peers that were there in the one before and are not any more: of those that dial it a node itself
 * says nothing once they are gone.
 */
export function withGonePeers(before: Look | undefined, now: Look): Look {
  if (before === undefined) return now;
  const here = new Set(now.peers.map(({ nodeId }) => nodeId));
  const gone = before.peers
    .filter(({ nodeId, direction }) => direction === 'accepted' && isMissed(nodeId, here))
    .map((peer) => asGone(peer, now.node.time))
    .filter(({ since }) => now.node.time - since <= TOLD_MS);
  return { ...now, peers: [...now.peers, ...gone.slice(0, Math.max(0, MOST_PEERS - now.peers.length))] };
}

function isMissed(nodeId: string | null, here: ReadonlySet<string | null>): boolean {
  return nodeId !== null && !here.has(nodeId) && !COMMAND.test(nodeId);
}

function asGone(peer: PeerStatus, now: number): PeerStatus {
  const since = peer.reason === GONE ? peer.since : now;
  const nothing = {
    roundTripMs: null,
    clockOffsetMs: null,
    rights: null,
    tables: [],
    heldBack: [],
    lagOperations: 0,
  };
  return { ...peer, ...nothing, state: 'waiting', reason: GONE, since };
}
