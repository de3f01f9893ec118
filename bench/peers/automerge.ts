import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as A from '@automerge/automerge';
import { type AutomergeUrl, type DocHandle, Repo } from '@automerge/automerge-repo';
import { WebSocketClientAdapter, WebSocketServerAdapter } from '@automerge/automerge-repo-network-websocket';
import { WebSocketServer } from 'ws';
import type { Measure } from '../contest.ts';
import { KEYS, keyAt, keysOf, orderOf, valueOf } from '../data.ts';
import type { Link } from '../link-types.ts';
import { measureLocal } from '../local.ts';
import { linkMeasures } from '../p05-replication.ts';
import { measureRebuild } from '../p09-rebuild.ts';

type Numbers = Record<string, number>;

/** A document of one level, changed `variant` operations at a time, with a patch callback. */
export function local(variant: string): Measure {
  return () => {
    let sum = 0;
    const load = variant === '1' ? { keys: 1000, updates: 1000 } : { keys: 20_000, updates: 20_000 };
    const patchCallback: A.PatchCallback<Numbers> = (patches) => {
      for (const patch of patches) if (patch.action === 'put') sum += Number(patch.value);
    };
    return measureLocal(
      () => {
        let doc = A.init<Numbers>();
        let open: Numbers | undefined;
        const change = (write: (numbers: Numbers) => void): void => {
          doc = A.change(doc, { patchCallback }, write);
        };
        return {
          set: (key, value) => {
            if (open !== undefined) open[key] = value;
            else
              change((numbers) => {
                numbers[key] = value;
              });
          },
          transact: (write) => {
            change((numbers) => {
              open = numbers;
              write();
              open = undefined;
            });
          },
        };
      },
      { ...load, tables: 1, batch: Number(variant) },
    );
  };
}

/** automerge-repo with its WebSocket adapters, as its authors set it up. */
function repo(): Link {
  return {
    async writer() {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
      await new Promise((resolve) => server.once('listening', resolve));
      // The adapter has types of its own for what ws gives.
      const given = server as never;
      const repository = new Repo({
        network: [new WebSocketServerAdapter(given)],
        sharePolicy: async () => true,
      });
      const handle = repository.create<Numbers>({});
      const port = (server.address() as { port: number }).port;
      return {
        address: `ws://127.0.0.1:${port} ${handle.url}`,
        set: (key, value) => {
          handle.change((numbers) => {
            numbers[key] = value;
          });
        },
        setMany: (keys, values) => {
          handle.change((numbers) => {
            for (const [index, key] of keys.entries()) numbers[key] = values[index] ?? 0;
          });
        },
        close: () => {
          server.close();
        },
      };
    },
    async reader(_setting, address, told) {
      const [url = '', document = ''] = address.split(' ');
      const documentUrl = document as AutomergeUrl;
      const repository = new Repo({ network: [new WebSocketClientAdapter(url)] });
      const handle: DocHandle<Numbers> = await repository.find(documentUrl);
      handle.on('change', ({ patches }) => {
        for (const patch of patches)
          if (patch.action === 'put') told(String(patch.path[0]), Number(patch.value));
      });
      return {};
    },
  };
}

export const { bulk, latency, reader } = linkMeasures('peers/automerge', repo, (variant) => {
  const batch = Number(variant);
  const operations = batch === 1 ? 500 : 20_000;
  return {
    bulk: { operations, keys: operations, batch },
    history: { operations: 20_000, keys: 20_000, batch: 1000 },
  };
});

/** A tenth of the history of the others, over a tenth of the keys: the whole takes minutes to write. */
const OPERATIONS = 1_000_000;

export function history(): Measure {
  return async ({ directory }) => {
    const keys = keysOf(KEYS);
    const order = orderOf(OPERATIONS, KEYS);
    let doc = A.init<Numbers>();
    for (let from = 0; from < OPERATIONS; from += 20_000) {
      doc = A.change(doc, (numbers) => {
        for (let at = from; at < from + 20_000; at++) numbers[keyAt(keys, order, at)] = valueOf(at);
      });
    }
    writeFileSync(join(directory, 'doc'), A.save(doc));
    return {};
  };
}

export function rebuild(): Measure {
  return async ({ directory }) => {
    const bytes = readFileSync(join(directory, 'doc'));
    return measureRebuild(() => A.load<Numbers>(bytes), { bytes: bytes.length, operations: OPERATIONS });
  };
}
