import type * as JetStream from '@nats-io/jetstream';
import type * as Transport from '@nats-io/transport-node';

/** The two packages of NATS, which only who uses them has to have. */
export interface NatsPackages {
  readonly jetstream: typeof JetStream;
  readonly transport: typeof Transport;
}
