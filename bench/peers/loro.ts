import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { turn } from '../clock.ts';
import type { Measure } from '../contest.ts';
import { KEYS, keyAt, keysOf, orderOf, valueOf } from '../data.ts';
import type { Link } from '../link-types.ts';
import { measureLocal } from '../local.ts';
import { linkMeasures } from '../p05-replication.ts';
import { measureRebuild } from '../p09-rebuild.ts';

// Its Node build is CommonJS; the other one wants a bundler.
const require = createRequire(import.meta.url);
const { LoroDoc } = require('loro-crdt') as typeof import('loro-crdt');

type Doc = import('loro-crdt').LoroDoc;

function watch(doc: Doc, told: (key: string, value: number) => void): void {
  doc.subscribe((batch) => {
    for (const { diff } of batch.events) {
      if (diff.type !== 'map') continue;
      for (const [key, value] of Object.entries(diff.updated)) told(key, Number(value));
    }
  });
}

/** A map container with one subscriber; `variant` operations per commit. */
export function local(variant: string): Measure {
  return () => {
    let sum = 0;
    const batch = Number(variant);
    return measureLocal(
      () => {
        const doc = new LoroDoc();
        const map = doc.getMap('numbers');
        watch(doc, (key, value) => {
          sum += key.length + value;
        });
        let open = false;
        return {
          set: (key, value) => {
            map.set(key, value);
            if (!open) doc.commit();
          },
          transact: (write) => {
            open = true;
            write();
            open = false;
            doc.commit();
          },
          settle: turn,
        };
      },
      { keys: 20_000, tables: 1, updates: 20_000, batch },
    );
  };
}

/** Loro brings no network: its local updates over plain WebSocket messages. */
function link(): Link {
  return {
    async writer() {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
      await new Promise((resolve) => server.once('listening', resolve));
      const doc = new LoroDoc();
      const map = doc.getMap('numbers');
      doc.subscribeLocalUpdates((bytes) => {
        for (const client of server.clients) client.send(bytes);
      });
      server.on('connection', (client) => client.send(doc.export({ mode: 'snapshot' })));
      return {
        address: `ws://127.0.0.1:${(server.address() as { port: number }).port}`,
        set: (key, value) => {
          map.set(key, value);
          doc.commit();
        },
        setMany: (keys, values) => {
          for (const [index, key] of keys.entries()) map.set(key, values[index] ?? 0);
          doc.commit();
        },
        async room() {
          for (const client of server.clients) while (client.bufferedAmount > 1e6) await turn();
        },
        close: () => {
          server.close();
        },
      };
    },
    async reader(_setting, address, told) {
      const doc = new LoroDoc();
      watch(doc, told);
      const socket = new WebSocket(address);
      socket.on('message', (bytes: Buffer) => doc.import(bytes));
      await new Promise((resolve) => socket.once('open', resolve));
      return {};
    },
  };
}

export const { bulk, latency, lateJoin, reader } = linkMeasures('peers/loro', link, (variant, { quick }) => {
  const batch = Number(variant);
  const operations = batch === 1 ? 10_000 : quick ? 50_000 : KEYS;
  return {
    bulk: { operations, keys: operations, batch },
    history: { operations: quick ? 300_000 : 1_000_000, keys: KEYS, batch: 1000 },
  };
});

const OPERATIONS = 1_000_000;

export function history(variant: string): Measure {
  return async ({ directory }) => {
    const keys = keysOf(KEYS);
    const order = orderOf(OPERATIONS, KEYS);
    const doc = new LoroDoc();
    const map = doc.getMap('numbers');
    for (let at = 0; at < OPERATIONS; at++) {
      map.set(keyAt(keys, order, at), valueOf(at));
      if (at % 1000 === 999) doc.commit();
    }
    writeFileSync(
      join(directory, 'doc'),
      doc.export({ mode: variant === 'snapshot' ? 'snapshot' : 'update' }),
    );
    return {};
  };
}

/** Until a row can be read: a snapshot is laid open by the first read. */
export function rebuild(_variant: string): Measure {
  return async ({ directory }) => {
    const bytes = readFileSync(join(directory, 'doc'));
    return measureRebuild(
      () => {
        const doc = new LoroDoc();
        doc.import(bytes);
        if (doc.getMap('numbers').size !== KEYS) throw new Error('Rows are missing.');
        let sum = 0;
        for (const key of keysOf(KEYS)) sum += Number(doc.getMap('numbers').get(key));
        if (sum === 0) throw new Error('Rows are empty.');
        return doc;
      },
      { bytes: bytes.length, operations: OPERATIONS },
    );
  };
}
