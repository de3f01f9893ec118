import type { Grant } from '../../access/grant.ts';
import { UNSAID, durabilityIn } from '../session/acknowledgements.ts';
import type { Dialler } from './dialler.ts';
import type { PeerRights, PeerState } from '../peers/peer-state.ts';
import type { Session } from '../session/session.ts';

const NOTHING_YET = {
  ...UNSAID,
  sentOperations: 0,
  receivedOperations: 0,
  lagOperations: 0,
  roundTripMs: undefined,
  clockOffsetMs: undefined,
  rights: undefined,
  heldBack: [],
  tables: [],
};

/** Lists connected peers, and configured ones without a connection; `dialledAt` says where a peer was dialled. */
export function statesOf(
  connected: readonly Session[],
  diallers: readonly Dialler[],
  dialledAt: (session: Session) => string | undefined,
): PeerState[] {
  const away = diallers.filter(({ state, isReached }) => state !== 'connected' && !isReached);
  return [
    ...connected.map((session) => stateOfSession(session, dialledAt(session))),
    ...away.map(stateOfDialler),
  ];
}

/** A connected peer; `dialled` is the address it was reached at, if this node dialled it. */
function stateOfSession(session: Session, dialled: string | undefined): PeerState {
  const { connection, nodeId, since, receivedOperations, sending, clock } = session;
  return {
    address: dialled ?? connection.remote,
    nodeId,
    direction: connection.direction,
    state: 'connected',
    since,
    reason: undefined,
    sentOperations: sending.operations,
    receivedOperations,
    lagOperations: sending.lagOperations,
    ...durabilityIn(sending.acked),
    roundTripMs: clock.roundTripMs,
    clockOffsetMs: clock.offsetMs,
    rights: rightsIn(session.tables.grant),
    heldBack: session.taking.all(),
    tables: session.tables.announcements,
  };
}

function rightsIn({ holder, writes, relays }: Grant): PeerRights | undefined {
  return holder === undefined ? undefined : { holder, write: writes, relays };
}

/** A configured peer without a connection. */
function stateOfDialler({ address, nodeId, state, since, reason }: Dialler): PeerState {
  return { address, nodeId, direction: 'dialled', state, since, reason, ...NOTHING_YET };
}
