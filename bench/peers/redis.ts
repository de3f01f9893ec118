import { Redis } from 'ioredis';
import { turn } from '../clock.ts';
import { KEYS } from '../data.ts';
import type { Link } from '../link-types.ts';
import { linkMeasures } from '../p05-replication.ts';
import { serve } from './servers.ts';

const STREAM = 'numbers';

/** A stream written by XADD and read by XREAD, append-only file synced each second: Redis' own advice for durability. */
function stream(): Link {
  return {
    async writer({ directory }) {
      const server = await serve(
        'redis-server',
        (port) => [
          '--port',
          String(port),
          '--bind',
          '127.0.0.1',
          '--appendonly',
          'yes',
          '--appendfsync',
          'everysec',
          '--save',
          '',
        ],
        directory,
      );
      const client = new Redis(server.port, '127.0.0.1');
      const sent = { unanswered: 0 };
      return {
        address: String(server.port),
        set: (key, value) => {
          sent.unanswered++;
          client.xadd(STREAM, '*', 'k', key, 'v', value).then(
            () => sent.unanswered--,
            () => undefined,
          );
        },
        setMany: (keys, values) => {
          sent.unanswered++;
          client.xadd(STREAM, '*', 'b', JSON.stringify([keys, values])).then(
            () => sent.unanswered--,
            () => undefined,
          );
        },
        async room() {
          while (sent.unanswered > 2000) await turn();
        },
        servers: [server.pid],
        close: () => {
          client.disconnect();
          server.stop();
        },
      };
    },
    async reader(_setting, address, told) {
      const client = new Redis(Number(address), '127.0.0.1');
      void follow(client, told);
      await client.ping().catch(() => undefined);
      return { close: () => client.disconnect() };
    },
  };
}

async function follow(client: Redis, told: (key: string, value: number) => void): Promise<void> {
  let after = '0';
  for (;;) {
    const found = await client.xread('COUNT', 1000, 'BLOCK', 10_000, 'STREAMS', STREAM, after);
    for (const [id, fields] of found?.[0]?.[1] ?? []) {
      after = id;
      if (fields[0] === 'k') told(fields[1] as string, Number(fields[3]));
      else {
        const [keys, values] = JSON.parse(fields[1] as string) as [string[], number[]];
        for (const [index, key] of keys.entries()) told(key, values[index] ?? 0);
      }
    }
  }
}

export const { bulk, latency, lateJoin, reader } = linkMeasures(
  'peers/redis',
  stream,
  (variant, { quick }) => {
    const batch = Number(variant);
    const operations = batch === 1 ? 50_000 : KEYS;
    return {
      bulk: { operations, keys: operations, batch },
      history: { operations: quick ? 300_000 : 1_000_000, keys: KEYS, batch },
    };
  },
);
