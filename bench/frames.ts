import { type WebSocket, WebSocketServer, WebSocket as Client } from 'ws';
import { turn } from './clock.ts';
import type { Link } from './link-types.ts';

/** Operations per frame: the batching every contestant is offered. */
const FRAME = 1000;
const MAX_QUEUED = 1_000_000;

/** Rows in a Map at both ends and binary frames between them: what replication cannot do without. */
class FrameWriter {
  readonly rows = new Map<string, number>();
  readonly #bytes = Buffer.alloc(FRAME * 32);
  #used = 0;
  #count = 0;
  #socket: WebSocket | undefined;

  attach(socket: WebSocket): void {
    this.#socket = socket;
    for (const [key, value] of this.rows) this.#add(key, value, FRAME);
    this.flush();
  }

  set(key: string, value: number, perFrame: number): void {
    this.rows.set(key, value);
    if (this.#socket !== undefined) this.#add(key, value, perFrame);
  }

  #add(key: string, value: number, perFrame: number): void {
    this.#bytes[this.#used] = key.length;
    this.#bytes.write(key, this.#used + 1, 'latin1');
    this.#used = this.#bytes.writeDoubleLE(value, this.#used + 1 + key.length);
    if (++this.#count >= perFrame) this.flush();
  }

  flush(): void {
    if (this.#count > 0) this.#socket?.send(Buffer.from(this.#bytes.subarray(0, this.#used)));
    this.#used = 0;
    this.#count = 0;
  }

  async room(): Promise<void> {
    while ((this.#socket?.bufferedAmount ?? 0) > MAX_QUEUED) await turn();
  }
}

/** Raw WebSocket frames; `perFrame` 1 sends every operation by itself, as latency needs it. */
export function frames(perFrame: number): Link {
  return {
    async writer() {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
      await new Promise((resolve) => server.once('listening', resolve));
      const writer = new FrameWriter();
      server.on('connection', (socket) => writer.attach(socket));
      const { port } = server.address() as { port: number };
      return {
        address: `ws://127.0.0.1:${port}`,
        set: (key, value) => writer.set(key, value, perFrame),
        async room() {
          writer.flush();
          await writer.room();
        },
        close() {
          for (const client of server.clients) client.terminate();
          server.close();
        },
      };
    },
    async reader(_setting, address, told) {
      const rows = new Map<string, number>();
      const socket = new Client(address, { perMessageDeflate: false });
      socket.on('message', (data: Buffer) => {
        for (let at = 0; at < data.length;) {
          const length = data[at] as number;
          const key = data.toString('latin1', at + 1, at + 1 + length);
          const value = data.readDoubleLE(at + 1 + length);
          rows.set(key, value);
          told(key, value);
          at += length + 9;
        }
      });
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      return { close: () => socket.terminate() };
    },
  };
}
