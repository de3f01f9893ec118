import type { Credential, NodeOptions, TableNode } from '../../../src/index.ts';
import type { Environment } from '../../../src/environment.ts';
import type { Slicing } from '../../../src/work/slices.ts';
import { openNodeOf } from '../../../src/node/open-node.ts';
import type { Hello } from '../../../src/replication/wire/bodies.ts';
import { type Message, decodeMessage, encodeMessage } from '../../../src/replication/wire/wire.ts';
import type { Connection, ConnectionHandlers, Transport } from '../../../src/transport/transport.ts';

/** One side of a link whose other side is the test: frames are handed over in the calling turn. */
export class FakePeer implements Connection {
  readonly direction = 'accepted';
  readonly remote: string;
  readonly credential: string | undefined;
  readonly rights: Credential | undefined;
  readonly queuedBytes = 0;
  /** What the node sent, oldest first. */
  readonly received: Uint8Array[] = [];
  /** Why the node ended the connection; undefined while it is open. */
  closedWith: string | undefined;
  /** What `send` answers: false stands for a full queue. */
  takes = true;
  #handlers: ConnectionHandlers | undefined;

  constructor(remote: string, rights?: Credential) {
    this.remote = remote;
    this.credential = rights?.name;
    this.rights = rights;
  }

  start(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
  }

  send(frame: Uint8Array): boolean {
    if (this.closedWith === undefined) this.received.push(frame);
    return this.takes;
  }

  close(reason: string): void {
    if (this.closedWith !== undefined) return;
    this.closedWith = reason;
    queueMicrotask(() => this.#handlers?.closed({ kind: 'closed', reason }));
  }

  /** Delivers a frame; whatever the node throws comes out here. */
  deliver(frame: Uint8Array): void {
    if (this.closedWith === undefined) this.#handlers?.frame(frame);
  }

  say(message: Message): void {
    this.deliver(encodeMessage(message));
  }

  /** Messages of one type that the node sent. */
  messages<T extends Message['type']>(type: T): Extract<Message, { type: T }>[] {
    return this.received
      .map((frame) => decodeMessage(frame))
      .filter((message): message is Extract<Message, { type: T }> => message.type === type);
  }

  /** What the node said of itself. */
  get hello(): Hello {
    const [first] = this.messages('hello');
    if (first === undefined) throw new Error('the node has not said hello');
    return first.hello;
  }

  /** Says hello as another node that declares the same tables and holds nothing. */
  greet(node: string, changes: Partial<Hello> = {}): void {
    const tables = this.hello.tables.map((table) => {
      return { ...table, takes: undefined, held: [] as [string, number][] };
    });
    const { protocol } = this.hello;
    this.say({
      type: 'hello',
      hello: { protocol, node, session: 7, origins: [`${node}@1`], tables, ...changes },
    });
  }
}

/** A node that listens for peers of the test. */
export class NodeUnderAttack {
  readonly node: TableNode;
  /** Why operations were not taken, oldest first. */
  readonly refusals: string[] = [];
  readonly #accept: (connection: Connection) => void;
  readonly #peers: FakePeer[] = [];

  private constructor(node: TableNode, accept: (connection: Connection) => void) {
    this.node = node;
    this.#accept = accept;
    node.events.subscribe(({ code, message }) => {
      if (code === 'operations-refused') this.refusals.push(message);
    });
  }

  /** `slicing` says how long work is cut, `environment` which clock goes; left out, as outside tests. */
  static async open(
    options: NodeOptions,
    slicing?: Slicing,
    environment?: Environment,
  ): Promise<NodeUnderAttack> {
    let accept: ((connection: Connection) => void) | undefined;
    const transport: Transport = {
      name: 'fake',
      maxFrameBytes: 4 * 1024 * 1024,
      listen: async (taken) => {
        accept = taken;
        return 'ws://fake';
      },
      dial: () => Promise.reject(new Error('nobody is dialled')),
      close: async () => undefined,
    };
    const node = await openNodeOf({ listen: { port: 0 }, ...options }, { transport, slicing, environment });
    return new NodeUnderAttack(node, accept as unknown as (connection: Connection) => void);
  }

  /** A new connection, by default of one that may do everything; the node has said hello when this returns. */
  connect(rights?: Credential): FakePeer {
    const peer = new FakePeer(`peer ${this.#peers.length + 1}`, rights);
    this.#peers.push(peer);
    this.#accept(peer);
    return peer;
  }

  /** Ends every connection and closes the node, which need not wait for what nobody acknowledges. */
  async close(): Promise<void> {
    for (const peer of this.#peers) peer.close('the end');
    await new Promise((resolve) => setImmediate(resolve));
    await this.node.close();
  }
}
