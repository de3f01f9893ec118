import type { Consumer, JsMsg, OrderedConsumerOptions } from '@nats-io/jetstream';
import { ANSWER_MS } from './failures.ts';
import type { ReadyStreams } from './streams.ts';

/** A server puts a consumer beside any replica: of three, one of so many is not at the leader once in a million. */
const PLACINGS = 34;

/** Names a stream, and the server of a cluster that leads it; undefined: it is kept by one server alone. */
export interface ReadStream {
  readonly name: string;
  readonly leader: string | undefined;
}

/**
 * Makes a consumer beside the replica that leads a stream. Replicas can differ, for good: what takes an append and says
 * what is the last message is the leader's, and what is read must be the same.
 */
export async function consumerOf(
  { client, manager }: Pick<ReadyStreams, 'client' | 'manager'>,
  { name: stream, leader }: ReadStream,
  options: Partial<OrderedConsumerOptions>,
): Promise<Consumer> {
  for (let count = 0; count < PLACINGS; count++) {
    const consumer = await client.consumers.get(stream, options);
    const { name, cluster } = await consumer.info(true);
    if (leader === undefined || cluster?.leader === leader) return consumer;
    await manager.consumers.delete(stream, name);
  }
  throw new Error(`no consumer of ${stream} could be had at ${leader ?? ''}`);
}

/** Gives the messages of a consumer up to the last there is. Throws when the server stops before that. */
export async function* untilEmpty(consumer: Consumer, max_messages: number): AsyncGenerator<JsMsg> {
  for (let isMore = true; isMore;) {
    isMore = false;
    const messages = await consumer.fetch({ max_messages, expires: ANSWER_MS });
    for await (const message of messages) {
      yield message;
      if (message.info.pending === 0) return;
      isMore = true;
    }
    // What is gone meanwhile is not waited for; a consumer that is gone, or says that there is more, gave not all.
    if (!isMore && (await consumer.info()).num_pending > 0)
      throw new Error('a server stopped in the middle of what was asked for');
  }
}
