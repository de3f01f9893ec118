/** A table as a peer announces it. */
export interface PeerTable {
  readonly name: string;
  /** As the peer sent it, unchecked: `node.table(name, declaration)` checks it, or refuses it. */
  readonly declaration: unknown;
  /** The conflict mode in force there. */
  readonly mode: string;
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
  /** What the peer declares; empty while it is not connected. */
  readonly tables: readonly PeerTable[];
}
