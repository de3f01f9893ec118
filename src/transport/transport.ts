import type { Credential } from '../access/rights.ts';

/**
 * The transport port: moves frames between this node and others, at most once and in order per
 * connection. An implementation knows nothing of tables or messages and retries nothing.
 */

/** A closing says why a connection ended. */
export interface Closing {
  /** Is `closed` when either side asked for it, `lost` when the link broke, `refused` when a limit or rule of the transport was broken. */
  readonly kind: 'closed' | 'lost' | 'refused';
  /** Says why to people: one line, no control characters. */
  readonly reason: string;
}

/** A stranger was turned away before there was a connection. */
export interface Stranger {
  /** Says where from, without the port. */
  readonly address: string;
  /** Is the HTTP status that was the answer; 400 for what is no request. */
  readonly status: number;
  /** Says why to people: one line, of a bounded number of words. */
  readonly reason: string;
  readonly hint: string;
}

/** The handlers are what a connection tells its user; given once, with {@link Connection.start}. */
export interface ConnectionHandlers {
  /** Takes one whole frame. The bytes belong to the receiver. */
  frame(bytes: Uint8Array): void;
  /** Is called when the queue fell below the low-water mark after `send` had returned false. */
  drain(): void;
  /** The connection is over; nothing is called after this, and it is called exactly once. */
  closed(closing: Closing): void;
}

/** A connection is one established, authenticated link to one other node. */
export interface Connection {
  readonly direction: 'dialled' | 'accepted';
  /** Says where the other side is, for people: a URL or an address. */
  readonly remote: string;
  /** Names the holder to which the other side's credential is bound, if authentication gave one. */
  readonly credential: string | undefined;
  /** Says what the holder of that credential may do; left out for one that is trusted with everything. */
  readonly rights?: Credential | undefined;
  /** Begins delivery; frames that arrived before are delivered first. Called exactly once. */
  start(handlers: ConnectionHandlers): void;
  /**
   * Queues one frame. Returns false when the queue is above its high-water mark: wait for `drain`.
   * Throws `LIMIT_EXCEEDED` for a frame above `maxFrameBytes`; after the end it does nothing.
   */
  send(frame: Uint8Array): boolean;
  /**
   * Reads on, or for now nothing more, where the transport can let frames wait on the way; those that were read
   * already still come. Left out where it cannot.
   */
  flow?(isWanted: boolean): void;
  /** Counts the bytes handed to `send` that the operating system has not taken yet. */
  readonly queuedBytes: number;
  /** Ends the connection after what is queued was sent, or at once if that takes too long. Idempotent. */
  close(reason: string): void;
}

/**
 * Every implementation gives these guarantees (`transportSuite` of tablecast/testing has a case for each):
 *
 * - Frames arrive whole, unchanged, in order, at most once.
 * - A frame above `maxFrameBytes` is refused at either end, and ends only that connection.
 * - Queues are bounded, and nothing is delivered after `closed`.
 */
export interface Transport {
  readonly name: string;
  readonly maxFrameBytes: number;
  /**
   * Starts accepting. Resolves with the address others can dial. Rejects with `LISTEN_FAILED` when it cannot, when
   * it listens already, and when it was closed.
   */
  listen(accept: (connection: Connection) => void): Promise<string>;
  /**
   * Makes one attempt. Rejects with `PEER_UNREACHABLE`, also when `signal` fires before it has resolved, or with
   * `PEER_REFUSED`.
   */
  dial(address: string, signal: AbortSignal): Promise<Connection>;
  /** Stops accepting and ends every connection. Idempotent. */
  close(): Promise<void>;
}
