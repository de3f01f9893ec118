/** Descriptions of tables that no sound script package sends, and more of them than are taken. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openNode } from '../../src/index.ts';
import type { ZeekAttachment } from '../../src/zeek/attachment/zeek-attachment.ts';
import { count, string, vector, type ZeekData } from '../../src/zeek/protocol/data/zeek-data.ts';
import { StandIn } from './protocol/stand-in/server.ts';
import { cleanUp, later, quick, until } from './support.ts';

let zeek: StandIn;
let attachment: ZeekAttachment;
let messages: string[];

beforeEach(async () => {
  zeek = new StandIn({ tables: [], tablecast: { tables: [], announceMs: 20, pulseMs: 20, finds: true } });
  await zeek.listen();
  later(() => zeek.stop());
  const node = await openNode({ id: 'sensor' });
  later(() => node.close());
  messages = [];
  node.events.subscribe(({ code, message }) => code === 'zeek-refused' && messages.push(message));
  attachment = node.attachZeek({
    url: zeek.url,
    tables: 'all',
    timings: { ...quick, refillPauseMs: 60_000 },
  });
  await until(() => zeek.received.some(({ name }) => name === 'Tablecast::descriptions_wanted'));
});

afterEach(cleanUp);

const no: ZeekData = { type: 'boolean', data: false };

function table(name: string, type = 'set[addr]', types: readonly ZeekData[] = []): ZeekData {
  return vector(string(name), string(type), vector(...types), string(''), string(''), no);
}

function describe(
  tables: readonly ZeekData[],
  { part = 1, parts = 1, node = 'sensor', by = 'zeek' } = {},
): void {
  const args = [string(by), string(zeek.node().id), string(node), count(part), count(parts)];
  const name = 'Tablecast::described';
  zeek.publish({ topic: 'tablecast/pulse/sensor/', name, args: [...args, vector(...tables)] });
}

test('so many Zeek nodes with another type of a table are known, and of one more the first is forgotten', async () => {
  const [one, other] = ['set[addr]', 'table[addr] of count'].map((type) => table('Found::t', type));
  describe([one as ZeekData]);
  await until(() => attachment.tables.has('Found::t'));
  for (let at = 0; at <= 1024; at++) describe([other as ZeekData], { by: `worker-${at}` });
  await until(() => messages.some((text) => text.includes('nothing of it is sent or taken')));
  (attachment.tables.get('Found::t') as never as Set<string>).add('10.0.0.1');
  for (let at = 2; at <= 1024; at++) describe([one as ZeekData], { by: `worker-${at}` });
  await taken();
  const sent = (): boolean => zeek.received.some(({ name }) => name === 'Cluster::table_change_infos');
  expect(sent()).toBe(false);
  describe([one as ZeekData], { by: 'worker-1' });
  await until(sent);
});

/** Resolves when everything that was described before is taken. */
async function taken(): Promise<void> {
  describe([table('Last::one')]);
  await until(
    () => attachment.tables.has('Last::one') || messages.some((text) => text.includes('Last::one')),
  );
}

test('so many tables are attached, and one more is told and left out', async () => {
  const named = Array.from({ length: 1024 }, (_, at) => table(`Found::t${at}`));
  for (let part = 1; part <= 8; part++)
    describe(named.slice((part - 1) * 128, part * 128), { part, parts: 8 });
  await until(() => attachment.tables.size === 1024);
  describe([table('Found::more')]);
  await until(() => messages.some((text) => text.includes('Found::more')));
  expect(attachment.tables.size).toBe(1024);
  expect(messages.join('\n')).toContain('Found::more is beyond the 1024 tables');
});

test('descriptions of so many bytes are kept, and what is beyond them is told and left out', async () => {
  const big = [vector(string('Site::Unused'), string('x'.repeat(16_000)))];
  describe(Array.from({ length: 70 }, (_, at) => table(`Found::t${at}`, 'set[addr]', big)));
  await until(() => messages.some((text) => text.includes('beyond the bytes of descriptions')));
  expect(attachment.tables.size).toBeGreaterThan(60);
  expect(attachment.tables.size).toBeLessThan(66);
});

test('a text as long as may be is taken, and one that is longer is passed over', async () => {
  const edge = 'x'.repeat(16_384);
  describe([
    table('Found::edge', 'set[addr]', [vector(string('Site::A'), string(edge))]),
    table('Found::long', 'set[addr]', [vector(string('Site::A'), string(`${edge}x`))]),
    table(
      'Found::few',
      'set[addr]',
      Array.from({ length: 256 }, () => vector(string('A'), string('addr'))),
    ),
    table(
      'Found::many',
      'set[addr]',
      Array.from({ length: 257 }, () => vector(string('A'), string('addr'))),
    ),
  ]);
  await taken();
  expect([...attachment.tables.keys()]).toEqual(['Found::edge', 'Found::few', 'Last::one']);
});

test('what is not well-formed, of nobody who was asked, or for another node harms nothing', async () => {
  const args = [string('zeek'), string('nobody'), string('sensor'), count(1), count(1)];
  zeek.publish({
    topic: 'tablecast/pulse/sensor/',
    name: 'Tablecast::described',
    args: [...args, vector(table('Unasked::t'))],
  });
  describe([table('Other::t')], { node: 'other' });
  describe([table('Parts::t')], { parts: 65 });
  describe([table('Parts::u')], { part: 3, parts: 2 });
  describe([string('text'), vector(), vector(string('Short::t')), table('a b'), table('__proto__', 'count')]);
  describe([table('Deep::t', `set[${'vector of '.repeat(40)}addr]`), table('Loop::t', 'set[A]', loop())]);
  describe([table('Record::t', 'set[A]', [vector(string('A'), string('record { a: addr; }'))])]);
  await taken();
  expect([...attachment.tables.keys()]).toEqual(['Last::one']);
});

function loop(): readonly ZeekData[] {
  return [vector(string('A'), string('vector of A'))];
}
