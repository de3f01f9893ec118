import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom } from 'rxjs';
import { connect, headers } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { describe, expect, it } from 'vitest';
import { asOperator, stored } from './operator.ts';
import { Group, declaration, until } from './group.ts';
import { NatsServer, missing } from './server.ts';

const LIMIT_MS = 120_000;
const atCarrier = { peers: 1, timeoutMs: LIMIT_MS } as const;

describe.skipIf(missing !== undefined)('tables carried by a real JetStream', { timeout: LIMIT_MS }, () => {
  it('are the same on all nodes, also what is longer than a message, and each operation crosses it once', async () => {
    await using server = await NatsServer.start('max_payload: 65536');
    await using group = new Group(server);
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => group.open(id)));
    const tables = [a, b, c].map((node) => node!.table('t', declaration));
    const others = [a, b, c].map((node) => node!.table('other', declaration));
    tables[1]?.set('from b', 'b');
    a!.batch(() => {
      for (let index = 0; index < 100; index++) {
        tables[0]?.set(`k${index}`, 'x'.repeat(2000));
        others[0]?.set(`k${index}`, 'y');
      }
    });
    let isWhole = true;
    for (const [index, table] of tables.entries())
      table.changes.subscribe(() => {
        const size = others[index]?.size ?? 0;
        isWhole &&= table.has('k0') === size > 0;
      });
    await until(
      group.nodes,
      () =>
        [...tables, ...others].every(({ size }) => size >= 100) && tables.every(({ size }) => size === 101),
    );
    expect(isWhole).toBe(true);
    // Of each author as many messages as say that they are: what was written crosses once, whoever else has it.
    const messages = await asOperator(server, async (manager) => {
      const { state } = await manager.streams.info('TABLECAST_g', {
        subjects_filter: 'tablecast.g.operations.>',
      });
      const counts = Object.entries(state.subjects ?? {});
      return Promise.all(
        counts.map(async ([last_by_subj, count]) => {
          const last = await manager.streams.getMessage('TABLECAST_g', { last_by_subj });
          const [table, author] = last_by_subj.split('.').slice(3);
          return [`${table} of ${author}`, count, last?.header.get('Tablecast-Part')] as const;
        }),
      );
    });
    expect(messages.toSorted(([one], [other]) => one.localeCompare(other))).toEqual([
      ['other of a', 1, ''],
      ['t of a', 4, '3/4'],
      ['t of b', 1, ''],
    ]);
  });

  it('go on when the server is killed, and have then what was written meanwhile', async () => {
    await using server = await NatsServer.start();
    await using group = new Group(server);
    const [a, b] = await Promise.all([group.open('a'), group.open('b')]);
    const [ta, tb] = [a.table('t', declaration), b.table('t', declaration)];
    ta.set('before', '1');
    await until(group.nodes, () => tb.get('before'));
    await server.kill();
    await group.told('peer-lost');
    ta.set('meanwhile', 'a');
    tb.set('meanwhile too', 'b');
    await server.begin();
    await until(group.nodes, () => ta.size === 3 && tb.size === 3);
    expect([...ta].map(([key]) => key)).toContain('meanwhile too');
  });

  it('come back when somebody deletes the stream, also those of a node that is gone, and at one that only reads', async () => {
    await using server = await NatsServer.start();
    await using group = new Group(server);
    const [a, b, silent] = await Promise.all([group.open('a'), group.open('b'), group.open('silent')]);
    const [ta, tb] = [a.table('t', declaration), b.table('t', declaration)];
    const read = silent.table('t', declaration);
    ta.set('of a', '1');
    tb.set('of b', '2');
    await until(group.nodes, () => ta.size === 2 && tb.size === 2 && read.size === 2);
    await b.close();
    await asOperator(server, async (manager) => manager.streams.delete('TABLECAST_g'));
    ta.set('after', '3');
    await group.told('carrier-replaced');
    const c = await group.open('c');
    const tc = c.table('t', declaration);
    await until(group.nodes, () => tc.size === 3);
    expect(tc.get('of b')).toBe('2');
    await until(group.nodes, () => read.get('after'));
  });

  it('are at a node that comes late by a checkpoint, and what it stands for leaves the stream', async () => {
    await using server = await NatsServer.start();
    await using group = new Group(server);
    const a = await group.open('a');
    const ta = a.table('t', declaration);
    await group.told('peer-connected');
    for (let round = 0; round < 45; round++) {
      for (let index = 0; index < 100; index++) ta.set(`k${index}`, `${round} ${'x'.repeat(1000)}`);
      await a.flush(atCarrier);
    }
    await stored(server, { subject: 'checkpoint.>' });
    const asked = await requests(server);
    const b = await group.open('b');
    const tb = b.table('t', declaration);
    await until(group.nodes, () => tb.get('k99')?.startsWith('44 '));
    expect(tb.size).toBe(100);
    expect(group.events.map(({ code }) => code)).toContain('checkpoint-adopted');
    ta.set('after', '1');
    await until(group.nodes, () => tb.has('after'));
    // What a server owes one client must stay below the 64 MB at which it cuts it off.
    const most = (await asked()).map(({ batch, max_bytes: bytes = 0 }) => bytes || batch * 1024 * 1024);
    expect(most.length).toBeGreaterThan(1);
    expect(Math.max(...most)).toBeLessThanOrEqual(16 * 1024 * 1024);
  });

  it('are compared and repaired by nodes that have nothing but the server between them', async () => {
    await using server = await NatsServer.start();
    await using group = new Group(server);
    const naive = { ...declaration, mode: 'naive' } as const;
    const [a, b] = await Promise.all([group.open('a'), group.open('b')]);
    const [ta, tb] = [a.table('t', naive), b.table('t', naive)];
    await until(group.nodes, () => group.events.filter(({ code }) => code === 'peer-connected').length === 2);
    ta.set('k', 'of a');
    tb.set('k', 'of b');
    await until(group.nodes, () => ta.get('k') === 'of b' && tb.get('k') === 'of a');
    expect(await ta.repair({ from: 'b', dryRun: true })).toBe(1);
    const [found] = await firstValueFrom(ta.divergence);
    expect(found).toMatchObject({ peer: 'b', key: 'k', here: { value: 'of b' }, there: { value: 'of a' } });
    expect(await ta.repair({ from: 'b' })).toBe(1);
    await until(group.nodes, () => ta.get('k') === 'of a' && tb.get('k') === 'of a');
  });

  it('are read on from where a node was, which comes back with its database', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tablecast-nats-node-'));
    try {
      await using server = await NatsServer.start();
      await using group = new Group(server);
      const durable = { ...declaration, backend: 'sqlite' } as const;
      const a = await group.open('a', { directory });
      const b = await group.open('b', { directory: join(directory, 'b') });
      const ta = a.table('t', durable);
      b.table('t', durable).set('first', '1');
      await until(group.nodes, () => ta.get('first'));
      await a.close();
      b.table('t', durable).set('second', '2');
      await b.flush(atCarrier);
      const begun = await readers(server);
      const again = await group.open('a', { directory });
      const table = again.table('t', durable);
      expect([...table]).toEqual([['first', '1']]);
      await until([again], () => table.get('second'));
      expect(again.log.position).toBe(2);
      // At 1 stands how the table is declared, and at 2 the first operation, which it may not have confirmed.
      const [place = 0, ...others] = await begun();
      expect(place).toBeGreaterThan(1);
      expect(others).toEqual([]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

describe.skipIf(missing !== undefined)('who may do what at a real JetStream', { timeout: LIMIT_MS }, () => {
  const may = (user: string): string =>
    `{ user: ${user}, password: secret, permissions: { publish: ["tablecast.g.operations.*.${user}.*", ` +
    '"tablecast.g.table.*", "$JS.API.>"], subscribe: "_INBOX.>" } }';
  const users = `authorization { users = [ ${may('a')}, ${may('b')}, { user: op, password: secret } ] }`;

  it('is that a node publishes as itself, and hears of it when it may not', async () => {
    await using server = await NatsServer.start(users);
    await using group = new Group(server);
    const as = (user: string) => ({
      nats: { servers: server.url, group: 'g', user, password: 'secret' },
    });
    const a = await group.open('a', as('a'));
    const b = await group.open('b', as('b'));
    const [ta, tb] = [a.table('t', declaration), b.table('t', declaration)];
    ta.set('of a', '1');
    tb.set('of b', '1');
    await until(group.nodes, () => ta.size === 2 && tb.size === 2);
    // With the credentials of b, another node is not believed to be one.
    const c = await group.open('c', as('b'));
    const tc = c.table('t', declaration);
    tc.set('of c', '1');
    const { message } = await group.told('carrier-refused');
    expect(message).toContain('takes nothing');
    expect(tb.has('of c')).toBe(false);
    await until(group.nodes, () => tc.size === 3);
  });

  it('is that a message under the subject of another author is passed over', async () => {
    await using server = await NatsServer.start(users);
    await using group = new Group(server);
    const nats = { servers: server.url, group: 'g', user: 'a', password: 'secret' };
    const a = await group.open('a', { nats });
    const ta = a.table('t', declaration);
    ta.set('of a', '1');
    await a.flush(atCarrier);
    const connection = await connect({ servers: server.url, user: 'op', pass: 'secret' });
    const manager = await jetstreamManager(connection);
    const kept = await manager.streams.getMessage('TABLECAST_g', { seq: 2 });
    const head = headers();
    for (const key of kept?.header.keys() ?? [])
      if (key.startsWith('Tablecast-')) head.set(key, kept?.header.get(key) ?? '');
    connection.publish('tablecast.g.operations.t.forged.1', kept?.data, { headers: head });
    const { message } = await group.told('carrier-passed-over');
    expect(message).toContain('operations of a@');
    await connection.close();
  });

  it('is told when the password is wrong', async () => {
    await using server = await NatsServer.start(users);
    await using group = new Group(server);
    await group.open('a', { nats: { servers: server.url, group: 'g', user: 'a', password: 'wrong' } });
    const { message } = await group.told('peer-refused');
    expect(message).toContain('refuses this node');
  });
});

/** Listens to where readers begin from now on; the function that it returns ends that. */
async function readers(server: NatsServer): Promise<() => Promise<number[]>> {
  const connection = await connect({ servers: server.url });
  const begun: number[] = [];
  connection.subscribe('$JS.API.CONSUMER.CREATE.>', {
    callback: (_, message) => {
      const { config } = message.json<{ config: { opt_start_seq?: number; headers_only?: boolean } }>();
      if (config.headers_only !== true) begun.push(config.opt_start_seq ?? 1);
    },
  });
  await connection.flush();
  return async () => {
    await connection.flush();
    await connection.close();
    return begun;
  };
}

interface Request {
  readonly batch: number;
  readonly max_bytes?: number;
}

/** Listens to what is asked for with bytes from now on; the function that it returns ends that. */
async function requests(server: NatsServer): Promise<() => Promise<Request[]>> {
  const connection = await connect({ servers: server.url });
  const headsOnly = new Set<string>();
  const heard: { readonly consumer: string; readonly request: Request }[] = [];
  connection.subscribe('$JS.API.CONSUMER.CREATE.>', {
    callback: (_, message) => {
      const { config } = message.json<{ config: { name: string; headers_only?: boolean } }>();
      if (config.headers_only === true) headsOnly.add(config.name);
    },
  });
  connection.subscribe('$JS.API.CONSUMER.MSG.NEXT.>', {
    callback: (_, message) => {
      heard.push({ consumer: message.subject.split('.').at(-1) ?? '', request: message.json<Request>() });
    },
  });
  await connection.flush();
  return async () => {
    await connection.flush();
    await connection.close();
    return heard.filter(({ consumer }) => !headsOnly.has(consumer)).map(({ request }) => request);
  };
}
