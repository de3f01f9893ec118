import { type Socket, connect } from 'node:net';

/** A client that keeps no rules: writes what it is told and collects what comes back. */
export class RawClient {
  readonly socket: Socket;
  readonly ended: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #changed: () => void = () => undefined;
  #isOver = false;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1' });
    this.socket.on('error', () => undefined);
    this.socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#changed();
    });
    this.ended = new Promise((resolve) =>
      this.socket.on('close', () => {
        this.#isOver = true;
        resolve();
        this.#changed();
      }),
    );
  }

  get text(): string {
    return this.#received.toString('latin1');
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves once what came back contains `part`, or the socket is over. */
  async until(part: string): Promise<string> {
    while (!this.text.includes(part) && !this.#isOver) {
      await new Promise<void>((resolve) => (this.#changed = resolve));
    }
    return this.text;
  }

  /** Status of the answer to a request; 0 if the socket ended without one. */
  async status(): Promise<number> {
    const text = await this.until('\r\n\r\n');
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
  }

  /** The close code of the WebSocket close frame that ended the connection. */
  async closeCode(): Promise<number | undefined> {
    await this.ended;
    const body = this.#received.subarray(this.#received.indexOf('\r\n\r\n') + 4);
    return body.length >= 4 && body[0] === 0x88 ? body.readUInt16BE(2) : undefined;
  }
}

/** Headers to change in {@link upgradeRequest}; undefined leaves one out. */
export type HeaderChanges = Readonly<Record<string, string | undefined>>;

/** The text of a request for a WebSocket that is in order but for the changes. */
export function upgradeRequest(changes: HeaderChanges = {}, path = '/tablecast'): string {
  const headers: Record<string, string | undefined> = {
    Host: '127.0.0.1',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': 'tablecast.1',
    ...changes,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
  return [`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n');
}

/** Parts of a frame that may be wrong. */
export interface FrameChanges {
  readonly fin?: boolean;
  readonly opcode?: number;
  readonly rsv1?: boolean;
  readonly masked?: boolean;
  /** The length the header claims. */
  readonly claimed?: bigint;
}

/** One WebSocket frame of at most 125 bytes, masked with zeros. */
export function rawFrame(payload: Uint8Array, changes: FrameChanges = {}): Buffer {
  const { fin = true, opcode = 2, rsv1 = false, masked = true, claimed } = changes;
  const first = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  const mask = masked ? 0x80 : 0;
  const head = claimed === undefined ? Buffer.from([first, mask | payload.length]) : Buffer.alloc(10);
  if (claimed !== undefined) {
    head.set([first, mask | 127]);
    head.writeBigUInt64BE(claimed, 2);
  }
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0), payload]);
}
