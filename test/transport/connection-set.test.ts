import { expect, test } from 'vitest';
import { ConnectionSet } from '../../src/transport/connection-set.ts';
import { type Holder, FrameConnection } from '../../src/transport/frame-connection.ts';
import type { Closing } from '../../src/transport/transport.ts';

const limits = {
  maxFrameBytes: 1024,
  maxQueuedBytes: 4096,
  highWaterBytes: 1024,
  lowWaterBytes: 512,
};

function connectionOf(admitted: Holder, holder?: () => Holder | undefined) {
  const ends: string[] = [];
  const socket = {
    bufferedBytes: 0,
    send: () => undefined,
    awaitDrain: () => undefined,
    resume: () => undefined,
    pause: () => undefined,
    end: ({ reason }: Closing) => void ends.push(reason),
    cut: () => undefined,
  };
  const facts = { direction: 'accepted', remote: 'here', limits, holder, ...admitted } as const;
  return { connection: new FrameConnection(facts, socket), ends };
}

const rights = { name: 'one', nodes: ['worker-1'] };

test('a connection whose credential was replaced between being let in and being kept is ended', () => {
  const connections = new ConnectionSet();
  const { connection, ends } = connectionOf({ credential: 'one', rights }, () => undefined);
  connections.add(connection);
  expect(ends).toEqual(['its credential is gone, or gives other rights now']);
});

test.each([
  ['nobody', () => undefined, true],
  ['another holder', () => ({ credential: 'two' }), true],
  [
    'the same holder with other rights',
    () => ({ credential: 'one', rights: { ...rights, write: [] } }),
    true,
  ],
  ['the same holder with every right', () => ({ credential: 'one' }), true],
  ['the same holder with the same rights', () => ({ credential: 'one', rights: { ...rights } }), false],
])('a connection that would be that of %s now is named as it is revoked or not', (_, later, isRevoked) => {
  let now: () => Holder | undefined = () => ({ credential: 'one', rights });
  const connections = new ConnectionSet();
  const { connection } = connectionOf({ credential: 'one', rights }, () => now());
  connections.add(connection);
  expect(connections.revoked()).toEqual([]);
  now = later;
  expect(connections.revoked()).toEqual(isRevoked ? [connection] : []);
});

test('a connection that nobody named is not held by nobody', () => {
  const connections = new ConnectionSet();
  const { connection } = connectionOf({ credential: undefined }, () => undefined);
  connections.add(connection);
  expect(connections.revoked()).toEqual([connection]);
});
