/** Asking whether Zeek and this node agree. */
import { afterEach, expect, test } from 'vitest';
import { none, string } from '../../src/zeek/protocol/data/zeek-data.ts';
import { compileZeekTable } from '../../src/zeek/protocol/zeek-table.ts';
import type { ZeekAttachment } from '../../src/zeek/attachment/zeek-attachment.ts';
import type { AttachedTable } from '../../src/zeek/attachment/attached-table.ts';
import { ChangeQueue } from '../../src/zeek/attachment/change-queue.ts';
import { obstacleOf } from '../../src/zeek/attachment/obstacle.ts';
import type { ZeekAttachmentOptions } from '../../src/zeek/options.ts';
import { openNode, type MapTable, type NodeEvent } from '../../src/index.ts';
import type { StandIn } from './protocol/stand-in/server.ts';
import { e2eTables, simulated } from './cluster.ts';
import { attachmentTo, cleanUp, later, quick, until } from './support.ts';

afterEach(cleanUp);

const timings = { ...quick, refillPauseMs: 60_000, answerMs: 8000, settleMs: 60 };
/** Zeek's nodes have announced themselves before. */
const NEVER = 3_600_000;
const name = 'E2e::counts';

interface Checked {
  readonly zeek: StandIn;
  readonly attachment: ZeekAttachment;
  readonly counts: MapTable<string, number>;
  readonly events: readonly NodeEvent[];
}

async function checked(
  tables: readonly string[] | undefined = Object.keys(e2eTables),
  options: Partial<ZeekAttachmentOptions> = {},
): Promise<Checked> {
  const zeek = simulated({ tablecast: { tables, announceMs: NEVER } });
  await zeek.listen();
  later(() => zeek.stop());
  const node = await openNode({ id: 'a' });
  later(() => node.close());
  const events: NodeEvent[] = [];
  node.events.subscribe((event) => events.push(event));
  const attachment = node.attachZeek(attachmentTo(zeek.url, { timings, ...options }));
  await until(() => events.filter(({ code }) => code === 'zeek-refilled').length >= 3);
  const counts = node.tables.get(name) as unknown as MapTable<string, number>;
  return { zeek, attachment, counts, events };
}

/** Rows of both sides. */
async function filled({ zeek, counts }: Checked, size: number): Promise<void> {
  for (let at = 0; at < size; at++) counts.set(`k${at}`, at);
  await until(() => zeek.node('manager').size(name) === size);
}

test('tables that are the same are said to be, and nothing is reported', async () => {
  const all = await checked();
  await filled(all, 1200);
  const check = await all.attachment.check(name);
  expect(check).toEqual({
    table: name,
    zeekNode: all.zeek.node('manager').id,
    rowsHere: 1200,
    rowsAtZeek: 1200,
    different: [],
    onlyHere: [],
    onlyAtZeek: [],
    undecided: 0,
    unreadable: 0,
  });
  expect(await all.attachment.check('E2e::hosts')).toMatchObject({ rowsAtZeek: 0, onlyHere: [] });
  expect(all.events.map(({ code }) => code)).not.toContain('zeek-diverged');
});

test('every key that differs is named, exactly, and nothing is changed by asking', async () => {
  const all = await checked();
  await filled(all, 300);
  const manager = all.zeek.node('manager');
  manager.setInside(name, 'k7', 70);
  manager.setInside(name, 'k8', 80);
  for (let at = 100; at < 250; at++) manager.table(name).take([string(`k${at}`)]);
  manager.setInside(name, 'new', 1);
  const check = await all.attachment.check(name);
  expect(check).toMatchObject({
    different: ['k7', 'k8'],
    onlyAtZeek: ['new'],
    rowsHere: 300,
    rowsAtZeek: 151,
  });
  expect(check.onlyHere).toEqual(Array.from({ length: 150 }, (_, at) => `k${at + 100}`));
  const event = all.events.find(({ code }) => code === 'zeek-diverged');
  expect(event).toMatchObject({ severity: 'warning', table: name });
  expect(event?.details).toMatchObject({ count: 153, different: ['k7', 'k8'], onlyAtZeek: ['new'] });
  expect(event?.details?.['onlyHere']).toHaveLength(100);
  expect([all.counts.size, all.counts.get('k7'), manager.size(name)]).toEqual([300, 7, 151]);
});

test('rows that are on their way while both sides are compared are left out', async () => {
  const all = await checked();
  await filled(all, 3);
  const { zeek, attachment, counts } = all;
  zeek.faults.drop = ({ name: event }) => {
    if (event === 'Tablecast::content_begins') zeek.node('worker').set(name, 'k0', 10);
    return false;
  };
  counts.set('k1', 20);
  const check = await attachment.check(name);
  expect(check).toMatchObject({ different: [], onlyHere: [], onlyAtZeek: [] });
  expect(check.undecided).toBe(2);
  zeek.faults.drop = () => false;
  expect(await attachment.check(name)).toMatchObject({ different: [], undecided: 0 });
});

test('rows that cannot be read are counted and reported', async () => {
  const all = await checked();
  await filled(all, 1);
  all.zeek
    .node('manager')
    .table(name)
    .put([string('broken')], none);
  expect(await all.attachment.check(name)).toMatchObject({ unreadable: 1, onlyAtZeek: [], rowsAtZeek: 2 });
  expect(all.events.find(({ code }) => code === 'zeek-diverged')?.message).toContain('1 cannot be read');
});

test('a table that Zeek does not tell of, or not whole, is refused with the reason', async () => {
  const all = await checked(['E2e::short', 'E2e::hosts', name], {
    limits: { maxContentRows: 1 },
    timings: { ...timings, answerMs: 300 },
  });
  await filled(all, 2);
  await expect(all.attachment.check(name)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  await expect(all.attachment.check('other')).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  all.zeek.node('manager').replaceVariable('E2e::short');
  await expect(all.attachment.check('E2e::short')).rejects.toMatchObject({ code: 'PEER_REFUSED' });
  all.zeek.faults.drop = ({ topic }) => topic.startsWith('tablecast/content/');
  await expect(all.attachment.check('E2e::hosts')).rejects.toMatchObject({
    code: 'PEER_UNREACHABLE',
    retryable: true,
  });
  const asked = all.attachment.check('E2e::hosts').catch((error: unknown) => error);
  await all.attachment.close();
  expect(await asked).toMatchObject({ code: 'CLOSED' });
  await expect(all.attachment.check('E2e::hosts')).rejects.toMatchObject({ code: 'CLOSED' });
});

test('a Zeek without the script package says so at once, and without it there is nothing to ask', async () => {
  const zeek = simulated();
  await zeek.listen();
  later(() => zeek.stop());
  const node = await openNode({ id: 'a' });
  later(() => node.close());
  const codes: string[] = [];
  node.events.subscribe(({ code }) => codes.push(code));
  const attachment = node.attachZeek(attachmentTo(zeek.url, { timings: { ...timings, answerMs: 60_000 } }));
  await expect(attachment.check(name)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
  await until(() => codes.includes('zeek-connected'));
  await expect(attachment.check(name)).rejects.toMatchObject({ code: 'PEER_REFUSED' });
  await expect(attachment.check(name)).rejects.toMatchObject({ code: 'PEER_REFUSED' });
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(codes).not.toContain('zeek-problem');
});

test('tables that not every Zeek node has, and keys that come back otherwise, are not taken over', () => {
  const reason = (type: string, topic?: string, topics: readonly string[] = []): string | undefined => {
    const zeek = compileZeekTable('T::t', { type, topic });
    return obstacleOf({ name: 'T::t', zeek } as AttachedTable, topics);
  };
  expect(reason('table[addr, port] of time')).toBeUndefined();
  expect(reason('table[string] of count', 'zeek/table/other/')).toBeUndefined();
  expect(reason('table[string] of count', 'zeek/cluster/worker')).toContain('zeek/cluster/worker');
  expect(reason('table[string] of count', undefined, ['mine/'])).toContain('mine/');
  for (const type of ['time', 'double', 'interval', 'pattern']) {
    expect(reason(`set[string, ${type}]`)).toContain('keys');
  }
});

test('what was sent before the last sign of life has arrived, what was sent later may not have', () => {
  const queue = new ChangeQueue();
  const attached = { name: 'one', projection: { schema: { keyText: String } } } as unknown as AttachedTable;
  const before = [{ present: true, value: 1 }];
  const send = (key: string, now: number, heardAt: number): void => {
    const change = { kind: 'new', key, time: 0 } as const;
    queue.sent([{ attached, topic: 't', position: 1, change, before }], { now, heardAt });
  };
  send('early', 10_000, 10_000);
  send('late', 15_000, 14_000);
  send('later', 40_000, 14_000);
  queue.broke(14_000);
  send('theirs', 41_000, 14_000);
  queue.forget(attached, 'theirs');
  expect([...(queue.own(attached) as Map<string, unknown>)]).toEqual([
    ['late', before],
    ['later', before],
  ]);
  expect(queue.takeUncertain().map(({ key }) => key)).toEqual(['late', 'later']);
});
