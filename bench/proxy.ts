import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

/** Passes TCP on to a node and counts what goes through, both ways. */
export class CountingProxy {
  bytes = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** `address`: where the node listens, as `ws://host:port`. */
  constructor(address: string) {
    const port = Number(new URL(address).port);
    this.#server = createServer((inner) => {
      const outer = connect(port, '127.0.0.1');
      this.#pass(inner, outer);
      this.#pass(outer, inner);
    });
  }

  #pass(from: Socket, to: Socket): void {
    from.setNoDelay(true);
    this.#sockets.add(from);
    from.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      to.write(chunk);
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }

  /** Starts listening; resolves with the address to dial instead. */
  listen(): Promise<string> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        resolve(`ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
      });
    });
  }

  /** Breaks every connection; new ones are accepted. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}
