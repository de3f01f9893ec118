import * as jetstream from '@nats-io/jetstream';
import * as transport from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { failureOf } from '../../src/nats/failures.ts';

it.each([
  [new transport.TimeoutError(), 'PEER_UNREACHABLE', 'JetStream does not answer'],
  [new transport.ClosedConnectionError(), 'PEER_UNREACHABLE', 'cannot be reached'],
  [new Error('permissions violation'), 'PEER_REFUSED', 'refuses this node: permissions violation'],
])('a server that %s is told as what it is', (error, code, words) => {
  const told = failureOf('nats://127.0.0.1:1/g', error, { jetstream, transport });
  expect(told).toMatchObject({ code, retryable: true, message: expect.stringContaining(words) });
});
