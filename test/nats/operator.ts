import { jetstreamManager } from '@nats-io/jetstream';
import { type ConnectionOptions, connect } from '@nats-io/transport-node';
import type { NatsServer } from './server.ts';

type Manager = Awaited<ReturnType<typeof jetstreamManager>>;

/** What a server keeps is looked at, or taken away, as an operator does. */
export async function asOperator<T>(
  server: NatsServer,
  act: (manager: Manager) => Promise<T>,
  options: ConnectionOptions = {},
): Promise<T> {
  const connection = await connect({ servers: server.url, ...options });
  try {
    return await act(await jetstreamManager(connection));
  } finally {
    await connection.close();
  }
}

/** Resolves once a stream holds a message under a subject of a group. */
export async function stored(
  server: NatsServer,
  { group = 'g', subject }: { readonly group?: string; readonly subject: string },
  options: ConnectionOptions = {},
): Promise<void> {
  const filter = { subjects_filter: `tablecast.${group}.${subject}` };
  await asOperator(
    server,
    async (manager) => {
      for (;;) {
        const { state } = await manager.streams.info(`TABLECAST_${group}`, filter);
        if (Object.keys(state.subjects ?? {}).length > 0) return;
      }
    },
    options,
  );
}
