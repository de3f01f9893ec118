import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

/** Passes TCP on to a server of this machine, unless it is cut. */
export class CuttableProxy {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  readonly #state: { isCut: boolean };

  private constructor(server: Server, sockets: Set<Socket>, state: { isCut: boolean }) {
    this.#server = server;
    this.#sockets = sockets;
    this.#state = state;
    this.url = `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Starts one to a port; resolves once it listens. */
  static async to(port: number): Promise<CuttableProxy> {
    const state = { isCut: false };
    const sockets = new Set<Socket>();
    const server = createServer((near) => {
      if (state.isCut) return near.destroy();
      const far = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(from);
        from.on('data', (bytes: Buffer) => to.write(bytes));
        from.on('error', () => undefined);
        from.on('close', () => {
          sockets.delete(from);
          to.destroy();
        });
      }
      return undefined;
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CuttableProxy(server, sockets, state);
  }

  /** Ends every connection and lets none in, or lets them in again. */
  setCut(isCut: boolean): void {
    this.#state.isCut = isCut;
    if (isCut) for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.setCut(true);
    this.#server.close();
  }
}
