import { mkdirSync } from 'node:fs';
import { type PubAck, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, connect } from '@nats-io/transport-node';
import { filter, firstValueFrom } from 'rxjs';
import { compileEarly } from '../src/cli/early-compilation.ts';
import { turn } from './clock.ts';
import type { Link } from './link-types.ts';
import { type Served, serve } from './peers/servers.ts';
import { declare, product } from './product.ts';

const STREAM = 'numbers';
/** Messages that are not acknowledged: what a program that does not wait for each allows itself. */
const MOST_UNDER_WAY = 64;
const BYTES_PER_OPERATION = 32;

/** Starts a server with JetStream on files. */
function natsServer(directory: string): Promise<Served> {
  return serve(
    'nats-server',
    (port) => ['--addr', '127.0.0.1', '--port', String(port), '--jetstream', '--store_dir', 'store'],
    directory,
  );
}

/** Says what a bare program does as every node at a carrier has to. */
interface AsNode {
  /** Who writes reads everything as well, its own messages among them. */
  readonly readsBack?: boolean;
  /** Each message names itself and the one that it follows: for who waits for each. */
  readonly isChecked?: boolean;
}

/** Rows in a Map and JetStream messages with so many operations each: what a carrier cannot do without. */
export function bareStream(perMessage: number, { readsBack, isChecked }: AsNode = {}): Link {
  return {
    async writer({ directory }) {
      const server = await natsServer(directory);
      const connection = await connect({ servers: `127.0.0.1:${server.port}` });
      const manager = await jetstreamManager(connection);
      await manager.streams.add({ name: STREAM, subjects: [`${STREAM}.>`] });
      const client = jetstream(connection);
      const rows = new Map<string, number>();
      const bytes = Buffer.alloc(perMessage * BYTES_PER_OPERATION);
      const sent = { underWay: 0, used: 0, count: 0, last: 0 };
      if (readsBack === true) await readAll(connection);
      const acknowledged = async (answer: Promise<PubAck>): Promise<void> => {
        const { seq } = await answer;
        sent.underWay--;
        sent.last = seq;
      };
      const send = (): void => {
        if (sent.count === 0) return;
        sent.underWay++;
        const message = Uint8Array.from(bytes.subarray(0, sent.used));
        sent.used = sent.count = 0;
        const { last } = sent;
        const checked = { msgID: `bench.${last}`, expect: { lastSubjectSequence: last } };
        void acknowledged(client.publish(`${STREAM}.a`, message, isChecked === true ? checked : {}));
      };
      return {
        address: `127.0.0.1:${server.port}`,
        set: (key, value) => {
          rows.set(key, value);
          bytes[sent.used] = key.length;
          bytes.write(key, sent.used + 1, 'latin1');
          sent.used = bytes.writeDoubleLE(value, sent.used + 1 + key.length);
          if (++sent.count >= perMessage) send();
        },
        async room() {
          send();
          while (sent.underWay > MOST_UNDER_WAY) await turn();
        },
        servers: [server.pid],
        close: async () => {
          await connection.close();
          server.stop();
        },
      };
    },
    async reader(_setting, address, told) {
      const connection = await connect({ servers: address });
      const consumer = await jetstream(connection).consumers.get(STREAM);
      const messages = await consumer.consume();
      const rows = new Map<string, number>();
      void (async () => {
        for await (const { data } of messages) {
          const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
          for (let at = 0; at < bytes.length;) {
            const end = at + 1 + (bytes[at] as number);
            const [key, value] = [bytes.toString('latin1', at + 1, end), bytes.readDoubleLE(end)];
            at = end + 8;
            rows.set(key, value);
            told(key, value);
          }
        }
      })();
      return { close: () => connection.close() };
    },
  };
}

/** Reads a stream from its beginning, and leaves it at that. */
async function readAll(connection: NatsConnection): Promise<void> {
  const consumer = await jetstream(connection).consumers.get(STREAM);
  const messages = await consumer.consume();
  void (async () => {
    for await (const { seq } of messages) if (seq < 0) break;
  })();
}

/** Nodes that share nothing but a server; every write a single set(). */
export function carriedLink(backend: 'memory' | 'sqlite', early = false): Link {
  const open = async (id: string, directory: string, servers: string) => {
    const { openNode } = await product();
    if (early) compileEarly();
    mkdirSync(directory, { recursive: true });
    const nats = { servers, group: 'bench' };
    const node = await openNode({ id, directory, durability: 'interval', nats });
    const table = declare(node, 'numbers', { backend });
    await firstValueFrom(node.peers.pipe(filter(([peer]) => peer?.state === 'connected')));
    return { node, table };
  };
  return {
    prepare: product,
    async writer({ directory }) {
      const server = await natsServer(directory);
      const address = `nats://127.0.0.1:${server.port}`;
      const { node, table } = await open('writer', directory, address);
      return {
        address,
        set: (key, value) => {
          table.set(key, value);
        },
        servers: [server.pid],
        close: async () => {
          await node.close();
          server.stop();
        },
      };
    },
    async reader({ directory }, address, told) {
      const { node, table } = await open('reader', directory, address);
      table.changes.subscribe((change) => told(change.key, change.value as number));
      return { close: () => node.close() };
    },
  };
}

/** Opens a server, one node that writes and others that read, all in this process. */
export async function carriedNodes(directory: string, readers: number) {
  const { openNode } = await product();
  const server = await natsServer(directory);
  const nats = { servers: `nats://127.0.0.1:${server.port}`, group: 'bench' };
  const ids = Array.from({ length: readers + 1 }, (_, index) => `n${index}`);
  const nodes = await Promise.all(ids.map((id) => openNode({ id, nats })));
  const tables = nodes.map((node) => declare(node, 'numbers'));
  for (const node of nodes)
    await firstValueFrom(node.peers.pipe(filter(([peer]) => peer?.state === 'connected')));
  const close = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.close()));
    server.stop();
  };
  return { tables, close };
}
