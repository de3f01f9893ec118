import type * as JetStream from '@nats-io/jetstream';
import type * as Transport from '@nats-io/transport-node';
import { TablecastError } from '../errors.ts';

/** The two packages of NATS, which only who uses them has to have. */
export interface NatsPackages {
  readonly jetstream: typeof JetStream;
  readonly transport: typeof Transport;
}

const sources = {
  transport: () => import('@nats-io/transport-node'),
  jetstream: () => import('@nats-io/jetstream'),
};

/** Loads them; `from` is for tests. Rejects with `OPTION_INVALID`, which names what is not installed. */
export async function loadPackages(from: typeof sources = sources): Promise<NatsPackages> {
  const [transport, jetstream] = await Promise.allSettled([from.transport(), from.jetstream()]);
  if (transport.status === 'fulfilled' && jetstream.status === 'fulfilled')
    return { transport: transport.value, jetstream: jetstream.value };
  const failed = { '@nats-io/transport-node': transport, '@nats-io/jetstream': jetstream };
  const missing = Object.entries(failed).flatMap(([name, { status }]) =>
    status === 'rejected' ? [name] : [],
  );
  const [cause] = [transport, jetstream].flatMap((one) =>
    one.status === 'rejected' ? [one.reason as unknown] : [],
  );
  throw new TablecastError(
    'OPTION_INVALID',
    `NATS needs ${missing.join(' and ')}, not installed beside tablecast.`,
    { hint: `Run: npm install ${missing.join(' ')}`, details: { option: 'nats' }, cause },
  );
}
