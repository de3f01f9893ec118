import type { Connection } from './transport.ts';

/** Reaches nodes behind the other side of a connection, where that is no node itself. */
export interface Behind {
  /** Sends a frame to one of them, or to all; at most once, in its order. */
  tell(frame: Uint8Array, to?: string): void;
  /** Begins delivery; the next frame comes once the last was taken. Called once. */
  listen(heard: (frame: Uint8Array, from: string, isForAll: boolean) => Promise<void>): void;
}

/** A connection to who has nodes behind it; transports of users make none. */
export interface ConnectionWithBehind extends Connection {
  readonly behind: Behind;
}

/** Returns what reaches the nodes behind the other side; undefined where that is a node. */
export function behindOf(connection: Connection): Behind | undefined {
  return (connection as Partial<ConnectionWithBehind>).behind;
}
