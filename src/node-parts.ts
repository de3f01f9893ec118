import { join } from 'node:path';
import type { Backend } from './backends/backend.ts';
import { sqliteBackend } from './backends/sqlite/sqlite-backend.ts';
import type { NodeOptions } from './options.ts';
import type { Transport } from './transport/transport.ts';
import { webSocketTransport } from './transport/websocket/websocket.ts';

/** The database a node's options ask for: one file, named after the node. */
export function sqliteOf({
  directory,
  id,
  durability,
  failureMode,
  limits,
}: NodeOptions): Backend | undefined {
  if (directory === undefined) return undefined;
  return sqliteBackend({
    file: join(directory, `${id}.tablecast.db`),
    durability: durability ?? 'commit',
    owner: id,
    failureMode,
    limits: { maxFileBytes: limits?.maxFileBytes },
  });
}

/** The transport a node's options ask for; `warn` is told, in one line, what works but is unwise. */
export function webSocketOf({ listen, auth, limits }: NodeOptions, warn: (text: string) => void): Transport {
  const { token, ...tls } = auth ?? {};
  return webSocketTransport({
    listen,
    auth: token === undefined ? undefined : { token },
    dial: { tls },
    limits: {
      maxFrameBytes: limits?.maxFrameBytes,
      maxQueuedBytes: limits?.maxQueuedBytes,
      maxConnections: limits?.maxPeers,
    },
    onWarning: warn,
  });
}
