import type { Closing, Connection, ConnectionHandlers, Transport } from '../transport/transport.ts';

/** One end of a link, with everything it was told in order. */
export class Observed {
  readonly frames: Uint8Array[] = [];
  readonly connection: Connection;
  closing: Closing | undefined;
  drains = 0;
  afterClosed = 0;
  #changed: () => void = () => undefined;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  start(overrides: Partial<ConnectionHandlers> = {}): this {
    this.connection.start({
      frame: (bytes) => {
        this.#count();
        this.frames.push(bytes);
        overrides.frame?.(bytes);
        this.#changed();
      },
      drain: () => {
        this.#count();
        this.drains += 1;
        overrides.drain?.();
        this.#changed();
      },
      closed: (closing) => {
        this.#count();
        this.closing = closing;
        overrides.closed?.(closing);
        this.#changed();
      },
    });
    return this;
  }

  /** Resolves once `condition` holds; it is looked at after every call from the connection. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  async closed(): Promise<Closing> {
    await this.until(() => this.closing !== undefined);
    return this.closing as Closing;
  }

  #count(): void {
    if (this.closing !== undefined) this.afterClosed += 1;
  }
}

/** Two linked ends, not started. */
export interface Link {
  readonly near: Observed;
  readonly far: Observed;
}

/** Lets `server` listen and connects `client` to it. */
export async function link(client: Transport, server: Transport): Promise<Link> {
  let accepted: (connection: Connection) => void = () => undefined;
  const far = new Promise<Connection>((resolve) => (accepted = resolve));
  const address = await server.listen((connection) => accepted(connection));
  const near = await client.dial(address, new AbortController().signal);
  return { near: new Observed(near), far: new Observed(await far) };
}

/** Returns bytes that differ from place to place and from seed to seed. */
export function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) bytes[i] = (i * 31 + seed * 17 + (i >> 8)) & 255;
  return bytes;
}

/** Lets everything that is already under way happen, sockets included. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
