import type { JetStreamClient, JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { TablecastError } from '../errors.ts';
import { ANSWER_MS } from './failures.ts';
import type { GroupNames } from './names.ts';
import type { NatsPackages } from './packages.ts';
import type { NatsOptions } from './options.ts';

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
    max_bytes: maxBytes,
  };
  const wanted = { ...common, name: names.stream, subjects: [`${names.prefix}.>`] satisfies [string] };
  const rows = { ...common, name: names.rows, subjects: [`${names.rowsPrefix}.>`] satisfies [string] };
  const info = await found(manager, wanted);
  requireConfig(info.config, wanted);
  requireConfig((await found(manager, rows)).config, rows);
  return { client: jetstream.jetstream(connection, { timeout: ANSWER_MS }), manager, names, info };
}

/** Asks of a stream what nodes need of it. */
type Wanted = Pick<StreamConfig, 'retention' | 'discard'> & {
  readonly name: string;
  readonly subjects: [string];
};

async function found(manager: JetStreamManager, wanted: Wanted): Promise<StreamInfo> {
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

/** Requires what a stream must be: a server that does not know an option leaves it out in silence, and operators make streams. */
function requireConfig(
  config: StreamConfig,
  { name, subjects: [subject], retention, discard }: Wanted,
): void {
  const fault =
    unlike('retention', config.retention, retention) ??
    unlike('discard', config.discard, discard) ??
    unlike('subjects', config.subjects.join(', '), subject) ??
    unlike('max_age', config.max_age || 0, 0) ??
    unlike('max_msgs_per_subject', Math.max(0, config.max_msgs_per_subject), 0) ??
    unlike('sealed', config.sealed || false, false) ??
    unlike('deny_purge', config.deny_purge || false, false);
  if (fault === undefined) return;
  throw new TablecastError('OPTION_INVALID', `Stream ${name} is not made as nodes need it: ${fault}.`, {
    hint: 'Delete it and let a node make it, or change it as docs/nats.md says; what is in the logs of the nodes is published again.',
    details: { option: 'nats' },
  });
}

function unlike(
  option: string,
  is: string | number | boolean,
  wanted: string | number | boolean,
): string | undefined {
  return is === wanted ? undefined : `${option} is ${String(is)}, and must be ${String(wanted)}`;
}
