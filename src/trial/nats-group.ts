import { randomBytes } from 'node:crypto';
import { TablecastError, isTablecastError } from '../errors.ts';
import { natsCarrier, removeGroup } from '../nats/nats-carrier.ts';
import { type NatsOptions, natsSchema } from '../nats/options.ts';
import { checkedOptions } from '../options/checked-options.ts';

/** Says how a server is reached that carries the nodes of a comparison. */
export type ComparedNats = Omit<NatsOptions, 'group'>;

/** Gives a group that nobody else has, and deletes it behind what is done with it. */
export async function withGroup<T>(nats: ComparedNats, act: (group: NatsOptions) => Promise<T>): Promise<T> {
  const group = { ...nats, group: `compare_${randomBytes(6).toString('hex')}` };
  let result: T;
  try {
    result = await act(group);
  } catch (error) {
    // What went wrong first is told: the server may be away.
    await removeGroup(group).catch(() => undefined);
    throw error;
  }
  await removeGroup(group);
  return result;
}

/** Opens a link once, so that a server that cannot be had is told of before anything runs. */
export async function requireServer(nats: ComparedNats): Promise<void> {
  await withGroup(nats, async (group) => {
    const carrier = natsCarrier(checkedOptions(natsSchema, group, { at: 'nats' }));
    try {
      await carrier.open(new AbortController().signal);
    } catch (error) {
      throw isTablecastError(error, 'PEER_UNREACHABLE') ? notThere(error) : error;
    }
    await carrier.close();
  });
}

/** A comparison has no node yet whose log would keep anything. */
function notThere({ message }: TablecastError): TablecastError {
  return new TablecastError('PEER_UNREACHABLE', message, {
    hint: 'Nothing was run. Start nats-server with JetStream (nats-server -js), or look at the address behind --nats.',
  });
}
