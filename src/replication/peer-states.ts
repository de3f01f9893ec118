import { UNSAID, durabilityIn } from './acknowledgements.ts';
import type { Dialler } from './dialler.ts';
import type { PeerState } from './peer-state.ts';
import type { Session } from './session.ts';

const NOTHING_YET = {
  ...UNSAID,
  sentOperations: 0,
  receivedOperations: 0,
  lagOperations: 0,
  roundTripMs: undefined,
  heldBack: [],
  tables: [],
};

/** A connected peer; `dialled` is the address it was reached at, if this node dialled it. */
export function stateOfSession(session: Session, dialled: string | undefined): PeerState {
  const { connection, nodeId, since, sentOperations, receivedOperations, lagOperations, roundTripMs } =
    session;
  return {
    address: dialled ?? connection.remote,
    nodeId,
    direction: connection.direction,
    state: 'connected',
    since,
    reason: undefined,
    sentOperations,
    receivedOperations,
    lagOperations,
    ...durabilityIn(session.acked),
    roundTripMs,
    heldBack: session.taking.all(),
    tables: session.tables.announcements,
  };
}

/** A configured peer without a connection. */
export function stateOfDialler({ address, nodeId, state, since, reason }: Dialler): PeerState {
  return { address, nodeId, direction: 'dialled', state, since, reason, ...NOTHING_YET };
}
