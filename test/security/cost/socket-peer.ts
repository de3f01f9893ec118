import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Hello } from '../../../src/replication/wire/bodies.ts';
import { type Message, decodeMessage, encodeMessage } from '../../../src/replication/wire/wire.ts';

/** A peer that speaks the protocol over a real socket and says whatever the test wants. */
export class SocketPeer {
  readonly #socket: WebSocket;
  readonly #received: Uint8Array[] = [];
  /** Bytes of frames that came. */
  receivedBytes = 0;
  /** Whether frames that come are kept, or only counted. */
  keeps = true;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      this.receivedBytes += data.length;
      if (this.keeps) this.#received.push(new Uint8Array(data));
    });
    socket.on('error', () => undefined);
  }

  static async connect(address: string, token: string): Promise<SocketPeer> {
    const socket = new WebSocket(address, 'tablecast.1', {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    });
    const peer = new SocketPeer(socket);
    await once(socket, 'open');
    return peer;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** The first message of one type, as soon as it is there. */
  async first<T extends Message['type']>(type: T): Promise<Extract<Message, { type: T }>> {
    for (;;) {
      const found = this.messages().find((message) => message.type === type);
      if (found !== undefined) return found as Extract<Message, { type: T }>;
      if (!this.isOpen) throw new Error(`the connection ended before ${type}`);
      await once(this.#socket, 'message');
    }
  }

  messages(): Message[] {
    return this.#received.map((frame) => decodeMessage(frame));
  }

  /** Says hello as a node; by default it declares what the other side does and holds nothing. */
  async greet(node: string, changes: Partial<Hello> = {}): Promise<Hello> {
    const { hello } = await this.first('hello');
    const tables = hello.tables.map((table) => ({
      ...table,
      takes: undefined,
      held: [],
      sessions: undefined,
    }));
    const { protocol } = hello;
    this.say({
      type: 'hello',
      hello: { protocol, node, session: 7, origins: [`${node}@1`], tables, ...changes },
    });
    return hello;
  }

  say(message: Message): void {
    this.send(encodeMessage(message));
  }

  /** Sends a frame as it is; after the end of the connection nothing. */
  send(frame: Uint8Array): void {
    if (this.isOpen) this.#socket.send(frame, () => undefined);
  }

  /** Resolves when the other side has handled everything that was sent, or has ended the connection. */
  async settled(): Promise<void> {
    const nonce = Math.random();
    const kept = this.keeps;
    this.#received.length = 0;
    this.keeps = true;
    this.say({ type: 'ping', time: nonce });
    try {
      while (this.isOpen) {
        if (this.#received.some((frame) => frame[0] === 9 && isPong(frame, nonce))) return;
        this.#received.length = 0;
        await Promise.race([once(this.#socket, 'message'), once(this.#socket, 'close')]);
      }
    } finally {
      this.keeps = kept;
    }
  }

  close(): void {
    this.#socket.terminate();
  }
}

function isPong(frame: Uint8Array, time: number): boolean {
  const message = decodeMessage(frame);
  return message.type === 'pong' && message.time === time;
}
