import { type TableNode, openNode } from 'tablecast';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EXPOSITION_TYPE, METRICS, expose, observe } from '../../src/entries/observability.ts';
import { openNode as openCore } from '../../src/entries/core.ts';

let node: TableNode;
beforeEach(async () => {
  node = await openNode({ id: 'watched' });
});
afterEach(() => node.close());

test('a node without a health port tells an HTTP server of the user that it lives and is ready', async () => {
  const observation = observe(node);
  node.table('t', { key: 'string', value: 'count' });
  expect(observation.livez()).toMatchObject({ status: 200, type: expect.stringContaining('json') });
  const ready = await observation.readyz();
  expect(ready.status).toBe(200);
  expect(JSON.parse(ready.text)).toMatchObject({ node: 'watched', tables: { declared: 1 } });
  observation.stop();
});

test('its metrics are those of its port, as values and as text', async () => {
  const table = node.table('t', { key: 'string', value: 'count' });
  table.set('a', 1).set('b', 2);
  const observation = observe(node);
  const metrics = await observation.metrics();
  expect(metrics.map(({ name }) => name)).toEqual(METRICS.map(({ name }) => name));
  const rows = metrics.find(({ name }) => name === 'tablecast_table_rows');
  expect(rows?.samples).toEqual([{ labels: { table: 't' }, value: 2 }]);
  const { type, text } = await observation.exposed();
  expect(type).toBe(EXPOSITION_TYPE);
  expect(text).toBe(expose(metrics));
  observation.stop();
  observation.stop();
});

test('a node that is closing is not ready, and says so', async () => {
  const observation = observe(node);
  await node.close();
  const { status, text } = await observation.readyz();
  expect(status).toBe(503);
  expect(JSON.parse(text)).toMatchObject({ ready: false });
  observation.stop();
});

test('a node of the core, and what is no node, are refused with what to do', async () => {
  const page = await openCore({ id: 'page' });
  const refusal = { code: 'OPTION_INVALID', hint: expect.stringContaining("openNode of 'tablecast'") };
  expect(() => observe(page)).toThrow(expect.objectContaining(refusal));
  expect(() => observe({ id: 'nobody' })).toThrow(expect.objectContaining(refusal));
  await page.close();
});
