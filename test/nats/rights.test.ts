/** What the permissions of a server let a node do, with its own users. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TableNode } from '../../src/index.ts';
import { natsCarrier } from '../../src/nats/nats-carrier.ts';
import { Group, declaration, until } from './group.ts';
import { NatsServer, missing } from './server.ts';

const streams = ['TABLECAST_g', 'TABLECAST_g_ROWS'];
const reads = [
  '$JS.API.INFO',
  ...streams.flatMap((name) => [
    `$JS.API.STREAM.INFO.${name}`,
    `$JS.API.STREAM.MSG.GET.${name}`,
    `$JS.API.CONSUMER.*.${name}.>`,
    `$JS.API.CONSUMER.MSG.NEXT.${name}.*`,
  ]),
];

function user(name: string, publish: readonly string[]): string {
  const subjects = [...reads, ...publish].map((subject) => `"${subject}"`).join(', ');
  return `{ user: ${name}, password: secret, permissions: { publish: [${subjects}], subscribe: "_INBOX.>" } }`;
}

const users = [
  '{ user: all, password: secret }',
  user('reader', []),
  user('one', ['tablecast.g.operations.t.one.*', 'tablecast.g.bundle.one']),
].join(', ');

describe.skipIf(missing !== undefined)('with permissions by subject', () => {
  let server: NatsServer;
  let group: Group;
  let all: TableNode;
  const as = (id: string) =>
    group.open(id, { nats: { servers: server.url, group: 'g', user: id, password: 'secret' } });
  const both = (node: TableNode) => ['t', 'other'].map((name) => node.table(name, declaration));
  beforeAll(async () => {
    server = await NatsServer.start(`authorization { users = [ ${users} ] }`);
    group = new Group(server);
    all = await as('all');
    for (const table of both(all)) table.set('of all', '1');
    await all.flush({ peers: 1, timeoutMs: 60_000 });
  });
  afterAll(async () => {
    await group[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('a node may only read: it has every row, its own get nowhere, and it hears why', async () => {
    const reader = await as('reader');
    const tables = both(reader);
    await until([reader], () => tables.every((table) => table.get('of all')));
    tables[0]?.set('of reader', '1');
    const { message } = await until([reader], () =>
      group.events.find(({ code, message: text }) => code === 'carrier-refused' && text.includes('t.reader')),
    );
    expect(message).toMatch(/Permissions Violation.*tablecast\.g\.operations\.t\.reader/);
    const [t] = both(all);
    t?.set('after', '1');
    await until([reader], () => tables[0]?.get('after'));
    expect(t?.has('of reader')).toBe(false);
    // It may not ask the others in what they differ, and hears that once.
    const unheard = group.events.filter(({ message: text }) => text.includes('Differences from nodes'));
    expect(unheard).toHaveLength(1);
    expect(group.events.map(({ code }) => code)).not.toContain('peer-lost');
  });

  it('a node may write one table: what it writes there is everywhere, in another nowhere, and batches go on', async () => {
    const one = await as('one');
    const [t, other] = both(one);
    await until([one], () => t?.get('of all') && other?.get('of all'));
    one.batch(() => {
      for (const table of [t, other]) table?.set('of one', '1');
    });
    t?.set('later', '1');
    const [at] = both(all);
    await until([all], () => at?.get('later'));
    expect(at?.get('of one')).toBe('1');
    expect(both(all)[1]?.has('of one')).toBe(false);
    await until([one], () => group.events.some(({ message }) => message.includes('operations.other.one')));
    expect(group.events.map(({ code }) => code)).not.toContain('peer-lost');
  });

  it('a node that may take nothing out of a stream is refused that, and keeps its link', async () => {
    const carrier = natsCarrier({ servers: server.url, group: 'g', user: 'one', password: 'secret' });
    const admin = natsCarrier({ servers: server.url, group: 'g', user: 'all', password: 'secret' });
    const link = await carrier.open(new AbortController().signal);
    const refused = { code: 'PEER_REFUSED', retryable: false };
    const bundle = { subject: ['bundle', 'one'], headers: {}, bytes: new Uint8Array(1) };
    const before = (await link.last(bundle.subject))?.place ?? 0;
    const first = await link.append({ ...bundle, after: before, id: 'first' });
    const second = await link.append({ ...bundle, after: first ?? 0, id: 'second' });
    await (await admin.open(new AbortController().signal)).keep('rows', new Uint8Array(1));
    await expect(link.thin(['bundle', 'one'])).rejects.toMatchObject(refused);
    await expect(link.trim(['bundle'], second ?? 0)).rejects.toMatchObject(refused);
    await expect(link.forget('rows')).rejects.toMatchObject(refused);
    await expect(link.keep('rows', new Uint8Array(1))).rejects.toMatchObject(refused);
    expect(await link.last(['bundle', 'nobody'])).toBeUndefined();
    await Promise.all([carrier.close(), admin.close()]);
  });
});
