import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { NodeEvent, TableNode } from '../../src/index.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { type InProcessNetwork, inProcessNetwork } from '../../src/transport/in-process.ts';
import type { Connection, Transport } from '../../src/transport/transport.ts';
import { temporaryDirectory } from '../backends/support/places.ts';
import { NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { PATIENCE_MS } from '../support/patience.ts';

const fixtures = fileURLToPath(new URL('../fixtures/formats/', import.meta.url));
const releases = readdirSync(fixtures, { withFileTypes: true }).filter((entry) => entry.isDirectory());

const counts = { key: 'string', value: 'count', backend: 'memory' } as const;

describe.each(releases.map(({ name }) => name))('a node of release %s', (release) => {
  const recorded = JSON.parse(readFileSync(join(fixtures, release, 'frames.json'), 'utf8')) as {
    rows: Record<string, [string, unknown][]>;
    frames: string[];
  };
  const frames = recorded.frames.map((frame) => new Uint8Array(Buffer.from(frame, 'base64')));

  it('is understood today: its greeting, operations and checkpoint, and what conflicts with them', async () => {
    const under = await NodeUnderAttack.open({ id: 'reader' });
    const { node } = under;
    const seen = node.table('seen', counts);
    const busy = node.table('busy', counts);
    const words = node.table('words', { key: 'string', value: 'string', backend: 'memory', mode: 'lww' });
    const conflicts: unknown[] = [];
    seen.conflicts.subscribe((conflict) => conflicts.push(conflict));
    seen.set('key 7', 70);
    const peer = under.connect();
    for (const frame of frames) {
      peer.deliver(frame);
      await setTimeout(1);
    }
    await vi.waitFor(() => expect(seen.get('later')).toBe(1), PATIENCE_MS);
    expect(peer.closedWith).toBeUndefined();
    expect(new Map(seen)).toEqual(new Map(recorded.rows['seen']));
    expect(new Map(busy)).toEqual(new Map(recorded.rows['busy']));
    expect([...words]).toEqual(recorded.rows['words']);
    expect(conflicts).toMatchObject([{ key: 'key 7', kept: { value: 7 }, lost: { value: 70 } }]);
    expect(peer.messages('ack').length).toBeGreaterThan(0);
    await under.close();
  });
});

/** How another version greets: the protocol versions it speaks, and members this one has not heard of. */
interface Greeting {
  readonly protocol: readonly [lowest: number, highest: number];
  readonly news?: Readonly<Record<string, unknown>>;
}

const HELLO = 1;

/** What a node sends as hello, as another version would have sent it. */
function asVersion(inner: Transport, { protocol, news }: Greeting): Transport {
  const rewrite = (frame: Uint8Array): Uint8Array => {
    if (frame[0] !== HELLO) return frame;
    const hello: unknown = JSON.parse(Buffer.from(frame.subarray(1)).toString());
    return Buffer.concat([
      Uint8Array.of(HELLO),
      Buffer.from(JSON.stringify({ ...(hello as object), protocol, ...news })),
    ]);
  };
  const wrap = (connection: Connection): Connection =>
    new Proxy(connection, {
      get(target, member) {
        if (member === 'send') return (frame: Uint8Array) => target.send(rewrite(frame));
        const value: unknown = Reflect.get(target, member, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  return new Proxy(inner, {
    get(target, member) {
      if (member === 'listen')
        return (accept: (connection: Connection) => void) => target.listen((one) => accept(wrap(one)));
      if (member === 'dial')
        return async (...given: Parameters<Transport['dial']>) => wrap(await target.dial(...given));
      const value: unknown = Reflect.get(target, member, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const THIS: Greeting = { protocol: [1, 1] };
const NEXT: Greeting = { protocol: [1, 2], news: { features: ['something new'], build: { commit: 'abc' } } };

describe('nodes of two versions', () => {
  const scratch = temporaryDirectory();
  let nodes: (TableNode | undefined)[] = [];
  let network: InProcessNetwork;

  afterEach(async () => {
    await Promise.all(nodes.map((node) => node?.close() ?? Promise.resolve()));
    nodes = [];
  });

  async function open(index: number, greeting: Greeting, events: NodeEvent[] = []): Promise<TableNode> {
    const id = `node-${index}`;
    const peers = [0, 1, 2].filter((other) => other !== index).map((other) => `ws://node-${other}`);
    const transport = asVersion(network.transport(`ws://${id}`), greeting);
    const directory = join(scratch.path, id);
    const node = await openNodeOf({ id, directory, listen: { port: 0 }, peers }, { transport });
    node.events.subscribe((event) => events.push(event));
    nodes[index] = node;
    return node;
  }

  const durable = { ...counts, backend: 'sqlite' } as const;

  it('are a cluster while it is upgraded node by node, and nothing written meanwhile is lost', async () => {
    network = inProcessNetwork();
    for (const index of [0, 1, 2]) await open(index, THIS);
    const tables = () => nodes.map((node) => node?.table('upgraded', durable));
    tables();
    let written = 0;
    const write = async (count: number): Promise<void> => {
      for (let rounds = 0; rounds < count; rounds++) {
        for (const [index, table] of tables().entries()) table?.set(`${index} ${written}`, written);
        written++;
        if (rounds % 10 === 0) await setTimeout(1);
      }
    };
    await write(50);
    const expected = new Set<string>();
    const note = (from: number, present: readonly number[]) => {
      for (let number = from; number < written; number++)
        for (const index of present) expected.add(`${index} ${number}`);
    };
    note(0, [0, 1, 2]);
    for (const index of [0, 1, 2]) {
      await nodes[index]?.close();
      nodes[index] = undefined;
      const from = written;
      await write(50);
      note(
        from,
        [0, 1, 2].filter((other) => other !== index),
      );
      await open(index, NEXT);
      const again = written;
      await write(50);
      note(again, [0, 1, 2]);
    }
    await vi.waitFor(
      () => {
        for (const table of tables()) expect(new Set(table?.keys())).toEqual(expected);
      },
      { timeout: PATIENCE_MS, interval: 50 },
    );
  });

  it.each([
    [{ protocol: [2, 3] }, '2 to 3'],
    [{ protocol: [0, 0] }, '0 to 0'],
  ] as const)(
    'that have no protocol in common refuse each other and say which they speak',
    async (other, theirs) => {
      network = inProcessNetwork();
      const events: NodeEvent[] = [];
      const node = await open(0, THIS, events);
      await open(1, other);
      const table = node.table('refused', counts);
      table.set('a', 1);
      await vi.waitFor(() => {
        const messages = events.map(({ message }) => message).join('\n');
        expect(messages).toContain('No common protocol version');
        expect(messages).toContain(theirs);
      }, PATIENCE_MS);
      expect(nodes[1]?.table('refused', counts).size).toBe(0);
    },
  );
});
