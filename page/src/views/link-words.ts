import type { PeerStatus } from '../api/types.ts';
import { span } from '../model/format.ts';
import type { Tone } from '../parts/text.tsx';

/** How a state of a connection looks. */
export const STATE_TONES: Readonly<Record<PeerStatus['state'], Tone>> = {
  connected: 'good',
  connecting: 'warn',
  waiting: 'warn',
  refused: 'bad',
};

/** Clocks that are no further apart count as together, in milliseconds: a heartbeat cannot tell them better. */
const NOTICED_MS = 50;

/** How far a peer's clock is from this node's, in words. */
export function clockWords({ clockOffsetMs: offset, roundTripMs }: PeerStatus): string {
  if (offset === null) return '—';
  if (Math.abs(offset) <= Math.max(NOTICED_MS, roundTripMs ?? 0)) return 'together';
  return `${span(Math.abs(offset))} ${offset > 0 ? 'ahead' : 'behind'}`;
}

/** How long a heartbeat takes there and back, in words: it is measured in milliseconds. */
export function tripWords({ roundTripMs }: PeerStatus): string {
  if (roundTripMs === null) return '—';
  return roundTripMs < 1 ? '< 1 ms' : span(roundTripMs);
}

/** What a peer may do here, in words. */
export function rightsWords({ rights, state }: PeerStatus): string {
  if (state !== 'connected') return '—';
  if (rights === null) return 'everything';
  const writes = rights.writes.length === 0 ? 'reads only' : `writes ${rights.writes.join(', ')}`;
  return `${rights.holder ?? 'peer'}: ${writes}${rights.relays ? ', brings what others wrote' : ', its own only'}`;
}
