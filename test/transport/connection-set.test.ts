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

/** A dial whose attempt never looks at its signal. */
function dialledOver(connections: ConnectionSet, signal: AbortSignal, during: () => void) {
  const { connection } = connectionOf({ credential: undefined });
  const attempt = async (): Promise<FrameConnection> => {
    during();
    return connection;
  };
  return { connection, dialling: connections.dial(signal, attempt) };
}

test.each([
  ['aborted before it begins', (controller: AbortController) => controller.abort(), () => undefined],
  ['aborted while it runs', () => undefined, (controller: AbortController) => controller.abort()],
  [
    'under way when the transport closes',
    () => undefined,
    (_: AbortController, connections: ConnectionSet) => void connections.close(),
  ],
])('a dial %s gives no connection, whatever the attempt makes of it', async (_, before, during) => {
  const controller = new AbortController();
  const connections = new ConnectionSet();
  before(controller);
  const end = (): void => during(controller, connections);
  const { connection, dialling } = dialledOver(connections, controller.signal, end);
  await expect(dialling).rejects.toMatchObject({ code: 'PEER_UNREACHABLE', retryable: true });
  expect(connection.send(new Uint8Array(1))).toBe(false);
});

test('an abort after the dial changes nothing', async () => {
  const controller = new AbortController();
  const { connection, dialling } = dialledOver(new ConnectionSet(), controller.signal, () => undefined);
  expect(await dialling).toBe(connection);
  controller.abort();
  expect(connection.send(new Uint8Array(1))).toBe(true);
});
