import assert from 'node:assert/strict';
import { Observed, link, pattern, settle } from './observed.ts';
import { assertRejects } from './suite.ts';
import type { TransportCase } from './transport-cases.ts';

const { signal } = new AbortController();

/** Lists what a transport promises of listening and dialling. */
export const joiningCases: readonly TransportCase[] = [
  {
    title: 'lets nodes join and leave while others stay',
    check: async ({ open }) => {
      const server = await open();
      const ends: Observed[] = [];
      const address = await server.listen((connection) => {
        const end = new Observed(connection);
        ends.push(end.start({ frame: (bytes) => end.connection.send(bytes) }));
      });
      const clients = await Promise.all([open(), open(), open()]);
      const nears = await Promise.all(
        clients.map(async (client) => new Observed(await client.dial(address, signal)).start()),
      );
      const [first, ...others] = nears;
      await clients[0]?.close();
      const again = new Observed(await (await open()).dial(address, signal)).start();
      for (const [i, near] of [...nears, again].entries()) near.connection.send(pattern(9, i));
      for (const near of [...others, again]) await near.until(() => near.frames.length === 1);
      assert.equal(first?.frames.length, 0);
      assert.equal((await first?.closed())?.kind, 'closed');
      assert.equal(ends.length, 4);
    },
  },
  {
    title: 'rejects a dial to nobody with PEER_UNREACHABLE',
    check: async ({ open, nobody }) => {
      const client = await open();
      await assertRejects(client.dial(await nobody(), signal), 'PEER_UNREACHABLE');
    },
  },
  {
    title: 'rejects a dial that is aborted, before or during',
    check: async ({ open }) => {
      const server = await open();
      const address = await server.listen(() => undefined);
      const client = await open();
      await assertRejects(client.dial(address, AbortSignal.abort()), 'PEER_UNREACHABLE');
      const controller = new AbortController();
      const dialling = client.dial(address, controller.signal);
      controller.abort();
      await assertRejects(dialling, 'PEER_UNREACHABLE');
    },
  },
  {
    title: 'an abort after the dial changes nothing',
    check: async ({ open }) => {
      const server = await open();
      const accepted: Observed[] = [];
      const address = await server.listen((connection) => accepted.push(new Observed(connection).start()));
      const controller = new AbortController();
      const near = new Observed(await (await open()).dial(address, controller.signal)).start();
      controller.abort();
      near.connection.send(pattern(3, 3));
      while (accepted.length === 0) await settle();
      await accepted[0]?.until(() => accepted[0]?.frames.length === 1);
      assert.equal(near.closing, undefined);
    },
  },
  {
    title: 'close ends every connection, is idempotent, and refuses to listen again',
    check: async ({ open }) => {
      const server = await open();
      const { near, far } = await link(await open(), server);
      near.start();
      far.start();
      await Promise.all([server.close(), server.close()]);
      assert.equal((await far.closed()).kind, 'closed');
      assert.equal((await near.closed()).kind, 'closed');
      await assertRejects(
        server.listen(() => undefined),
        'LISTEN_FAILED',
      );
    },
  },
  {
    title: 'refuses to listen twice',
    check: async ({ open }) => {
      const server = await open();
      await server.listen(() => undefined);
      await assertRejects(
        server.listen(() => undefined),
        'LISTEN_FAILED',
      );
    },
  },
];
