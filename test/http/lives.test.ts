import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { NodeOptions, TableNode } from 'tablecast';
import { ask, followStream, newDirectory, openWithHttp } from './support.ts';

const declaration = { key: 'string', value: 'count', backend: 'sqlite' } as const;
const CHANGES = '/v1/tables/kept/changes';

/** A copy of a database that is in use: what a killed process, or a power loss at that moment, leaves. */
function imageOf(directory: string): string {
  const image = newDirectory();
  for (const name of readdirSync(directory))
    if (!name.endsWith('-shm')) cpSync(join(directory, name), join(image, name));
  return image;
}

async function write(node: TableNode, from: number, to: number): Promise<void> {
  const table = node.table('kept', declaration);
  for (let n = from; n <= to; n++) table.set(`k${n}`, n);
  await node.flush();
}

async function keysBehind(url: string, id: string, count: number): Promise<unknown[]> {
  const stream = await followStream(url, CHANGES, { 'last-event-id': id });
  return (await stream.take(count)).map(({ data }) => data['key']);
}

/** Opens a node, writes three rows, leaves an image of it, and writes three more; gives the ids of all. */
async function cutOff(
  options: Partial<NodeOptions>,
): Promise<{ readonly ids: string[]; readonly image: string; readonly whole: string }> {
  const whole = newDirectory();
  const first = await openWithHttp({ ...options, directory: whole });
  await write(first, 1, 3);
  const image = imageOf(whole);
  await write(first, 4, 6);
  const stream = await followStream(first.url, `${CHANGES}?after=0`);
  const ids = (await stream.take(6)).map(({ id }) => id);
  await first.close();
  return { ids, image, whole };
}

describe('Behind an id of an earlier life', () => {
  test('a stream is 410 when the log has lost what was told, although its position stands for something again', async () => {
    const { ids, image } = await cutOff({ durability: 'interval' });
    const second = await openWithHttp({ durability: 'interval', directory: image });
    await write(second, 104, 120);
    for (const id of ids.slice(3)) {
      const refused = await ask(second.url, CHANGES, { headers: { 'last-event-id': id } });
      expect([id, refused.status, refused.json['code']]).toEqual([id, 410, 'LOG_TRIMMED']);
      expect((await ask(second.url, `${CHANGES}?after=${id}`)).status).toBe(410);
      expect((await ask(second.url, '/v1/log', { headers: { 'last-event-id': id } })).status).toBe(410);
    }
    expect(await keysBehind(second.url, ids[1] as string, 3)).toEqual(['k3', 'k104', 'k105']);
    expect(await keysBehind(second.url, ids[2] as string, 2)).toEqual(['k104', 'k105']);
  });

  test('that stays so in lives after that, and of a directory that was put back', async () => {
    const { ids, image } = await cutOff({ durability: 'commit' });
    for (let life = 0; life < 2; life++) {
      const node = await openWithHttp({ durability: 'commit', directory: image });
      await write(node, 100 * (life + 1), 100 * (life + 1) + 5);
      expect(await keysBehind(node.url, ids[2] as string, 1)).toEqual(['k100']);
      const refused = await ask(node.url, CHANGES, { headers: { 'last-event-id': ids[5] as string } });
      expect(refused.status).toBe(410);
      await node.close();
    }
  });

  test('a stream goes on where nothing was lost: a process was killed, at commit and at interval', async () => {
    for (const durability of ['commit', 'interval'] as const) {
      const directory = newDirectory();
      const first = await openWithHttp({ durability, directory });
      await write(first, 1, 3);
      const stream = await followStream(first.url, `${CHANGES}?after=0`);
      const id = (await stream.take(3)).at(-1)?.id as string;
      const second = await openWithHttp({ durability, directory: imageOf(directory) });
      await write(second, 4, 6);
      expect(await keysBehind(second.url, id, 3)).toEqual(['k4', 'k5', 'k6']);
    }
  });

  test('nothing is passed over where tables that do not survive had counted on', async () => {
    const directory = newDirectory();
    const first = await openWithHttp({ directory });
    await write(first, 1, 1);
    const memory = first.table('seen', { key: 'count' });
    for (let n = 0; n < 10; n++) memory.add(n);
    await first.flush();
    const stream = await followStream(first.url, CHANGES);
    const log = await followStream(first.url, '/v1/log?after=0');
    await log.take(11);
    await write(first, 2, 3);
    await stream.take(2);
    for (let n = 0; n < 10; n++) memory.add(100 + n);
    const last = (await log.take(12)).at(-1)?.id as string;
    await first.close();
    const second = await openWithHttp({ directory });
    await write(second, 4, 40);
    const expected = Array.from({ length: 37 }, (_, n) => `k${n + 4}`);
    expect(await keysBehind(second.url, stream.lastId, 37)).toEqual(expected);
    const rest = await followStream(second.url, '/v1/log', { 'last-event-id': last });
    expect((await rest.take(37)).map(({ data }) => data['key'])).toEqual(expected);
  });
});

describe('The id of a list of rows', () => {
  test('leads on behind them, and stands for nothing that a killed node forgets', async () => {
    const directory = newDirectory();
    const first = await openWithHttp({ directory });
    const table = first.table('kept', declaration);
    const { url } = first;
    for (let n = 1; n <= 5; n++) {
      table.set(`k${n}`, n);
      const answer = await ask(url, '/v1/tables/kept/rows');
      const image = imageOf(directory);
      const second = await openWithHttp({ directory: image });
      const again = second.table('kept', declaration);
      expect(again.size).toBe(n);
      again.set('later', n);
      expect(await keysBehind(second.url, answer.json['id'] as string, 1)).toEqual(['later']);
      await second.close();
    }
  });
});
