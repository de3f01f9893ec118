/** A peer's table is what the peer announces of it. */
export interface PeerTable {
  readonly name: string;
  /** Comes as the peer sent it, unchecked: `node.table(name, declaration)` checks it, or refuses it. */
  readonly declaration: unknown;
  /** Is the conflict mode in force there. */
  readonly mode: string;
}

/** Operations are held back when one of two nodes does not take them from the other. */
export interface HeldBackOperations {
  /** Says who does not take them: `here`, this node; `there`, the peer, as it says itself. */
  readonly by: 'here' | 'there';
  readonly table: string;
  /** Names their author's life; undefined for the table's checkpoint, or everything of the table. */
  readonly origin: string | undefined;
  /** Is the first that is not taken, in the count of its author and table; 0 without an author. */
  readonly sequence: number;
  /** Is the code of the error they were refused with. */
  readonly code: string;
  /** Says to people what is wrong with them. */
  readonly reason: string;
  /** Says what to do; undefined where the peer refuses. */
  readonly hint: string | undefined;
  /** Says when they were refused first, in milliseconds since 1970. */
  readonly since: number;
  /** Counts how often they were refused since. */
  readonly times: number;
  /** Names the node that brought them to the peer, where that was not this one. */
  readonly from?: string | undefined;
}

/** A dial's state says what became of a configured peer so far. */
export interface DialState {
  /** The address without what may be secret in it. */
  readonly place: string;
  readonly state: PeerState['state'];
  readonly reason: string | undefined;
  /** Says whether there was a session with it since the start. */
  readonly wasReached: boolean;
  /** There is one with the very process that answers there, perhaps over another connection. */
  readonly isReached: boolean;
  /** Dials, and sessions that came to nothing, since the start. */
  readonly failedDials: number;
}

/** The rights of a peer are those of the credential that it showed, or that fits its id. */
export interface PeerRights {
  /** Names the holder of the credential. */
  readonly holder: string;
  /** Lists the tables it may write: exact names, or with a star at the end. */
  readonly write: readonly string[];
  /** Says whether it may bring operations of other nodes, and checkpoints. */
  readonly relays: boolean;
}

/** A peer's state is one connection, or one configured peer without a connection at present. */
export interface PeerState {
  /** Is the URL dialled, or where an accepted connection comes from. */
  readonly address: string;
  /** Is known once the peer has said hello. */
  readonly nodeId: string | undefined;
  readonly direction: 'dialled' | 'accepted';
  /**
   * Says how the connection stands. `waiting`: it is tried again after a pause; `refused`: the same, but the
   * peer or this node said no.
   */
  readonly state: 'connecting' | 'connected' | 'waiting' | 'refused';
  /** Says when this state began, in milliseconds since 1970. */
  readonly since: number;
  /** Says why it is not connected. */
  readonly reason: string | undefined;
  readonly sentOperations: number;
  readonly receivedOperations: number;
  /** Counts operations sent and not yet acknowledged. */
  readonly lagOperations: number;
  /**
   * Counts the operations sent over this connection, from the first on, that the peer holds as durably as it
   * keeps their tables. It stays where one was not taken. It is undefined while the peer has said nothing of
   * it, as peers of version 0.2 and earlier never do.
   */
  readonly durableOperations: number | undefined;
  /**
   * Says why the peer does not make the others durable, such as `BACKEND_FULL`; undefined while nothing
   * stands in the way.
   */
  readonly durabilityProblem: string | undefined;
  /** Measures the latest heartbeat there and back, in milliseconds. */
  readonly roundTripMs: number | undefined;
  /**
   * Says how far the peer's clock is ahead of this node's, in milliseconds, give or take half a round trip;
   * undefined until the peer has said it.
   */
  readonly clockOffsetMs: number | undefined;
  /** Says what the peer may do here; undefined while it is not connected, and where no credential restricts it. */
  readonly rights: PeerRights | undefined;
  /** Lists what one of the two does not take from the other. */
  readonly heldBack: readonly HeldBackOperations[];
  /** Lists what the peer declares; empty while it is not connected. */
  readonly tables: readonly PeerTable[];
}
