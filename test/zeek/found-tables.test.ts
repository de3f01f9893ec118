/** Tables that the script package tells of, and nobody lists. */
import { afterEach, expect, test } from 'vitest';
import { openNode } from '../../src/index.ts';
import type { ZeekAttachmentOptions } from '../../src/zeek/options.ts';
import { compileZeekTable } from '../../src/zeek/protocol/zeek-table.ts';
import { StandIn } from './protocol/stand-in/server.ts';
import type { SimTableOptions, SimTableWords } from './protocol/stand-in/sim-table.ts';
import { cleanUp, directory, later, quick, until } from './support.ts';

afterEach(cleanUp);

const all = { changes: ['new', 'changed', 'removed', 'expired'] } as const;
const timings = { ...quick, refillPauseMs: 60_000, answerMs: 500, settleMs: 20 };

/** A table of a simulated script, declared in the words that the package uses. */
function table(name: string, words: SimTableWords): SimTableOptions {
  return { table: compileZeekTable(name, { type: words.type, types: words.types }), publish: all, words };
}

const sighting = 'record { level: Site::Level; note: string &optional; }';
const site: readonly SimTableOptions[] = [
  table('Site::blocked', { type: 'table[addr] of string', expiry: ['create', '1.0 day 2.0 hrs'] }),
  table('Site::sightings', {
    type: 'table[addr,port] of Site::Sighting',
    types: { 'Site::Sighting': sighting, 'Site::Level': 'enum { Site::LOW, Site::HIGH }' },
  }),
  table('Known::hosts', { type: 'set[addr]', expiry: ['write', '30.0 mins'] }),
];

async function started(tables: readonly SimTableOptions[] = site, finds = true): Promise<StandIn> {
  const tablecast = { tables: [], announceMs: 20, pulseMs: 30, finds };
  const zeek = new StandIn({ tables, nodes: ['manager', 'worker'], pingMs: 200, tablecast });
  await zeek.listen();
  later(() => zeek.stop());
  return zeek;
}

async function opened(
  url: string,
  tables: ZeekAttachmentOptions['tables'] = 'all',
  options: { id?: string; directory?: string } = {},
) {
  const node = await openNode({ id: 'sensor', ...options });
  later(() => node.close());
  const events: { code: string; message: string; table?: string | undefined }[] = [];
  node.events.subscribe((event) => events.push(event));
  const zeek = node.attachZeek({ url, tables, timings });
  const told = (code: string) => events.filter((event) => event.code === code).map(({ message }) => message);
  return { node, zeek, events, told };
}

test('every table is found with its type and clock, and its rows go both ways', async () => {
  const zeek = await started();
  zeek.node('worker').set('Site::blocked', '10.0.0.9', 'before');
  const a = await opened(zeek.url);
  await until(() => a.zeek.tables.size === 3);
  expect(a.node.tables.get('Site::blocked')?.declaration).toMatchObject({
    key: 'addr',
    value: 'string',
    createExpire: 93_600_000,
  });
  expect(a.node.tables.get('Site::sightings')?.declaration).toMatchObject({ key: ['addr', 'port'] });
  expect(a.node.tables.get('Known::hosts')?.declaration).toMatchObject({ writeExpire: 1_800_000 });
  zeek.node('worker').set('Site::sightings', ['10.0.0.1', '80/tcp'], { level: 'Site::HIGH' });
  const sightings = a.node.tables.get('Site::sightings') as never as Map<unknown, unknown>;
  await until(() => sightings.size === 1);
  const hosts = a.node.tables.get('Known::hosts') as never as Set<string>;
  hosts.add('10.0.0.2');
  await until(() => zeek.node('manager').get('Known::hosts', '10.0.0.2') === true);
  const blocked = a.node.tables.get('Site::blocked') as never as Map<string, string>;
  await until(() => blocked.get('10.0.0.9') === 'before', 'what Zeek had before to be here');
  expect(a.told('zeek-found')).toHaveLength(3);
  expect(a.told('zeek-missed')).toEqual([]);
  expect(a.told('zeek-found').join('\n')).toContain('createExpire 93600000 ms');
  expect(a.told('zeek-refused')).toEqual([]);
  expect(zeek.node('manager').nullEntries).toEqual([]);
});

test('patterns, names and exclusions say which are taken, the longest first', async () => {
  const zeek = await started([
    ...site,
    table('Known::certs', { type: 'set[string]' }),
    table('Other::x', { type: 'set[count]' }),
  ]);
  const tables = {
    'Known::*': { mode: 'lww' },
    'Known::certs': false,
    '*::blocked': {},
    'Site::sightings': { backend: 'memory' },
  } as const;
  const a = await opened(zeek.url, tables);
  await until(() => a.zeek.tables.size === 3);
  expect([...a.zeek.tables.keys()].toSorted()).toEqual(['Known::hosts', 'Site::blocked', 'Site::sightings']);
  expect(a.node.tables.get('Known::hosts')?.declaration.mode).toBe('lww');
  expect(a.told('zeek-refused')).toEqual([]);
});

test('before 9.0 the tables that the script lists are described, without their clocks', async () => {
  const tablecast = { tables: ['Site::blocked'], announceMs: 20, pulseMs: 30 };
  const zeek = new StandIn({ tables: site, tablecast });
  await zeek.listen();
  later(() => zeek.stop());
  const a = await opened(zeek.url);
  await until(() => a.zeek.tables.size === 1);
  expect(a.node.tables.get('Site::blocked')?.declaration.createExpire).toBeUndefined();
});

test('a table that is new after a restart of Zeek is found, and is there before Zeek when this node starts', async () => {
  const zeek = await started(site.slice(0, 1));
  const folder = await directory();
  const a = await opened(zeek.url, 'all', { directory: folder });
  await until(() => a.zeek.tables.has('Site::blocked'));
  zeek.change({ tables: site });
  zeek.startNode('worker');
  await until(() => a.zeek.tables.size === 3);
  zeek.node('worker').set('Known::hosts', '10.0.0.3');
  await until(() => a.node.tables.get('Known::hosts')?.size === 1);
  await a.node.close();
  await zeek.close('crash');
  const again = await opened(zeek.url, 'all', { directory: folder });
  expect([...again.zeek.tables.keys()].toSorted()).toEqual([
    'Known::hosts',
    'Site::blocked',
    'Site::sightings',
  ]);
  expect(again.node.tables.get('Known::hosts')?.size).toBe(1);
});

test('a type that this node can follow is followed, and told with both', async () => {
  const zeek = await started();
  const a = await opened(zeek.url);
  await until(() => a.zeek.tables.size === 3);
  const more = 'record { level: Site::Level; note: string &optional; hits: count &optional; }';
  const types = { 'Site::Sighting': more, 'Site::Level': 'enum { Site::LOW, Site::HIGH, Site::WORST }' };
  zeek.change({ tables: [table('Site::sightings', { type: 'table[addr,port] of Site::Sighting', types })] });
  await zeek.restart();
  const both = (message: string) => /was .*HIGH, Site::LOW \}.* is .*hits: count/.test(message);
  await until(() => a.told('zeek-found').some(both), 'both types to be told');
  zeek.node('worker').set('Site::sightings', ['10.0.0.1', '80/tcp'], { level: 'Site::WORST', hits: 3 });
  await until(() => a.node.tables.get('Site::sightings')?.size === 1);
  const sightings = a.node.tables.get('Site::sightings') as never as Map<unknown, unknown>;
  sightings.set(['10.0.0.2', '80/tcp'], { level: 'Site::WORST', hits: 4 });
  await until(() => zeek.node('worker').size('Site::sightings') === 2);
  expect(zeek.node('worker').nullEntries).toEqual([]);
});

test.each([
  ['found', 'all'],
  ['described', { 'Site::blocked': { type: 'table[addr] of string' } }],
] as const)('a table that is %s and has another type at Zeek is held until it fits', async (_, tables) => {
  const zeek = await started(site.slice(0, 1));
  const a = await opened(zeek.url, tables);
  await until(() => a.zeek.tables.size === 1 && a.told('zeek-refilled').length > 0);
  const blocked = a.node.tables.get('Site::blocked') as never as Map<string, string>;
  blocked.set('10.0.0.1', 'kept');
  await until(() => zeek.node('worker').size('Site::blocked') === 1);
  zeek.change({ tables: [table('Site::blocked', { type: 'table[addr] of count' })] });
  await zeek.restart();
  const both = 'table[addr] of string here, and table[addr] of count at Zeek';
  await until(() => a.told('zeek-refused').some((message) => message.includes(both)));
  const before = zeek.received.length;
  blocked.set('10.0.0.2', 'not sent');
  zeek.node('worker').set('Site::blocked', '10.0.0.3', 7);
  await a.node.flush();
  const pulses = zeek.pulses;
  await until(() => zeek.pulses > pulses + 6);
  expect(zeek.received.slice(before).filter(({ name }) => name === 'Cluster::table_change_infos')).toEqual(
    [],
  );
  expect(blocked.size).toBe(2);
  zeek.change({ tables: site.slice(0, 1) });
  await zeek.restart();
  await until(() => zeek.node('worker').size('Site::blocked') === 2);
  expect(zeek.node('worker').nullEntries).toEqual([]);
});

test('tables that cannot be found are told: of this node, with a topic of their own, of types not told', async () => {
  const zeek = await started([
    table('secrets', { type: 'table[string] of string' }),
    table('Site::apart', { type: 'set[addr]', ownTopic: true }),
    alias(),
    table('Site::mine', { type: 'set[addr]' }),
  ]);
  const node = await openNode({ id: 'sensor' });
  later(() => node.close());
  node.table('secrets', { key: 'string', value: 'string' });
  node.table('Site::mine', { key: 'addr' });
  const messages: string[] = [];
  node.events.subscribe(({ code, message }) => code === 'zeek-refused' && messages.push(message));
  const attached = node.attachZeek({ url: zeek.url, tables: { '*': {}, 'Site::mine': {} }, timings });
  await until(() => attached.tables.has('Site::mine') && messages.join('').includes('Site::alias'));
  expect([...attached.tables.keys()]).toEqual(['Site::mine']);
  const text = messages.join('\n');
  expect(text).toContain('secrets is a table of this node');
  expect(text).toContain('Site::apart has a topic of its own');
  expect(text).toContain('Site::Host');
});

/** A table whose type mentions a name that Zeek tells nothing of. */
function alias(): SimTableOptions {
  const compiled = compileZeekTable('Site::alias', { type: 'set[addr]' });
  return { table: compiled, publish: all, words: { type: 'set[Site::Host]' } };
}

test('a pattern can say what a type is that Zeek does not tell', async () => {
  const zeek = await started([alias()]);
  const a = await opened(zeek.url, { 'Site::*': { types: { 'Site::Host': 'addr' } } });
  await until(() => a.zeek.tables.size === 1);
  expect(a.node.tables.get('Site::alias')?.declaration.key).toBe('addr');
});
