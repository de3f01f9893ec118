import { Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';
import { turn } from '../clock.ts';
import { KEYS } from '../data.ts';
import type { Link } from '../link-types.ts';
import { linkMeasures } from '../p05-replication.ts';
import { serve } from './servers.ts';

const BUCKET = 'numbers';

/** JetStream's key-value store on files, watched by the reader. */
function bucket(): Link {
  return {
    async writer({ directory }) {
      const server = await serve(
        'nats-server',
        (port) => ['--addr', '127.0.0.1', '--port', String(port), '--jetstream', '--store_dir', 'store'],
        directory,
      );
      const connection = await connect({ servers: `127.0.0.1:${server.port}` });
      const kv = await new Kvm(connection).create(BUCKET, { history: 1 });
      const sent = { unanswered: 0 };
      return {
        address: `127.0.0.1:${server.port}`,
        set: (key, value) => {
          sent.unanswered++;
          kv.put(key, String(value)).then(
            () => sent.unanswered--,
            () => undefined,
          );
        },
        async room() {
          while (sent.unanswered > 2000) await turn();
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
      const kv = await new Kvm(connection).open(BUCKET);
      const entries = await kv.watch();
      void (async () => {
        for await (const entry of entries) told(entry.key, Number(entry.string()));
      })();
      return { close: () => connection.close() };
    },
  };
}

export const { bulk, latency, lateJoin, reader } = linkMeasures(
  'peers/nats',
  bucket,
  (_variant, { quick }) => ({
    bulk: { operations: quick ? 10_000 : 20_000, keys: 20_000, batch: 1 },
    // A tenth of the history: at 4,000 puts a second the whole takes minutes; what is sent to the joiner is the same.
    history: { operations: KEYS, keys: KEYS, batch: 1 },
  }),
);
