import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type NodeEvent, type SetTable, type TableNode, openNode } from '../../src/index.ts';
import { type Message, decodeMessage, encodeMessage } from '../../src/replication/wire/wire.ts';
import { setRun } from '../security/support.ts';
import { PATIENCE_MS } from '../support/patience.ts';

const HELLO = 1;
const TABLES = 2;
const TYPE_OF_ANOTHER_VERSION = 99;

let node: TableNode;
let events: NodeEvent[];
let seen: SetTable;

/** A program of a later version, which knows only what it was written to say; over a real socket. */
class LaterPeer {
  readonly socket: WebSocket;
  readonly received: Message[] = [];
  readonly closed: Promise<unknown>;

  constructor(address: string) {
    // A later version offers what it would rather speak first.
    this.socket = new WebSocket(address, ['tablecast.2', 'tablecast.1']);
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.on('error', () => undefined);
    this.socket.on('message', (bytes: Buffer) => this.received.push(decodeMessage(new Uint8Array(bytes))));
  }

  sayJson(type: number, body: unknown): void {
    this.socket.send(Buffer.concat([Uint8Array.of(type), Buffer.from(JSON.stringify(body))]));
  }

  greet(
    protocol: readonly [lowest: number, highest: number],
    more: Readonly<Record<string, unknown>> = {},
  ): void {
    this.sayJson(HELLO, { protocol, node: 'later', session: 7, origins: ['later@1'], tables: [], ...more });
  }

  /** The first message of a type; waits for it. */
  async heard<T extends Message['type']>(type: T): Promise<Extract<Message, { type: T }>> {
    return vi.waitFor(() => {
      const found = this.received.find((message) => message.type === type);
      if (found === undefined) throw new Error(`no ${type} was heard`);
      return found as Extract<Message, { type: T }>;
    }, PATIENCE_MS);
  }
}

async function meet(): Promise<LaterPeer> {
  node = await openNode({ id: 'today', listen: { port: 0 } });
  events = [];
  node.events.subscribe((event) => events.push(event));
  seen = node.table('seen', { key: 'string' }) as SetTable;
  const peer = new LaterPeer(node.address as string);
  await once(peer.socket, 'open');
  return peer;
}

afterEach(() => node.close());

/** A table as this node declares it, with members that nobody here has heard of. */
async function announced(peer: LaterPeer): Promise<unknown> {
  const { hello } = await peer.heard('hello');
  const [table] = hello.tables;
  return { ...table, held: [], priority: 9, shards: [{ of: 'the key' }] };
}

describe('a peer of a later version', () => {
  it('that speaks only the next protocol is told which one there is, and neither side takes anything', async () => {
    const peer = await meet();
    seen.add('here');
    peer.greet([2, 2]);
    const { code, reason } = await peer.heard('bye');
    expect(code).toBe('protocol');
    expect(reason).toBe('No common protocol version: here 1 to 1, there 2 to 2. Upgrade the older node.');
    peer.socket.send(
      encodeMessage({ type: 'runs', runs: [setRun({ table: 'seen', origin: 'later@1', keys: ['x'] })] }),
    );
    await peer.closed;
    expect([...seen]).toEqual(['here']);
    expect(peer.received.map(({ type }) => type)).not.toContain('runs');
    const said = (): boolean => events.some(({ message }) => message.includes('No common protocol version'));
    await vi.waitFor(() => expect(said()).toBe(true), PATIENCE_MS);
  });

  it('that speaks this protocol and the next settles on this one; what it says beyond is passed over', async () => {
    const peer = await meet();
    expect((await peer.heard('hello')).hello.protocol).toEqual([1, 1]);
    const table = await announced(peer);
    const news = { features: ['checkpoints.2'], compression: { level: 9 }, flags: 255 };
    peer.greet([1, 2], { tables: [table], ...news });
    peer.sayJson(TABLES, { tables: [table], reason: 'a reason of later' });
    const run = setRun({ table: 'seen', origin: 'later@1', keys: ['one', 'two'] });
    peer.socket.send(encodeMessage({ type: 'runs', runs: [run] }));
    expect((await peer.heard('ack')).operations).toBe(2);
    expect([...seen]).toEqual(['one', 'two']);
    seen.add('back');
    await peer.heard('runs');
    expect(events.map(({ code }) => code)).not.toContain('frame-refused');
    expect(events.map(({ code }) => code)).not.toContain('operations-refused');
    expect(peer.socket.readyState).toBe(WebSocket.OPEN);
    peer.socket.close();
    await peer.closed;
  });

  it('that sends a message of the next protocol after settling on this one ends its own session, and is told why', async () => {
    const peer = await meet();
    peer.greet([1, 2], { tables: [await announced(peer)] });
    peer.sayJson(TYPE_OF_ANOTHER_VERSION, { something: 'new' });
    expect((await peer.heard('bye')).code).toBe('invalid');
    await peer.closed;
    expect(events.map(({ code }) => code)).toContain('frame-refused');
    expect(seen.add('goes on').size).toBe(1);
  });

  it('that says no range of versions is refused', async () => {
    for (const protocol of [[2, 1], [1], [1, 2, 3], ['1', '2'], 1]) {
      const peer = await meet();
      peer.greet(protocol as never);
      expect((await peer.heard('bye')).code).toMatch(/invalid|protocol/);
      await peer.closed;
      await node.close();
    }
  });
});
