// What a stranger wrote from docs/write-your-own.md: frames over message ports, between nodes of one process.
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type Closing, ConnectionSet, FrameConnection, type FrameSocket, frameLimits } from 'tablecast';
import { type FrameLimitOptions, TablecastError, type Transport } from 'tablecast';

type Said = { readonly frame: Uint8Array } | { readonly taken: number } | { readonly closing: Closing };

const CLOSE_TIMEOUT_MS = 500;
const listeners = new Map<string, (port: MessagePort) => void>();
let listened = 0;

export function portTransport(given?: FrameLimitOptions): Transport {
  const limits = frameLimits(given);
  const connections = new ConnectionSet();
  let address: string | undefined;
  const over = (port: MessagePort, direction: 'accepted' | 'dialled', remote: string): FrameConnection => {
    const socket = new PortSocket(port);
    const connection = new FrameConnection({ direction, remote, credential: undefined, limits }, socket);
    socket.listen(connection);
    return connection;
  };
  return {
    name: 'port',
    maxFrameBytes: limits.maxFrameBytes,
    async listen(accept) {
      if (address !== undefined || connections.closed)
        throw new TablecastError('LISTEN_FAILED', 'it listens already, or was closed', {
          hint: 'Listen once.',
        });
      listened += 1;
      address = `port://${listened}`;
      listeners.set(address, (port) => {
        const connection = over(port, 'accepted', 'port://dialler');
        connections.add(connection);
        accept(connection);
      });
      return address;
    },
    dial: (there, signal) =>
      connections.dial(signal, async () => {
        const listener = listeners.get(there);
        if (listener === undefined)
          throw new TablecastError('PEER_UNREACHABLE', `nobody is at ${there}`, {
            hint: 'Listen.',
            retryable: true,
          });
        const { port1, port2 } = new MessageChannel();
        listener(port2);
        return over(port1, 'dialled', there);
      }),
    async close() {
      if (address !== undefined) listeners.delete(address);
      await connections.close();
    },
  };
}

/** A port does not say what waits in it, so the other side says what it took. */
class PortSocket implements FrameSocket {
  bufferedBytes = 0;
  readonly #port: MessagePort;
  readonly #unread: Uint8Array[] = [];
  #isRead = false;
  #closing: Closing | undefined;
  #connection: FrameConnection | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  listen(connection: FrameConnection): void {
    this.#connection = connection;
    this.#port.on('message', (said: Said) => this.#hear(said));
    this.#port.on('close', () => {
      for (const frame of this.#unread.splice(0)) connection.received(frame);
      connection.ended(this.#closing ?? { kind: 'lost', reason: 'the port was closed' });
    });
  }

  send(frame: Uint8Array): void {
    this.bufferedBytes += frame.length;
    this.#port.postMessage({ frame } satisfies Said);
  }

  awaitDrain(): void {
    // The other side says of every frame that it took it.
  }

  resume(): void {
    this.#isRead = true;
    this.#read();
  }

  pause(): void {
    this.#isRead = false;
  }

  end(closing: Closing): void {
    this.#closing ??= closing;
    this.#port.postMessage({ closing } satisfies Said);
    setTimeout(() => this.#port.close(), CLOSE_TIMEOUT_MS).unref();
  }

  cut(): void {
    this.#port.close();
  }

  #hear(said: Said): void {
    if ('frame' in said) {
      this.#unread.push(said.frame);
      this.#read();
    } else if ('taken' in said) {
      this.bufferedBytes -= said.taken;
      this.#connection?.sent();
    } else {
      this.#closing ??= said.closing;
      this.#port.close();
    }
  }

  #read(): void {
    while (this.#isRead && this.#unread.length > 0) {
      const frame = this.#unread.shift() as Uint8Array;
      this.#port.postMessage({ taken: frame.length } satisfies Said);
      this.#connection?.received(frame);
    }
  }
}
