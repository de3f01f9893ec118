import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ChildBundle } from '../reliability/support/child-bundle.ts';
import { RawClient, rawFrame, upgradeRequest } from '../transport/websocket/raw-client.ts';
import { SocketPeer } from './cost/socket-peer.ts';
import { Victim } from './cost/victim.ts';

/** As in message-cost.test.ts: 50 ms, and what a busy machine adds. */
const MOST_MS = 100;
const TRIES = 4;
const SOCKETS = 30;
const MIB = 1024 * 1024;

let programs: ChildBundle;

beforeAll(async () => {
  programs = await Victim.program();
});

afterAll(() => {
  programs.remove();
});

const nothing = new Uint8Array(0);
const goodbye = rawFrame(Buffer.from([10, 123, 125]));
/** A mebibyte of frames of which a session hears nothing. */
const floods: [string, Buffer][] = [
  ['pongs', rawFrame(nothing, { opcode: 10 })],
  ['a frame of nothing in 64 fragments', fragments()],
  ['frames behind the end', Buffer.concat([goodbye, rawFrame(Uint8Array.of(8))])],
];

function fragments(): Buffer {
  const middle = Array.from({ length: 62 }, () => rawFrame(nothing, { fin: false, opcode: 0 }));
  return Buffer.concat([
    rawFrame(nothing, { fin: false }),
    ...middle,
    rawFrame(Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 0]), { opcode: 0 }),
  ]);
}

it.each(floods)('%s from many sockets of one reader stop nobody', async (_what, frame) => {
  const flood = Buffer.concat(Array.from({ length: Math.ceil(MIB / frame.length) }, () => frame));
  let least = Infinity;
  for (let tries = 0; tries < TRIES && least > MOST_MS / 2; tries++)
    least = Math.min(least, await damage(flood));
  expect(least).toBeLessThan(MOST_MS);
});

/** The longest turn of a node of which all sockets of a reader send the same, in milliseconds. */
async function damage(flood: Buffer): Promise<number> {
  const credentials = [{ name: 'reader', token: 'reader', nodes: ['*'], write: [] }];
  const victim = await Victim.start(programs, { tables: 1, credentials });
  const port = Number(new URL(victim.address).port);
  const clients = Array.from({ length: SOCKETS }, () => new RawClient(port));
  try {
    for (const client of clients) client.socket.write(upgradeRequest({ Authorization: 'Bearer reader' }));
    for (const client of clients) expect(await client.status()).toBe(101);
    await victim.report();
    const written = clients.map(async ({ socket }) => {
      if (!socket.write(flood)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    });
    await Promise.allSettled(written);
    // Whoever comes meanwhile is answered.
    const honest = await SocketPeer.connect(victim.address, 'reader');
    await honest.greet('honest');
    await honest.settled();
    honest.close();
    return (await victim.report()).longestMs;
  } finally {
    for (const { socket } of clients) socket.destroy();
    await victim.stop();
  }
}
