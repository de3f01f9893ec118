import { afterEach, expect, test } from 'vitest';
import type { MapTable } from '../../src/index.ts';
import { writeChanges } from '../../src/zeek/protocol/table-changes.ts';
import { compileZeekTable } from '../../src/zeek/protocol/zeek-table.ts';
import { simulated } from './cluster.ts';
import { attached, attachmentTo, cleanUp, later, until } from './support.ts';

afterEach(cleanUp);

const description = { type: 'table[string] of string' };
const table = compileZeekTable('E2e::texts', description);

/** A frame of Zeek's in which `@` stands for the byte 0xff. */
function rawFrame(rows: readonly (readonly [key: string, value: string])[]): Buffer {
  const changes = rows.map(([key, value]) => ({ kind: 'new', key, value, time: 0 }) as const);
  const header = { time: 0, nodeId: 'worker' };
  const [text = ''] = writeChanges(table, changes, {
    header,
    batch: { maxChanges: 10, maxBytes: 1e6 },
  }).frames;
  const frame = Buffer.from(text);
  for (let at = frame.indexOf('@'); at !== -1; at = frame.indexOf('@', at + 1)) {
    // The tags of types begin with the same character.
    if (frame.toString('latin1', at + 1, at + 10) !== 'data-type') frame[at] = 0xff;
  }
  return frame;
}

test('a byte and the text of its escape are two rows from Zeek, and only the text goes back', async () => {
  const zeek = simulated({});
  await zeek.listen();
  later(() => zeek.stop());
  const a = await attached({ id: 'a' }, attachmentTo(zeek.url, { tables: { 'E2e::texts': description } }));
  const texts = a.node.tables.get('E2e::texts') as unknown as MapTable<string, string>;
  await until(() => a.codes().includes('zeek-connected'));
  zeek.sendRaw(
    rawFrame([
      ['k@', 'v'],
      ['k\\xff', 'w'],
      ['plain', '@'],
    ]),
  );
  await until(() => texts.size === 3);
  expect([...texts]).toEqual([
    ['k\u{f00ff}', 'v'],
    ['k\\xff', 'w'],
    ['plain', '\u{f00ff}'],
  ]);
  const before = zeek.received.length;
  texts.set('k\u{f00ff}', 'here');
  texts.set('k\\xff', 'here');
  await until(() => a.codes().includes('zeek-refused'));
  await until(() => zeek.received.length > before);
  const sent = JSON.stringify(zeek.received.slice(before), (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  expect(sent).toContain(String.raw`k\\xff`);
  expect(sent).not.toContain('\u{f00ff}');
  const refused = a.events.find(({ code }) => code === 'zeek-refused');
  expect(JSON.stringify(refused?.details)).toContain('not UTF-8');
  expect(texts.get('k\u{f00ff}')).toBe('here');
});
