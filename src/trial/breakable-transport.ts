import { TablecastError } from '../errors.ts';
import { behindOf } from '../transport/behind.ts';
import type { Connection, Transport } from '../transport/transport.ts';

/** A transport whose links can be broken, and whose frames are counted. */
export class BreakableTransport implements Transport {
  readonly name: string;
  readonly maxFrameBytes: number;
  readonly #inner: Transport;
  readonly #open = new Set<Connection>();
  #broken = false;
  /** Bytes of frames handed over for sending. */
  sentBytes = 0;
  /** Bytes of frames that came. */
  receivedBytes = 0;

  constructor(inner: Transport) {
    this.#inner = inner;
    this.name = inner.name;
    this.maxFrameBytes = inner.maxFrameBytes;
  }

  /** Breaks every connection, and each new one until {@link mend}. */
  break(): void {
    this.#broken = true;
    for (const connection of this.#open) connection.close('cut off by the comparison');
  }

  mend(): void {
    this.#broken = false;
  }

  listen(accept: (connection: Connection) => void): Promise<string> {
    return this.#inner.listen((connection) => {
      if (this.#broken) drop(connection);
      else accept(this.#counted(connection));
    });
  }

  async dial(address: string, signal: AbortSignal): Promise<Connection> {
    if (this.#broken) throw cutOff(address);
    const connection = await this.#inner.dial(address, signal);
    if (!this.#broken) return this.#counted(connection);
    drop(connection);
    throw cutOff(address);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #counted(connection: Connection): Connection {
    this.#open.add(connection);
    const behind = behindOf(connection);
    const counted: Connection = {
      direction: connection.direction,
      remote: connection.remote,
      credential: connection.credential,
      rights: connection.rights,
      get queuedBytes() {
        return connection.queuedBytes;
      },
      start: (handlers) =>
        connection.start({
          frame: (bytes) => {
            this.receivedBytes += bytes.length;
            handlers.frame(bytes);
          },
          drain: () => handlers.drain(),
          closed: (closing) => {
            this.#open.delete(connection);
            handlers.closed(closing);
          },
        }),
      send: (bytes) => {
        this.sentBytes += bytes.length;
        return connection.send(bytes);
      },
      close: (reason) => connection.close(reason),
    };
    return behind === undefined ? counted : Object.assign(counted, { behind });
  }
}

function drop(connection: Connection): void {
  connection.start({ frame: () => undefined, drain: () => undefined, closed: () => undefined });
  connection.close('cut off by the comparison');
}

function cutOff(address: string): TablecastError {
  return new TablecastError('PEER_UNREACHABLE', `${address} is cut off by the comparison.`, {
    hint: 'It ends with the stretch.',
    retryable: true,
  });
}
