import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Place, placeFor, withoutPort } from '../../src/access/fair-share.ts';
import { type TableNode, openNode } from '../../src/index.ts';
import { SocketPeer } from './cost/socket-peer.ts';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const credentials = [
  { name: 'reader', token: 'reader', nodes: ['reader*'], write: [] },
  { name: 'worker', token: 'worker', nodes: ['worker*'] },
];

async function hub(): Promise<TableNode> {
  const node = await openNode({ id: 'hub', listen: { port: 0 }, auth: { credentials } });
  closing.push(() => node.close());
  return node;
}

async function silentPeers(node: TableNode, count: number): Promise<SocketPeer[]> {
  const peers = await Promise.all(
    Array.from({ length: count }, () => SocketPeer.connect(node.address as string, 'reader')),
  );
  closing.push(() => peers.forEach((peer) => peer.close()));
  return peers;
}

/** Joins as an honest node would. */
async function join(node: TableNode, token: string, id: string): Promise<SocketPeer> {
  const peer = await SocketPeer.connect(node.address as string, token);
  closing.push(() => peer.close());
  await peer.greet(id);
  await peer.settled();
  return peer;
}

describe('a listener', () => {
  it('lets an honest node in while sockets without a credential take every handshake there may be', async () => {
    const node = await hub();
    const { port, hostname } = new URL(node.address as string);
    const sockets: Socket[] = [];
    for (let count = 0; count < 40; count++) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      sockets.push(socket);
    }
    closing.push(() => sockets.forEach((socket) => socket.destroy()));
    const peer = await join(node, 'worker', 'worker-1');
    expect(peer.isOpen).toBe(true);
  });

  it('lets an honest node in while silent ones with the credential of another take every connection', async () => {
    const node = await hub();
    await silentPeers(node, 64);
    const peer = await join(node, 'worker', 'worker-1');
    expect(peer.isOpen).toBe(true);
  });

  it('lets an honest node in although silent ones show the same credential', async () => {
    const node = await hub();
    await silentPeers(node, 64);
    const peer = await join(node, 'reader', 'reader-1');
    expect(peer.isOpen).toBe(true);
  });

  it('lets an honest node in although another credential has greeted as often as it may', async () => {
    const node = await hub();
    for (let count = 0; count < 64; count++) await join(node, 'reader', `reader-${count}`);
    const peer = await join(node, 'worker', 'worker-1');
    expect(peer.isOpen).toBe(true);
  });
});

const place = (holder: string, address: string, isSilent = false): Place => ({ holder, address, isSilent });

describe('places that are all taken', () => {
  it('are given by whoever has more than the newcomer would have', () => {
    const present = [place('a', '1'), place('a', '2'), place('a', '2', true), place('b', '3')];
    expect(placeFor(present, place('b', '4'))).toBe(present[2]);
    expect(placeFor(present.slice(1), place('b', '4'))).toBeUndefined();
    expect(placeFor(present, place('c', '1'))).toBe(present[2]);
  });

  it('are shared among the addresses of one holder', () => {
    const present = [place('', '1'), place('', '1'), place('', '1'), place('', '2')];
    expect(placeFor(present, place('', '3'))).toBe(present[2]);
    expect(placeFor(present, place('', '1'))).toBeUndefined();
  });

  it('are given by the oldest silent one among equals, and by no other', () => {
    const present = [place('a', '1'), place('a', '1', true), place('a', '1', true)];
    expect(placeFor(present, place('a', '1'))).toBe(present[1]);
    expect(placeFor([place('a', '1'), place('b', '1')], place('a', '1'))).toBeUndefined();
  });

  it('count for one network of IPv6, not for each of its addresses', () => {
    expect(withoutPort('10.0.0.1:4711')).toBe('10.0.0.1');
    expect(withoutPort('[::ffff:10.0.0.1]:4711')).toBe('10.0.0.1');
    expect(withoutPort('[2001:db8:1:2::7]:4711')).toBe(withoutPort('[2001:db8:1:2:3:4:5:6]:1'));
    expect(withoutPort('[2001:db8::7]:1')).not.toBe(withoutPort('[2001:db8:0:1::7]:1'));
  });
});
