import { expect, onTestFinished, test } from 'vitest';
import { type MapTable, type NodeOptions, type TableNode, openNode } from 'tablecast';
import { type StreamEvent, ask, followStream, openWithHttp } from './support.ts';

const rules = { key: 'string', value: 'string' } as const;
const EVENTS = { accept: 'text/event-stream' };

async function peerOf(node: TableNode, options: Partial<NodeOptions> = {}): Promise<TableNode> {
  const peer = await openNode({ id: 'two', peers: [String(node.address)], ...options });
  onTestFinished(() => peer.close());
  return peer;
}

/** Resolves once a table has the other's first row. */
async function shared(here: MapTable<string, string>, there: MapTable<string, string>): Promise<void> {
  await new Promise<void>((resolve) => {
    const watching = there.changes.subscribe(() => resolve());
    onTestFinished(() => watching.unsubscribe());
    here.set('first', 'row');
  });
}

/** Writes one key on both at once, before either has heard of the other: each takes what arrives. */
async function diverged(): Promise<{
  node: TableNode & { url: string };
  here: MapTable<string, string>;
  there: MapTable<string, string>;
}> {
  const node = await openWithHttp({ listen: { port: 0 } });
  const here = node.table('rules', rules);
  const there = (await peerOf(node)).table('rules', rules);
  await shared(here, there);
  here.set('rule', 'ours');
  there.set('rule', 'theirs');
  return { node, here, there };
}

async function until(stream: { next(): Promise<StreamEvent | undefined> }, fits: (data: never) => boolean) {
  for (let event = await stream.next(); event !== undefined; event = await stream.next())
    if (fits(event.data as never)) return event;
  throw new Error('The stream ended.');
}

test('the keys that differ are told as they come and go, and whose they are with the table', async () => {
  const { node, here, there } = await diverged();
  const stream = await followStream(node.url, '/v1/tables/rules/divergence', EVENTS);
  const total = (count: number) => (data: { total: number }) => data.total === count;
  const event = await until(stream, total(1));
  expect(event).toMatchObject({
    name: 'divergence',
    data: {
      keys: [{ key: 'rule', peer: 'two', here: { value: 'theirs' }, there: { value: 'ours' } }],
    },
  });
  const { json: table } = await ask(node.url, '/v1/tables/rules');
  expect(table).toMatchObject({ divergedKeys: 1, differing: [{ peer: 'two', keys: 1 }] });
  const { json } = await ask(node.url, '/v1/tables/rules/divergence');
  expect(json).toMatchObject({ total: 1, keys: event.data['keys'] });

  const preview = await ask(node.url, '/v1/tables/rules/repair?from=m');
  expect(preview.json['writes']).toEqual([
    {
      key: 'rule',
      stands: true,
      before: 'theirs',
      after: 'theirs',
      removes: false,
      elsewhere: [{ peer: 'two', removed: false, value: 'ours' }],
    },
  ]);
  const repaired = await ask(node.url, '/v1/tables/rules/repair', { method: 'POST', body: { from: 'two' } });
  expect(repaired.json).toEqual({ keys: 1 });
  await until(stream, total(0));
  expect([here.get('rule'), there.get('rule')]).toEqual(['ours', 'ours']);
  stream.close();
});

test('the cluster is told again and again to who follows it, with the peers that there are then', async () => {
  const node = await openWithHttp({ listen: { port: 0 } });
  node.table('rules', rules);
  const stream = await followStream(node.url, '/v1/cluster', EVENTS);
  const [alone] = await stream.take(1);
  expect(alone).toMatchObject({ name: 'cluster', data: { node: 'm', peers: [] } });
  const two = await peerOf(node);
  two.table('rules', rules);
  const ids = ({ peers }: { peers: { nodeId: string }[] }) => peers.map(({ nodeId }) => nodeId).join();
  await until(stream, (data) => ids(data) === 'two');
  await two.close();
  await until(stream, (data) => ids(data) === '');
  stream.close();
});

test('conflicts of all tables are told to who may read them, with the table', async () => {
  const credentials = [
    { name: 'all', token: 'all', nodes: ['two'] },
    { name: 'some', token: 'some', nodes: [], read: ['rules'], write: [] },
  ];
  const node = await openWithHttp({ listen: { port: 0 }, auth: { credentials } });
  const here = ['hidden', 'rules'].map((name) => node.table(name, rules));
  const peer = await peerOf(node, { auth: { token: 'all' } });
  const there = ['hidden', 'rules'].map((name) => peer.table(name, rules));
  for (const at of [0, 1]) await shared(here[at] as MapTable<string, string>, there[at] as never);
  const [all, some] = await Promise.all(
    ['all', 'some'].map((token) =>
      followStream(node.url, '/v1/conflicts', { ...EVENTS, authorization: `Bearer ${token}` }),
    ),
  );
  for (const at of [0, 1]) {
    here[at]?.set('rule', 'ours');
    there[at]?.set('rule', 'theirs');
  }
  const told = [await all?.next(), await all?.next()].map((event) => event?.data['table']);
  expect(new Set(told)).toEqual(new Set(['hidden', 'rules']));
  const first = await some?.next();
  expect(first).toMatchObject({ name: 'conflict', data: { table: 'rules', key: 'rule' } });
  expect([first?.data['kept'], first?.data['lost']]).toMatchObject([{ value: 'theirs' }, { value: 'ours' }]);
  all?.close();
  some?.close();
});

test('what follows a node ends with its credential', async () => {
  const credentials = [{ name: 'reader', token: 'reads', nodes: [], read: ['rules'] }];
  const node = await openWithHttp({ auth: { credentials } });
  node.table('rules', rules);
  const headers = { ...EVENTS, authorization: 'Bearer reads' };
  const streams = await Promise.all(
    ['/v1/cluster', '/v1/tables/rules/divergence', '/v1/tables/rules/conflicts', '/v1/conflicts'].map(
      (path) => followStream(node.url, path, headers),
    ),
  );
  await streams[0]?.take(1);
  node.reloadCredentials({ credentials: [{ name: 'other', token: 'looks', nodes: [], read: ['rules'] }] });
  for (const stream of streams) {
    let last: StreamEvent | undefined;
    do last = await stream.next();
    while (last !== undefined);
  }
  expect((await ask(node.url, '/v1/cluster', { headers })).status).toBe(401);
});
