import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { later } from './support.ts';

/** A cable between a node and a Zeek that runs on when it is pulled. */
export class Cable {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #plugged = true;
  #port = 0;

  private constructor(url: string) {
    this.#target = Number(new URL(url).port);
    this.#server = createServer((socket) => this.#join(socket));
  }

  /** A cable to what answers at a WebSocket URL; taken away after the test. */
  static async to(url: string): Promise<Cable> {
    const cable = new Cable(url);
    cable.#server.listen(0, '127.0.0.1');
    await once(cable.#server, 'listening');
    const address = cable.#server.address();
    cable.#port = typeof address === 'object' && address !== null ? address.port : 0;
    later(async () => {
      cable.pull();
      await new Promise((resolve) => cable.#server.close(resolve));
    });
    return cable;
  }

  /** Where the node connects to. */
  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  /** Breaks the connections, and any that is tried. */
  pull(): void {
    this.#plugged = false;
    this.cut();
  }

  /** Lets connections through again. */
  plug(): void {
    this.#plugged = true;
  }

  /** Breaks the connections once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(socket: Socket): void {
    if (!this.#plugged) {
      socket.destroy();
      return;
    }
    const other = createConnection(this.#target, '127.0.0.1');
    for (const [from, to] of [
      [socket, other],
      [other, socket],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => from.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}
