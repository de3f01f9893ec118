import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { turn } from '../clock.ts';
import type { Measure } from '../contest.ts';
import { KEYS, keyAt, keysOf, orderOf, valueOf } from '../data.ts';
import { type DurableStore, measureDurable } from '../durable.ts';
import type { Link } from '../link-types.ts';
import { measureLocal } from '../local.ts';
import { linkMeasures } from '../p05-replication.ts';
import { measureRebuild } from '../p09-rebuild.ts';

// One instance of Yjs: the server part of y-websocket is CommonJS.
const require = createRequire(import.meta.url);
const Y = require('yjs') as typeof import('yjs');

type Numbers = import('yjs').Map<number>;

function watch(map: Numbers, told: (key: string, value: number) => void): void {
  map.observe((event) => {
    for (const key of event.keysChanged as Set<string>) told(key, map.get(key) as number);
  });
}

/** Y.Map with one observer; `variant` operations per transaction. */
export function local(variant: string): Measure {
  return ({ quick }) => {
    let sum = 0;
    const scale = quick ? 0.5 : 1;
    return measureLocal(
      () => {
        const doc = new Y.Doc();
        const map = doc.getMap<number>('numbers');
        watch(map, (key, value) => {
          sum += key.length + value;
        });
        return {
          set: (key, value) => {
            map.set(key, value);
          },
          transact: (write) => doc.transact(write),
        };
      },
      { keys: 50_000 * scale, tables: 1, updates: 50_000 * scale, batch: Number(variant) },
    );
  };
}

/** Y.Doc whose updates go to y-leveldb; `variant` operations per transaction, 1,000 in flight. */
export function durable(variant: string): Measure {
  return ({ directory, quick }) => {
    const operations = variant === '1' ? 10_000 : quick ? 50_000 : 100_000;
    return measureDurable((folder) => leveldb(folder, variant === '1'), directory, {
      operations,
      keys: operations,
      batch: 1000,
    });
  };
}

function leveldb(directory: string, single: boolean): DurableStore {
  const { LeveldbPersistence } = require('y-leveldb') as {
    LeveldbPersistence: new (folder: string) => Leveldb;
  };
  const store = new LeveldbPersistence(directory);
  const doc = new Y.Doc();
  const map = doc.getMap<number>('numbers');
  watch(map, () => undefined);
  let storing: Promise<unknown>[] = [];
  let waiting: [string, number][] = [];
  doc.on('update', (update: Uint8Array) => storing.push(store.storeUpdate('doc', update)));
  return {
    set(key, value) {
      if (single) map.set(key, value);
      else waiting.push([key, value]);
    },
    async commit() {
      doc.transact(() => {
        for (const [key, value] of waiting) map.set(key, value);
      });
      waiting = [];
      const all = storing;
      storing = [];
      await Promise.all(all);
    },
    close: () => store.destroy(),
  };
}

/** The part of y-leveldb that is used; it has types, but does not publish them. */
interface Leveldb {
  storeUpdate(name: string, update: Uint8Array): Promise<unknown>;
  destroy(): Promise<void>;
}

/** y-websocket's own server in the writer's process, its provider in the reader's. */
function websocket(): Link {
  return {
    async writer() {
      const { setupWSConnection, getYDoc } = require('y-websocket/bin/utils') as {
        setupWSConnection: (socket: WebSocket, request: unknown) => void;
        getYDoc: (name: string) => import('yjs').Doc;
      };
      const http = createServer();
      const server = new WebSocketServer({ server: http });
      server.on('connection', setupWSConnection);
      await new Promise<void>((resolve) => {
        http.listen(0, '127.0.0.1', resolve);
      });
      const doc = getYDoc('numbers');
      const map = doc.getMap<number>('numbers');
      return {
        address: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
        set: (key, value) => {
          map.set(key, value);
        },
        setMany: (keys, values) => {
          doc.transact(() => {
            for (const [index, key] of keys.entries()) map.set(key, values[index] ?? 0);
          });
        },
        async room() {
          for (const client of server.clients) while (client.bufferedAmount > 1e6) await turn();
        },
        close: () => {
          http.close();
        },
      };
    },
    async reader(_setting, address, told) {
      const { WebsocketProvider } = require('y-websocket') as typeof import('y-websocket');
      const doc = new Y.Doc();
      watch(doc.getMap<number>('numbers'), told);
      const provider = new WebsocketProvider(address, 'numbers', doc, {
        WebSocketPolyfill: WebSocket as never,
        disableBc: true,
      });
      await new Promise((resolve) => provider.once('sync', resolve));
      return {};
    },
    prepare: async () => require('y-websocket') as unknown,
  };
}

export const { bulk, latency, lateJoin, reader } = linkMeasures(
  'peers/yjs',
  websocket,
  (variant, { quick }) => {
    const batch = Number(variant);
    const operations = batch === 1 ? 20_000 : quick ? 50_000 : KEYS;
    return {
      bulk: { operations, keys: operations, batch },
      history: { operations: quick ? 300_000 : 1_000_000, keys: KEYS, batch: 1000 },
    };
  },
);

/** A million operations in transactions of 1,000, kept in Yjs' smaller format. */
export function history(): Measure {
  return async ({ directory }) => {
    const doc = new Y.Doc();
    const map = doc.getMap<number>('numbers');
    const keys = keysOf(KEYS);
    const order = orderOf(1_000_000, KEYS);
    for (let from = 0; from < 1_000_000; from += 1000) {
      doc.transact(() => {
        for (let at = from; at < from + 1000; at++) map.set(keyAt(keys, order, at), valueOf(at));
      });
    }
    writeFileSync(join(directory, 'doc'), Y.encodeStateAsUpdateV2(doc));
    return {};
  };
}

export function rebuild(): Measure {
  return async ({ directory }) => {
    const bytes = readFileSync(join(directory, 'doc'));
    return measureRebuild(
      () => {
        const doc = new Y.Doc();
        Y.applyUpdateV2(doc, bytes);
        if (doc.getMap('numbers').size !== KEYS) throw new Error('Rows are missing.');
        return doc;
      },
      { bytes: bytes.length, operations: 1_000_000 },
    );
  };
}
