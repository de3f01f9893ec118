import { consumerOf, untilEmpty } from './consumers.ts';
import type { NatsPackages } from './packages.ts';
import type { ReadyStreams } from './streams.ts';

/** Messages are deleted so many at once. */
const AT_ONCE = 64;
/** Places are asked for so many at once: a server counts what they would owe with their bytes. */
const HEADS = 16;

type Parts = Pick<ReadyStreams, 'client' | 'manager'> & { readonly packages: NatsPackages };

/** Says which messages of a stream are to go: those under a filter, but for the last so many and those behind a place. */
export interface Going {
  readonly stream: string;
  readonly filter: string;
  readonly keep?: number;
  readonly through?: number;
}

/**
 * Deletes messages one by one, while it hears where they are: of many it remembers few. A purge under a filter would be
 * one request, but nats-server 2.9.10 takes every reader of the stream with it up to the first message that is left under
 * that filter: what stands before is then not read (nats-server#3838, again in 2.10 up to #5075).
 */
export async function letGo(parts: Parts, { stream, filter, keep = 0, through }: Going): Promise<void> {
  const found: number[] = [];
  for await (const place of placesUnder(parts, stream, filter)) {
    if (place > (through ?? Infinity)) break;
    if (found.push(place) === keep + AT_ONCE) await deleteAll(parts, stream, found.splice(0, AT_ONCE));
  }
  await deleteAll(parts, stream, found.slice(0, Math.max(0, found.length - keep)));
}

async function* placesUnder(parts: Parts, name: string, filter: string): AsyncGenerator<number> {
  const { config, cluster } = await parts.manager.streams.info(name);
  // A replica that does not lead may have other messages at the same places.
  const leader = config.num_replicas > 1 ? cluster?.leader : undefined;
  const stream = { name, leader };
  const consumer = await consumerOf(parts, stream, {
    deliver_policy: parts.packages.jetstream.DeliverPolicy.All,
    filter_subjects: filter,
    headers_only: true,
  });
  // A server has nothing to say of what is not there: it would be waited for.
  if ((await consumer.info(true)).num_pending === 0) return;
  for await (const { seq } of untilEmpty(consumer, HEADS)) yield seq;
}

async function deleteAll(parts: Parts, stream: string, places: readonly number[]): Promise<void> {
  await Promise.all(places.map((place) => deleteOne(parts, stream, place)));
}

async function deleteOne({ manager }: Parts, stream: string, place: number): Promise<void> {
  try {
    await manager.streams.deleteMessage(stream, place, false);
  } catch (error) {
    // Somebody else may have been first.
    const isThere = (await manager.streams.getMessage(stream, { seq: place })) !== null;
    if (isThere) throw error;
  }
}
