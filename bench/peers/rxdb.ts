import { WebSocket } from 'ws';
import { type RxCollection, type RxDatabase, createRxDatabase } from 'rxdb/plugins/core';
import { getRxStorageMemory } from 'rxdb/plugins/storage-memory';
import { replicateWithWebsocketServer, startWebsocketServer } from 'rxdb/plugins/replication-websocket';
import type { Measure } from '../contest.ts';
import type { Link } from '../link-types.ts';
import { measureLocal } from '../local.ts';
import { linkMeasures } from '../p05-replication.ts';

interface Row {
  readonly id: string;
  readonly v: number;
}

const schema = {
  version: 0,
  primaryKey: 'id',
  type: 'object',
  properties: { id: { type: 'string', maxLength: 16 }, v: { type: 'number' } },
  required: ['id', 'v'],
} as const;

let opened = 0;

async function collection(): Promise<{
  numbers: RxCollection<Row>;
  database: RxDatabase;
}> {
  const database = await createRxDatabase({
    name: `numbers${process.pid}n${opened++}`,
    storage: getRxStorageMemory(),
    multiInstance: false,
  });
  const { numbers } = await database.addCollections({ numbers: { schema } });
  return { numbers, database };
}

/** A collection in memory with one subscriber of its change stream; one upsert at a time. */
export function local(_variant: string): Measure {
  return () => {
    let sum = 0;
    return measureLocal(
      async () => {
        const { numbers } = await collection();
        numbers.$.subscribe((event) => {
          sum += event.documentId.length + (event.documentData as unknown as Row).v;
        });
        return {
          set: async (id, v) => {
            await numbers.incrementalUpsert({ id, v });
          },
        };
      },
      { keys: 2000, tables: 1, updates: 2000, batch: 1 },
    );
  };
}

/** RxDB's WebSocket replication, server in the writer's process. */
function link(): Link {
  return {
    async writer() {
      const { numbers, database } = await collection();
      const port = 20_000 + (process.pid % 20_000);
      startWebsocketServer({ database, port, host: '127.0.0.1' });
      return {
        address: `ws://127.0.0.1:${port}`,
        set: async (id, v) => {
          await numbers.incrementalUpsert({ id, v });
        },
        setMany: async (ids, values) => {
          await numbers.bulkUpsert(ids.map((id, index) => ({ id, v: values[index] ?? 0 })));
        },
        close: () => undefined,
      };
    },
    async reader(_setting, address, told) {
      (globalThis as { WebSocket?: unknown }).WebSocket ??= WebSocket;
      const { numbers } = await collection();
      numbers.$.subscribe((event) => told(event.documentId, (event.documentData as unknown as Row).v));
      const replication = await replicateWithWebsocketServer({
        collection: numbers,
        url: address,
        replicationIdentifier: 'numbers',
        live: true,
      });
      await replication.awaitInitialReplication();
      return {};
    },
  };
}

export const { bulk, latency, reader } = linkMeasures('peers/rxdb', link, (variant) => {
  const batch = Number(variant);
  const operations = batch === 1 ? 2000 : 20_000;
  return {
    bulk: { operations, keys: operations, batch },
    history: { operations: 20_000, keys: 20_000, batch: 1000 },
  };
});
