import type { Socket } from 'node:net';
import type { ClientOptions, RawData, WebSocket } from 'ws';
import { withoutPort } from '../../access/fair-share.ts';
import { type ConnectionFacts, type FrameSocket, FrameConnection } from '../frame-connection.ts';
import { closeCodeOf, textFrameReason } from './protocol.ts';
import { closingOf, refusalOf } from './ending.ts';
import type { Closing } from '../transport.ts';
import type { WebSocketLimits } from './options.ts';
import type { ReadTurns, Reader } from './read-turns.ts';

/** Returns the options of `ws` by which our limits are kept, the same for both sides. */
export function socketOptions(limits: WebSocketLimits): Readonly<ClientOptions> {
  const options = {
    perMessageDeflate: false,
    maxPayload: limits.maxFrameBytes,
    maxFragments: limits.maxFragments,
    maxBufferedChunks: limits.maxBufferedChunks,
    closeTimeout: limits.closeTimeoutMs,
  };
  return options;
}

/**
 * Wraps an open `ws` WebSocket and the TCP or TLS socket under it. Has to be called in the event
 * that opened it: it stops reading until the connection is started, so that what arrives early
 * waits in the operating system, where it is bounded.
 */
export function nodeConnection(
  ws: WebSocket,
  socket: Socket,
  facts: ConnectionFacts & { readonly turns: ReadTurns },
): FrameConnection {
  ws.pause();
  const reader = facts.turns.enter(ws, socket, facts.credential ?? withoutPort(facts.remote));
  const port = new NodeSocket({ ws, socket, reader }, () => connection.sent());
  const connection = new FrameConnection(facts, port);
  let cause: string | undefined;
  socket.on(
    'error',
    (error: NodeJS.ErrnoException) => (cause = `the link broke (${error.code ?? 'no code'})`),
  );
  ws.on('message', (data: RawData, isBinary: boolean) => {
    if (isBinary && Buffer.isBuffer(data)) connection.received(plainView(data));
    else connection.refuse(textFrameReason);
  });
  ws.on('error', (error: NodeJS.ErrnoException) => connection.failed(refusalOf(error.code)));
  ws.on('close', (code: number, reason: Buffer) =>
    connection.ended(closingOf(code, reason.toString(), cause)),
  );
  return connection;
}

/** `ws` never touches a frame again once it has handed it out, so a view is enough. */
function plainView(data: Buffer): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.length);
}

interface NodeSocketParts {
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly reader: Reader;
}

class NodeSocket implements FrameSocket {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #reader: Reader;
  readonly #onSent: (error?: Error | null) => void;
  readonly #onTickEnd: () => void;
  #sentThisTick = 0;

  constructor({ ws, socket, reader }: NodeSocketParts, sent: () => void) {
    this.#ws = ws;
    this.#socket = socket;
    this.#reader = reader;
    this.#onSent = (error) => {
      if (error === undefined || error === null) sent();
    };
    this.#onTickEnd = () => {
      if (this.#sentThisTick > 1) socket.uncork();
      this.#sentThisTick = 0;
    };
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  /** The first frame of a tick leaves at once; those that follow leave together at its end. */
  send(frame: Uint8Array): void {
    this.#sentThisTick += 1;
    if (this.#sentThisTick === 1) process.nextTick(this.#onTickEnd);
    if (this.#sentThisTick === 2) this.#socket.cork();
    this.#ws.send(frame, this.#onSent);
  }

  awaitDrain(): void {
    // Every send reports when it has left.
  }

  resume(): void {
    this.#reader.want(true);
  }

  pause(): void {
    this.#reader.want(false);
  }

  end(reason: Closing): void {
    this.#ws.close(closeCodeOf(reason), reason.reason);
  }

  cut(): void {
    this.#ws.terminate();
  }
}
