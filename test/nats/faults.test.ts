/** What may happen to a server and its streams while nodes run: each ends with equal nodes, and is told. */
import { describe, expect, it } from 'vitest';
import { Group, declaration, until } from './group.ts';
import { asOperator } from './operator.ts';
import { NatsServer, missing } from './server.ts';

const atCarrier = { peers: 1, timeoutMs: 60_000 } as const;

describe.skipIf(missing !== undefined)('nodes are equal in the end, and hear of it', () => {
  it('when a stream is full, and gets more room', async () => {
    await using server = await NatsServer.start();
    await using group = new Group(server);
    const nats = { servers: server.url, group: 'g', maxBytes: 1024 * 1024 };
    const [a, b] = [await group.open('a', { nats }), await group.open('b', { nats })];
    const [ta, tb] = [a.table('t', declaration), b.table('t', declaration)];
    for (let index = 0; index < 12; index++) ta.set(`k${index}`, 'x'.repeat(100_000));
    const { message } = await group.told('carrier-refused');
    expect(message).toMatch(/maximum bytes exceeded/);
    await asOperator(server, async ({ streams }) => streams.update('TABLECAST_g', { max_bytes: -1 }));
    await until(group.nodes, () => tb.size === 12);
    await group.told('carrier-recovered');
  });

  it('when an operator deletes the consumers', async () => {
    await using server = await NatsServer.start();
    await using group = new Group(server);
    const [a, b] = [await group.open('a'), await group.open('b')];
    const [ta, tb] = [a.table('t', declaration), b.table('t', declaration)];
    ta.set('before', '1');
    await until(group.nodes, () => tb.get('before'));
    await asOperator(server, async ({ consumers }) => {
      for (const { name } of await consumers.list('TABLECAST_g').next())
        await consumers.delete('TABLECAST_g', name);
    });
    ta.set('behind', '1');
    await until(group.nodes, () => tb.get('behind'));
    expect((await group.told('peer-lost')).message).toContain('consumer deleted');
  });

  it('when a message is gone of which later ones are there', async () => {
    await using server = await NatsServer.start();
    await using group = new Group(server);
    const a = await group.open('a');
    const ta = a.table('t', declaration);
    for (const key of ['1', '2', '3']) {
      ta.set(key, key);
      await a.flush(atCarrier);
    }
    // The declaration is the first.
    await asOperator(server, async ({ streams }) => streams.deleteMessage('TABLECAST_g', 2));
    const tb = (await group.open('b')).table('t', declaration);
    await until(group.nodes, () => tb.size === 3);
    expect((await group.told('carrier-incomplete')).message).toContain('from 1 on are missing');
  });

  it('when the right to publish is taken away, and given back', async () => {
    const users = (denied: string): string =>
      `authorization { users = [ { user: a, password: x, permissions: { publish: { deny: [${denied}] } } }, { user: b, password: x } ] }`;
    await using server = await NatsServer.start(users(''));
    await using group = new Group(server);
    const as = (user: string) =>
      group.open(user, { nats: { servers: server.url, group: 'g', user, password: 'x' } });
    const [a, b] = [await as('a'), await as('b')];
    const [ta, tb] = [a.table('t', declaration), b.table('t', declaration)];
    ta.set('before', '1');
    await until(group.nodes, () => tb.get('before'));
    await server.reload(users('"tablecast.g.operations.>"'));
    ta.set('meanwhile', '1');
    const { message } = await group.told('carrier-refused');
    expect(message).toMatch(/Permissions Violation/);
    tb.set('of b', '1');
    await until(group.nodes, () => ta.get('of b'));
    await server.reload(users(''));
    await until(group.nodes, () => tb.get('meanwhile'));
    await group.told('carrier-recovered');
  });

  it('when the server is replaced by one that has nothing', async () => {
    await using server = await NatsServer.start();
    await using group = new Group(server);
    const [a, b] = [await group.open('a'), await group.open('b')];
    const [ta, tb] = [a.table('t', declaration), b.table('t', declaration)];
    ta.set('of a', '1');
    tb.set('of b', '1');
    await Promise.all([a.flush(atCarrier), b.flush(atCarrier)]);
    await until(group.nodes, () => ta.size === 2 && tb.size === 2);
    await server.lose();
    await group.told('peer-lost');
    await server.begin();
    const c = await group.open('c');
    const tc = c.table('t', declaration);
    await until(group.nodes, () => tc.size === 2);
    await group.told('carrier-replaced');
  });

  it('and metrics say whether a carrier is there, and what was told of it', async () => {
    await using server = await NatsServer.start();
    await using group = new Group(server);
    const a = await group.open('a', {
      nats: { servers: server.url, group: 'g', maxBytes: 1024 * 1024 },
      health: { port: 0 },
    });
    // An answer may be a moment old.
    const shows = async (line: RegExp): Promise<void> => {
      while (!line.test(await (await fetch(`${String(a.healthAddress)}/metrics`)).text()));
    };
    await group.told('peer-connected');
    await shows(/^tablecast_peer_connected\{peer="nats\.g"[^}]*\} 1$/m);
    const table = a.table('t', declaration);
    for (let index = 0; index < 12; index++) table.set(`k${index}`, 'x'.repeat(100_000));
    await group.told('carrier-refused');
    await shows(/^tablecast_events_total\{code="carrier-refused"\} [1-9]\d*$/m);
    await shows(/^tablecast_peer_lag_operations\{peer="nats\.g"[^}]*\} [1-9]\d*$/m);
    await server.kill();
    await group.told('peer-lost');
    await shows(/^tablecast_peer_connected\{peer="nats\.g"[^}]*\} 0$/m);
  });
});
