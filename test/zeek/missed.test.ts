/** What was missed and is not made good is seen by who looks, not only by who listened when it was told. */
import { afterEach, expect, test } from 'vitest';
import { observe } from '../../src/node/observe.ts';
import { tableChangeEvent } from '../../src/zeek/protocol/table-changes.ts';
import { run } from '../cli/support/command.ts';
import { allHold, begun, cluster, counts, joined, pulled, timings } from './apart.ts';
import { type Attached, cleanUp, later, until } from './support.ts';

afterEach(cleanUp);

/** The metric of a table, read anew. */
async function missedOf({ node }: Attached, table = counts): Promise<number | undefined> {
  const observation = observe(node);
  const metrics = await observation.metrics();
  observation.stop();
  const samples = metrics.find(({ name }) => name === 'tablecast_table_zeek_missed')?.samples ?? [];
  return samples.find(({ labels }) => labels?.['table'] === table)?.value;
}

async function status({ node }: Attached, ...words: string[]): Promise<string> {
  const { stdout } = await run(['status', '--peer', node.address ?? '', ...words]);
  return stdout;
}

test('what a Zeek node lost stands in the metric and the status until it has it', async () => {
  const apart = await cluster({ timings: { ...timings, answerMs: 1000 } }, { pulseMs: 40 });
  const a = await joined(apart, { id: 'a', listen: { port: 0 } });
  await begun(apart, a, { before: 0 });
  const pulses = apart.zeek.pulses;
  await until(() => apart.zeek.pulses >= pulses + 8);
  expect(await missedOf(a)).toBe(0);
  apart.zeek.faults.dropAt = ({ name }, event) => name === 'worker' && event.name === tableChangeEvent;
  for (let at = 0; at < 7; at++) a.counts.set(`k${at}`, at);
  await until(async () => (await missedOf(a)) === 7, 'the metric to say 7');
  expect(await missedOf(a, 'E2e::hosts')).toBe(0);
  const [text, json] = await Promise.all([status(a), status(a, '--json')]);
  expect(text.replaceAll(/\s+/g, ' ')).toContain(
    `missed in ${counts}: 7 changes or more between Zeek and the node`,
  );
  expect(JSON.parse(json)).toMatchObject({ zeek: [{ state: 'connected', missed: { [counts]: 7 } }] });
  apart.zeek.faults.dropAt = () => false;
  await until(async () => (await missedOf(a)) === 0, 'the metric to say 0');
  const all = Object.fromEntries(Array.from({ length: 7 }, (_, at) => [`k${at}`, at]));
  await allHold(apart, a, { before: 0, ...all });
});

test('what Zeek changed meanwhile and nobody can know counts as one, until this node fills Zeek again', async () => {
  const apart = await cluster({}, { pulseMs: undefined });
  const a = await joined(apart);
  await begun(apart, a, { k: 1 });
  await pulled(apart, a);
  apart.zeek.change({ tablecast: undefined });
  for (const script of apart.zeek.scripts.values()) script.stop();
  apart.zeek.scripts.clear();
  apart.cable.plug();
  await until(() => a.codes().includes('zeek-missed'));
  expect(await missedOf(a)).toBe(1);
  a.zeek.refill(counts);
  expect(await missedOf(a)).toBe(0);
  expect(await missedOf(a, 'E2e::hosts')).toBe(1);
});

test('a node without a cluster has the metric, and says nothing of Zeek', async () => {
  const { openNode } = await import('../../src/index.ts');
  const node = await openNode({ id: 'a', listen: { port: 0 } });
  later(() => node.close());
  node.table('t', { key: 'addr' });
  expect(await missedOf({ node } as Attached, 't')).toBe(0);
  expect(await status({ node } as Attached)).not.toContain('Zeek');
});
