import type { JetStreamClient, JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { TablecastError } from '../errors.ts';
import type { GroupNames } from './names.ts';
import type { NatsPackages } from './packages.ts';
import type { NatsOptions } from './options.ts';

/** Bounds how long a server may take to answer, in milliseconds. */
const ANSWER_MS = 5000;

/** The streams of a group, there and as they must be. */
export interface ReadyStreams {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly names: GroupNames;
  readonly info: StreamInfo;
}

/** Finds the streams of a group, or makes them. Rejects with `OPTION_INVALID` when they are not as they must be. */
export async function readyStreams(
  { jetstream }: NatsPackages,
  connection: NatsConnection,
  { options, names }: { readonly options: NatsOptions; readonly names: GroupNames },
): Promise<ReadyStreams> {
  const manager = await jetstream.jetstreamManager(connection, { timeout: ANSWER_MS });
  const { replicas: num_replicas = 1, maxBytes = -1 } = options;
  const common = {
    retention: jetstream.RetentionPolicy.Limits,
    storage: jetstream.StorageType.File,
    // What is full refuses: what is there must not leave because something else comes.
    discard: jetstream.DiscardPolicy.New,
    num_replicas,
  };
  const wanted = { ...common, name: names.stream, subjects: [`${names.prefix}.>`], max_bytes: maxBytes };
  const rows = { ...common, name: names.rows, subjects: [`${names.rowsPrefix}.>`] };
  const info = await found(manager, wanted);
  await found(manager, rows);
  requireConfig(info.config, wanted);
  return { client: jetstream.jetstream(connection, { timeout: ANSWER_MS }), manager, names, info };
}

async function found(
  manager: JetStreamManager,
  wanted: Partial<StreamConfig> & { name: string },
): Promise<StreamInfo> {
  try {
    return await manager.streams.info(wanted.name);
  } catch (error) {
    if ((error as Error).name !== 'StreamNotFoundError') throw error;
    try {
      return await manager.streams.add(wanted);
    } catch (failure) {
      // Another node may have made it meanwhile.
      return manager.streams.info(wanted.name).catch(() => {
        throw failure;
      });
    }
  }
}

/** A server that does not know an option of a stream leaves it out in silence: what it made is read back. */
function requireConfig(config: StreamConfig, wanted: Partial<StreamConfig> & { name: string }): void {
  const differing = (['retention', 'discard'] as const).filter((option) => config[option] !== wanted[option]);
  const bounded = (['max_age', 'max_msgs_per_subject'] as const).filter(
    (option) => (config[option] ?? 0) > 0,
  );
  const [subject] = wanted.subjects ?? [];
  if (subject !== undefined && !config.subjects.includes(subject)) differing.push('discard');
  const [first] = [...differing, ...bounded];
  if (first === undefined) return;
  throw new TablecastError(
    'OPTION_INVALID',
    `Stream ${wanted.name} is not made as nodes need it: ${first} is ${String(config[first])}.`,
    {
      hint: 'Let a node make the stream, or make it as docs/nats.md says; what is in the logs of the nodes is published again.',
      details: { option: 'nats' },
    },
  );
}
