// A transport of your own: frames over plain TCP. docs/write-your-own.md goes through it.
import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { type Closing, type Connection, ConnectionSet, FrameConnection, type FrameSocket } from 'tablecast';
import {
  type FrameLimitOptions,
  type FrameLimits,
  TablecastError,
  type Transport,
  frameLimits,
} from 'tablecast';

/** Each message has a header: its length in 32 bits, and whether it is a frame or says how the connection ends. */
const HEADER_BYTES = 5;
const FRAME = 0;
const END = 1;
const CLOSE_TIMEOUT_MS = 2_000;

/** Nodes dial `tcp://host:port`. There is neither authentication nor encryption: for one machine, or a tunnel. */
export function tcpTransport({ port }: { port: number }, given?: FrameLimitOptions): Transport {
  const limits = frameLimits(given);
  const connections = new ConnectionSet();
  const server = createServer({ pauseOnConnect: true });
  let listens = false;
  return {
    name: 'tcp',
    maxFrameBytes: limits.maxFrameBytes,
    async listen(accept) {
      if (listens || connections.closed) throw failed('LISTEN_FAILED', 'it listens already, or was closed');
      listens = true;
      server.on('connection', (socket) => {
        const connection = connectionOver(socket, 'accepted', limits);
        connections.add(connection);
        accept(connection);
      });
      await once(server.listen(port, '127.0.0.1'), 'listening').catch(({ message }: Error) => {
        throw failed('LISTEN_FAILED', message);
      });
      return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    dial: (address, signal) =>
      connections.dial(signal, async (either) => {
        const { hostname, port: there } = new URL(address);
        const socket = connect({ host: hostname, port: Number(there) });
        await once(socket, 'connect', { signal: either }).catch(({ message }: Error) => {
          socket.destroy();
          throw failed('PEER_UNREACHABLE', `${address}: ${message}`);
        });
        return connectionOver(socket, 'dialled', limits);
      }),
    async close() {
      server.close();
      await connections.close();
    },
  };
}

function connectionOver(
  socket: Socket,
  direction: Connection['direction'],
  limits: FrameLimits,
): FrameConnection {
  const remote = `tcp://${socket.remoteAddress}:${socket.remotePort}`;
  const frames = new TcpFrames(socket, () => connection.sent());
  const connection = new FrameConnection({ direction, remote, credential: undefined, limits }, frames);
  let gone: Closing = { kind: 'lost', reason: 'the link broke' };
  let held = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + held.readUInt32BE();
      if (end > HEADER_BYTES + limits.maxFrameBytes) {
        connection.refuse('frame above maxFrameBytes');
        socket.removeAllListeners('data').resume(); // What still comes is dropped.
        return;
      }
      if (held.length < end) return;
      const content = new Uint8Array(held.subarray(HEADER_BYTES, end));
      if (held[HEADER_BYTES - 1] === FRAME) connection.received(content);
      else gone = closingOf(content);
      held = held.subarray(end);
    }
  });
  socket.pause().setNoDelay(true); // The connection resumes it once somebody listens.
  socket.on('error', ({ message }) => (gone = { kind: 'lost', reason: message }));
  socket.on('close', () => connection.ended(gone));
  return connection;
}

function closingOf(content: Uint8Array): Closing {
  const [kind, reason = ''] = new TextDecoder().decode(content).split('\n');
  return { kind: kind === 'closed' ? 'closed' : 'refused', reason };
}

class TcpFrames implements FrameSocket {
  readonly #socket: Socket;
  readonly #sent: () => void;

  constructor(socket: Socket, sent: () => void) {
    this.#socket = socket;
    this.#sent = sent;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  send(frame: Uint8Array): void {
    this.#write(FRAME, frame);
  }

  awaitDrain(): void {
    // Every frame reports when it has left.
  }

  resume(): void {
    this.#socket.resume();
  }

  pause(): void {
    this.#socket.pause();
  }

  end({ kind, reason }: Closing): void {
    this.#write(END, Buffer.from(`${kind}\n${reason}`));
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS).unref();
  }

  cut(): void {
    this.#socket.destroy();
  }

  #write(kind: number, content: Uint8Array): void {
    const header = Buffer.alloc(HEADER_BYTES, kind);
    header.writeUInt32BE(content.length);
    this.#socket.cork();
    this.#socket.write(header);
    this.#socket.write(content, () => this.#sent());
    this.#socket.uncork();
  }
}

function failed(code: 'LISTEN_FAILED' | 'PEER_UNREACHABLE', why: string): TablecastError {
  return new TablecastError(code, `tcp: ${why}`, {
    hint: 'Is the port free, and does the other node listen?',
    retryable: code === 'PEER_UNREACHABLE',
  });
}
