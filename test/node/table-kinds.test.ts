import { expect, test } from 'vitest';
import { MapTable, SetTable, Table, openNode } from '../../src/index.ts';

test('a table is an instance of its kind and of Table, and nothing else is', async () => {
  const node = await openNode({ id: 'kinds' });
  const counts = node.table('counts', { key: 'string', value: 'count' });
  const seen = node.table('seen', { key: 'string' });
  const kindsOf = (value: unknown): boolean[] => [
    value instanceof Table,
    value instanceof MapTable,
    value instanceof SetTable,
  ];
  expect(kindsOf(counts)).toEqual([true, true, false]);
  expect(kindsOf(seen)).toEqual([true, false, true]);
  for (const other of [new Map(), new Set(), node, null, 'counts'])
    expect(kindsOf(other)).toEqual([false, false, false]);
  const [first] = node.tables.values();
  // A compiler knows the kind as well.
  if (first instanceof MapTable) expect(first.set('a', 1).get('a')).toBe(1);
  await node.close();
});
