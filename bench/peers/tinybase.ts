import { WebSocket, WebSocketServer } from 'ws';
import { createMergeableStore, createStore } from 'tinybase';
import { createWsServer } from 'tinybase/synchronizers/synchronizer-ws-server';
import { createWsSynchronizer } from 'tinybase/synchronizers/synchronizer-ws-client';
import type { Measure } from '../contest.ts';
import type { Link } from '../link-types.ts';
import { measureLocal } from '../local.ts';
import { linkMeasures } from '../p05-replication.ts';

/** A table with one cell per row and one cell listener. */
export function local(variant: string): Measure {
  return ({ quick }) => {
    let sum = 0;
    const keys = quick ? 10_000 : 30_000;
    return measureLocal(
      () => {
        const store = createStore();
        store.addCellListener('numbers', null, 'v', (...[, , row, , value]) => {
          sum += row.length + (value as number);
        });
        return {
          set: (key, value) => {
            store.setCell('numbers', key, 'v', value);
          },
          transact: (write) => {
            store.transaction(write);
          },
        };
      },
      { keys, tables: 1, updates: keys, batch: Number(variant) },
    );
  };
}

/** Two mergeable stores through TinyBase's own WebSocket server, which runs in the writer's process. */
function link(): Link {
  const join = async (address: string): Promise<ReturnType<typeof createMergeableStore>> => {
    const store = createMergeableStore();
    const synchronizer = await createWsSynchronizer(store, new WebSocket(`${address}/numbers`));
    await synchronizer.startSync();
    return store;
  };
  return {
    async writer() {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
      await new Promise((resolve) => server.once('listening', resolve));
      const relay = createWsServer(server);
      const address = `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
      const store = await join(address);
      return {
        address,
        set: (key, value) => {
          store.setCell('numbers', key, 'v', value);
        },
        setMany: (keys, values) => {
          store.transaction(() => {
            for (const [index, key] of keys.entries()) store.setCell('numbers', key, 'v', values[index] ?? 0);
          });
        },
        close: () => relay.destroy(),
      };
    },
    async reader(_setting, address, told) {
      const store = await join(address);
      store.addCellListener('numbers', null, 'v', (...[, , row, , value]) => {
        told(row, value as number);
      });
      return {};
    },
  };
}

export const { bulk, latency, reader } = linkMeasures('peers/tinybase', link, (variant) => {
  const batch = Number(variant);
  const operations = batch === 1 ? 3000 : 20_000;
  return {
    bulk: { operations, keys: operations, batch },
    history: { operations: 20_000, keys: 20_000, batch: 1000 },
  };
});
