/** What Zeek says it holds is checked before it is taken over. */
import { afterEach, expect, test } from 'vitest';
import { count, none, string, vector, type ZeekData } from '../../src/zeek/protocol/data/zeek-data.ts';
import { tableChangeEvent } from '../../src/zeek/protocol/table-changes.ts';
import { begun, cluster, counts, isContent, joined, of, plugged, pulled } from './apart.ts';
import { cleanUp, sorted, until } from './support.ts';

afterEach(cleanUp);

const now = (): ZeekData => ({ type: 'timestamp', data: BigInt(Date.now()) * 1_000_000n });

function row(key: ZeekData, value: ZeekData, kind = 'TABLE_ELEMENT_NEW'): ZeekData {
  return vector({ type: 'enum-value', data: kind }, now(), vector(key), value, none);
}

test('hostile answers are checked row by row, take nothing away, and other people’s are not heard', async () => {
  const apart = await cluster();
  const { zeek } = apart;
  const a = await joined(apart);
  await begun(apart, a, { k: 1, other: 1 });
  await pulled(apart, a);
  const { id } = zeek.node('manager');
  const say = (topic: string, infos: readonly ZeekData[], from = id, table: string = counts): void => {
    zeek.publish({
      topic,
      name: tableChangeEvent,
      args: [vector(string(table), now(), string(from)), vector(...infos)],
    });
  };
  let isActing = false;
  zeek.faults.drop = (event) => {
    if (isActing || !isContent(event)) return false;
    const [, , name, question] = event.args;
    if (event.name !== 'Tablecast::content_begins' || name?.type !== 'string' || name.data !== counts)
      return name?.type !== 'string' || name.data === counts;
    isActing = true;
    const { topic } = event;
    const known = [string(id), string(counts), question ?? none];
    say(topic, [row(string('foreign'), count(1))], 'somebody');
    say(topic, [row(string('foreign'), count(1))], id, 'E2e::hosts');
    say('tablecast/content/a/x/', [row(string('foreign'), count(1))]);
    say('tablecast/content/', [row(string('foreign'), count(1))]);
    zeek.publish({ topic, name: 'Tablecast::content_begins', args: [count(1), ...known, count(1)] });
    zeek.publish({
      topic,
      name: 'Tablecast::content_ends',
      args: [...known, { type: 'boolean', data: true }],
    });
    zeek.publish({ topic, name: 'Tablecast::content_begins', args: [string(''), ...known, count(5)] });
    say(topic, [
      row(string('k'), string('text')),
      row(count(4), count(4)),
      none,
      row(string('gone'), count(1), 'TABLE_ELEMENT_REMOVED'),
    ]);
    say(topic, [row(string('__proto__'), count(7))]);
    isActing = false;
    return true;
  };
  await plugged(apart);
  await until(() => a.codes().includes('zeek-caught-up'));
  expect(sorted(a.counts)).toEqual([
    ['__proto__', 7],
    ['k', 1],
    ['other', 1],
  ]);
  await until(() => of(a, 'zeek-refused').some(({ details }) => details?.['count'] === 4));
  expect(Object.getPrototypeOf({})).toBe(Object.prototype);
});

test('an answer with more rows than may be, or than it says, is not taken', async () => {
  const apart = await cluster({ limits: { maxContentRows: 2 } });
  const a = await joined(apart);
  await begun(apart, a, { k: 1 });
  await pulled(apart, a);
  for (const key of ['x', 'y', 'z']) apart.zeek.node('worker').set(counts, key, 1);
  await plugged(apart);
  await until(() => a.codes().includes('zeek-missed'));
  expect(of(a, 'zeek-missed')[0]?.message).toContain('4 rows at Zeek, more than 2');
  expect(of(a, 'zeek-missed')[0]?.details).toMatchObject({ tables: [counts] });
  expect(a.counts.size).toBe(1);
});
