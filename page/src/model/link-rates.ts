import type { PeerStatus } from '../api/types.ts';
import type { Look } from './look.ts';

/** Operations a second over one connection. */
export interface LinkRate {
  readonly sent: number;
  readonly received: number;
}

/** Rates of the connections between two looks at a node, by address; a new connection has none yet. */
export function linkRates(before: Look | undefined, now: Look): ReadonlyMap<string, LinkRate> {
  const rates = new Map<string, LinkRate>();
  if (before === undefined) return rates;
  const seconds = (now.node.time - before.node.time) / 1000;
  if (seconds <= 0) return rates;
  const earlier = new Map(before.peers.map((peer) => [connectionOf(peer), peer]));
  for (const peer of now.peers) {
    const last = earlier.get(connectionOf(peer));
    if (last === undefined) continue;
    rates.set(peer.address, {
      sent: Math.max(0, peer.sentOperations - last.sentOperations) / seconds,
      received: Math.max(0, peer.receivedOperations - last.receivedOperations) / seconds,
    });
  }
  return rates;
}

/** A connection counts from zero: another one to the same address is not the same. */
function connectionOf({ address, since }: PeerStatus): string {
  return `${address} ${since}`;
}
