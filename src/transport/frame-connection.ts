import { sameCredential } from '../access/changes.ts';
import type { Credential } from '../access/rights.ts';
import { closing } from './closing.ts';
import { type FrameLimits, frameTooLong } from './limits.ts';
import type { Closing, Connection, ConnectionHandlers } from './transport.ts';

/**
 * A frame socket moves whole frames already: a WebSocket, a framed socket, a message port. A transport
 * of your own brings one; {@link FrameConnection} makes the port's connection of it.
 */
export interface FrameSocket {
  /** Counts the bytes handed to `send` that the operating system, or the socket, has not taken yet. */
  readonly bufferedBytes: number;
  /** Queues one frame. Called neither above the limits nor after `end`. */
  send(frame: Uint8Array): void;
  /** Is called when the queue is too long: report {@link FrameConnection.sent} as it falls. A socket that always reports does nothing. */
  awaitDrain(): void;
  /** Begins, or goes on, reading. Before the first call nothing is read, where that can be. */
  resume(): void;
  /** Reads nothing for now, where that can be. */
  pause(): void;
  /**
   * Sends what is queued, then tells the other side how it ended, and breaks off when that takes too long. Its
   * frames are read on, and dropped, until it is over; then report {@link FrameConnection.ended}.
   */
  end(closing: Closing): void;
  /** Breaks off at once. */
  cut(): void;
}

/** Says why a connection ends whose other side sent what is longer than a frame may be. */
export const tooLongReason = 'frame above maxFrameBytes';

/** Counted per held frame beside its bytes, so that empty frames are bounded as well. */
const heldOverheadBytes = 64;

/** A holder says whose connection it is; without `rights` it may do everything. */
export interface Holder {
  readonly credential: string | undefined;
  readonly rights?: Credential | undefined;
}

/** The facts are what is known of a connection before its first frame. */
export interface ConnectionFacts extends Holder {
  readonly direction: Connection['direction'];
  readonly remote: string;
  readonly limits: FrameLimits;
  /**
   * Says whose it is by the credentials of the moment, nobody's when undefined; left out where that cannot
   * change.
   */
  readonly holder?: (() => Holder | undefined) | undefined;
}

/**
 * A frame connection is the port's over any frame socket: bounds, order of calls, reasons of the end.
 * The owner of the socket reports what happens to it; nothing is passed on after the end.
 */
export class FrameConnection implements Connection {
  readonly direction: Connection['direction'];
  readonly remote: string;
  readonly credential: string | undefined;
  readonly rights: Credential | undefined;
  /** Says whether no frame has come yet. */
  isSilent = true;
  /** Resolves when the socket is gone, started or not. */
  readonly over: Promise<void>;
  readonly #limits: FrameLimits;
  readonly #holder: ConnectionFacts['holder'];
  readonly #socket: FrameSocket;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #handlers: ConnectionHandlers | undefined;
  #closing: Closing | undefined;
  #gone: Closing | undefined;
  #drainDue = false;
  #resolveOver: () => void = () => undefined;

  constructor(facts: ConnectionFacts, socket: FrameSocket) {
    this.direction = facts.direction;
    this.remote = facts.remote;
    this.credential = facts.credential;
    this.rights = facts.rights;
    this.#limits = facts.limits;
    this.#holder = facts.holder;
    this.#socket = socket;
    this.over = new Promise((resolve) => (this.#resolveOver = resolve));
  }

  get queuedBytes(): number {
    return this.#isOpen() ? this.#socket.bufferedBytes : 0;
  }

  /** Says whether what the other side showed still makes it the holder it was let in as, with the same rights. */
  get isHeld(): boolean {
    if (this.#holder === undefined) return true;
    const now = this.#holder();
    if (now === undefined || now.credential !== this.credential) return false;
    return sameCredential(now.rights, this.rights);
  }

  start(handlers: ConnectionHandlers): void {
    queueMicrotask(() => {
      this.#handlers = handlers;
      for (const frame of this.#held.splice(0)) this.received(frame);
      this.sent();
      if (this.#gone !== undefined) this.#tell(this.#gone);
      else this.#socket.resume();
    });
  }

  send(frame: Uint8Array): boolean {
    const { maxFrameBytes, maxQueuedBytes, highWaterBytes } = this.#limits;
    if (frame.length > maxFrameBytes) throw frameTooLong(frame.length, maxFrameBytes);
    if (!this.#isOpen()) return false;
    if (this.#socket.bufferedBytes + frame.length > maxQueuedBytes) {
      this.#closing = closing('refused', 'send queue limit');
      this.#socket.cut();
      return false;
    }
    this.#socket.send(frame);
    if (this.#socket.bufferedBytes <= highWaterBytes) return true;
    this.#drainDue = true;
    this.#socket.awaitDrain();
    return false;
  }

  flow(isWanted: boolean): void {
    if (isWanted) this.#socket.resume();
    else if (this.#isOpen()) this.#socket.pause();
  }

  close(reason: string): void {
    this.#end(closing('closed', reason));
  }

  /** Ends it at once, without waiting for the other side. */
  cut(reason: string): void {
    this.failed(closing('refused', reason));
    this.#socket.cut();
  }

  /** Is true while `send` has said wait and `drain` has not been called. */
  get drainDue(): boolean {
    return this.#drainDue && this.#isOpen();
  }

  /** Ends it because the other side broke a rule: says so to both. */
  refuse(reason: string): void {
    this.#end(closing('refused', reason));
  }

  /** Is called when the socket is ending by itself, for this reason. */
  failed(reason: Closing): void {
    this.#closing ??= reason;
  }

  /** Is called with each whole frame that arrived. */
  received(bytes: Uint8Array): void {
    if (this.#closing !== undefined) return;
    this.isSilent = false;
    if (bytes.length > this.#limits.maxFrameBytes) {
      this.refuse(tooLongReason);
    } else if (this.#handlers !== undefined) {
      this.#handlers.frame(bytes);
    } else {
      this.#hold(bytes);
    }
  }

  /** Is called when some of what was queued has left. */
  sent(): void {
    if (!this.drainDue || this.#handlers === undefined) return;
    if (this.#socket.bufferedBytes > this.#limits.lowWaterBytes) return;
    this.#drainDue = false;
    this.#handlers.drain();
  }

  /**
   * Is called when the socket is gone and every frame that arrived was reported. The reason, made one short line,
   * counts unless another was known before.
   */
  ended(reason: Closing): void {
    this.#gone ??= closing(reason.kind, reason.reason);
    this.#tell(this.#gone);
    this.#resolveOver();
  }

  #isOpen(): boolean {
    return this.#closing === undefined && this.#gone === undefined;
  }

  #tell(reason: Closing): void {
    const handlers = this.#handlers;
    if (handlers === undefined) return;
    this.#handlers = undefined;
    this.#closing ??= reason;
    handlers.closed(this.#closing);
  }

  #end(reason: Closing): void {
    if (this.#closing !== undefined) return;
    this.#closing = reason;
    this.#held.length = 0;
    // A socket that is not read would never see the answer to its close frame.
    this.#socket.resume();
    this.#socket.end(reason);
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length + heldOverheadBytes;
    if (this.#heldBytes > this.#limits.highWaterBytes + this.#limits.maxFrameBytes) {
      this.refuse('too much sent before the other side was ready');
    }
  }
}
