import * as transport from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { appendFailureOf, failureOf, questionFailureOf, wordsOf } from '../../src/nats/failures.ts';

const partsOf = (isClosed: boolean) => ({
  connection: { isClosed: () => isClosed },
});

it.each([
  [new transport.TimeoutError(), false, 'PEER_UNREACHABLE', 'JetStream does not answer'],
  [new transport.ClosedConnectionError(), true, 'PEER_UNREACHABLE', 'cannot be reached'],
  // A request that was under way ends with an error of another kind.
  [new transport.RequestError('connection closed'), true, 'PEER_UNREACHABLE', 'connection closed'],
  [new Error('permissions violation'), false, 'PEER_REFUSED', 'refuses this node: permissions violation'],
])('a server that %s, the connection closed: %s, is told as what it is', (error, isClosed, code, words) => {
  const told = failureOf('nats://127.0.0.1:1/g', error, partsOf(isClosed));
  expect(told).toMatchObject({ code, retryable: true, message: expect.stringContaining(words) });
});

it.each([
  [
    new transport.TimeoutError(),
    false,
    'PEER_UNREACHABLE',
    'nothing is acknowledged, as where a disk is full',
  ],
  [new transport.TimeoutError(), true, 'CLOSED', 'is over'],
  [
    Object.assign(new Error('maximum bytes exceeded'), { code: 10_077 }),
    false,
    'PEER_REFUSED',
    'maximum bytes exceeded',
  ],
])(
  'an append that failed for %s, the connection closed: %s, is told as what it is',
  (error, isClosed, code, words) => {
    const told = appendFailureOf('nats://127.0.0.1:1/g', error, partsOf(isClosed));
    expect(told).toMatchObject({ code, retryable: true, message: expect.stringContaining(words) });
  },
);

it('a question that was not answered is told with what was asked and what to look at, never as a timeout alone', () => {
  const told = questionFailureOf(
    'nats://127.0.0.1:1/g',
    'what is in TABLECAST_g',
    new transport.TimeoutError(),
  );
  expect(wordsOf(told)).toBe(
    'nats://127.0.0.1:1/g cannot be reached: no answer in 5 s; do most of its servers run? Asked was what is in TABLECAST_g',
  );
  expect(wordsOf(new transport.TimeoutError())).toBe('nothing was answered within 5 s');
  const other = new Error('no such stream');
  expect(questionFailureOf('nats://127.0.0.1:1/g', 'what is in TABLECAST_g', other)).toBe(other);
});
