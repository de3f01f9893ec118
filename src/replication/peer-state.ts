/** A table as a peer announces it. */
export interface PeerTable {
  readonly name: string;
  /** As the peer sent it, unchecked: `node.table(name, declaration)` checks it, or refuses it. */
  readonly declaration: unknown;
  /** The conflict mode in force there. */
  readonly mode: string;
}

/** Operations that one of two nodes does not take from the other. */
export interface HeldBackOperations {
  /** `here`: this node does not take them; `there`: the peer says that it does not. */
  readonly by: 'here' | 'there';
  readonly table: string;
  /** Whose operations; undefined for the table's checkpoint, or everything of the table. */
  readonly origin: string | undefined;
  /** The first that is not taken, in the count of its author and table; 0 without an author. */
  readonly sequence: number;
  /** The code of the error they were refused with. */
  readonly code: string;
  /** What is wrong with them, for people. */
  readonly reason: string;
  /** What to do; undefined where the peer refuses. */
  readonly hint: string | undefined;
  /** When they were refused first, in milliseconds since 1970. */
  readonly since: number;
  /** How often they were refused since. */
  readonly times: number;
  /** Which node brought them to the peer, where that was not this one. */
  readonly from?: string | undefined;
}

/** What became of a configured peer so far. */
export interface DialState {
  /** The address without what may be secret in it. */
  readonly place: string;
  readonly state: PeerState['state'];
  readonly reason: string | undefined;
  /** Whether there was a session with it since the start. */
  readonly wasReached: boolean;
  /** There is one with the very process that answers there, perhaps over another connection. */
  readonly isReached: boolean;
  /** Dials, and sessions that came to nothing, since the start. */
  readonly failedDials: number;
}

/** One connection, or one configured peer without a connection at present. */
export interface PeerState {
  /** The URL dialled, or where an accepted connection comes from. */
  readonly address: string;
  /** Known once the peer has said hello. */
  readonly nodeId: string | undefined;
  readonly direction: 'dialled' | 'accepted';
  /** `waiting`: tried again after a pause; `refused`: the same, but the peer or this node said no. */
  readonly state: 'connecting' | 'connected' | 'waiting' | 'refused';
  /** When this state began, in milliseconds since 1970. */
  readonly since: number;
  /** Why it is not connected. */
  readonly reason: string | undefined;
  readonly sentOperations: number;
  readonly receivedOperations: number;
  /** Operations sent and not yet acknowledged. */
  readonly lagOperations: number;
  /**
   * Of the operations sent over this connection, so many, from the first on, are held by the peer and as
   * durable as it makes its tables. Stays where one was not taken. Undefined while the peer has said
   * nothing of it, as peers of version 0.2 and earlier never do.
   */
  readonly durableOperations: number | undefined;
  /** Why the peer does not make the others durable, such as `BACKEND_FULL`; undefined while nothing stands in the way. */
  readonly durabilityProblem: string | undefined;
  /** Time of the latest heartbeat there and back, in milliseconds. */
  readonly roundTripMs: number | undefined;
  /** What one of the two does not take from the other. */
  readonly heldBack: readonly HeldBackOperations[];
  /** What the peer declares; empty while it is not connected. */
  readonly tables: readonly PeerTable[];
}
