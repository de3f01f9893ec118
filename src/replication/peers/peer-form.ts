import type { Grant } from '../../access/grant.ts';
import type { HeldBackOperations, PeerRights, PeerState } from './peer-state.ts';

/**
 * Words may name any table: those that say why a peer is refused, for one. Who may not read every table is told that
 * there is a reason, and not which.
 */
export function wordsFor({ readsAll }: Pick<Grant, 'readsAll'>, words: string): string {
  return readsAll ? words : 'told to those who may read every table';
}

/**
 * A peer as JSON, as who holds such rights may know it: without what concerns tables that may not be read. `isShared`
 * says which tables there are here.
 */
export function peerForm(peer: PeerState, grant: Grant, isShared: (table: string) => boolean): object {
  const { nodeId, reason, durableOperations, roundTripMs, clockOffsetMs, rights } = peer;
  return {
    nodeId: nodeId ?? null,
    address: peer.address,
    direction: peer.direction,
    state: peer.state,
    since: peer.since,
    reason: reason === undefined ? null : wordsFor(grant, reason),
    sentOperations: peer.sentOperations,
    receivedOperations: peer.receivedOperations,
    lagOperations: peer.lagOperations,
    durableOperations: durableOperations ?? null,
    roundTripMs: roundTripMs ?? null,
    clockOffsetMs: clockOffsetMs ?? null,
    rights: rights === undefined ? null : rightsFor(grant, rights),
    tables: peer.tables
      .filter(({ name }) => grant.mayRead(name))
      .map(({ name, mode }) => ({ name, mode, shared: isShared(name) })),
    heldBack: peer.heldBack.filter(({ table }) => grant.mayRead(table)).map(heldBackForm),
  };
}

function heldBackForm({ origin, hint, ...held }: HeldBackOperations): object {
  const { by, table, sequence, code, reason, since, times } = held;
  return { by, table, origin: origin ?? null, sequence, code, reason, hint: hint ?? null, since, times };
}

/**
 * The rights of a peer. Who may not read every table is told of no other holder of a credential, nor which tables it
 * writes: both are names of others.
 */
function rightsFor(
  { holder: own, readsAll }: Pick<Grant, 'holder' | 'readsAll'>,
  rights: PeerRights,
): object {
  const { holder, write, relays } = rights;
  return { holder: readsAll || holder === own ? holder : null, writes: readsAll ? write : [], relays };
}
