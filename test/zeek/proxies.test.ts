import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkNodeId } from '../../src/log/operations/origin.ts';
import { isProxyOf, proxyId, wasProxyOf } from '../../src/log/operations/proxy.ts';
import { RecentSlices } from '../../src/zeek/attachment/recent-slices.ts';
import type { AttachedTable } from '../../src/zeek/attachment/attached-table.ts';
import { ZeekNodes } from '../../src/zeek/attachment/zeek-nodes.ts';

const nodeId = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);
const cluster = fc.stringMatching(/^[A-Za-z0-9_-]{1,16}$/);

test('whatever Zeek calls its nodes, the ids they are written under are valid and tell whose they are', () => {
  fc.assert(
    fc.property(fc.string(), nodeId, fc.option(cluster), (author, own, name) => {
      const id = proxyId(name === null ? 'zeek' : `zeek-${name}`, author, own);
      expect(() => checkNodeId(id)).not.toThrow();
      expect(isProxyOf(own, id)).toBe(true);
    }),
  );
});

test('ids that differ stay different when they are shortened or made safe', () => {
  const long = 'x'.repeat(60);
  const ids = ['a.b', 'a-b', 'a b', 'a:b', `${long}1`, `${long}2`, ''].map((author) =>
    proxyId('zeek', author, 'me'),
  );
  expect(new Set(ids).size).toBe(ids.length);
  expect(proxyId('zeek', 'worker-1', 'sensor')).toBe('zeek.worker-1.sensor');
  expect(isProxyOf('other', 'zeek.worker-1.sensor')).toBe(false);
  expect(isProxyOf('sensor', 'zeekish.worker-1.sensor')).toBe(false);
});

test('an id says one way only whose it is: no other node may write under it', () => {
  fc.assert(
    fc.property(fc.string(), nodeId, nodeId, fc.option(cluster), (author, one, other, name) => {
      const id = proxyId(name === null ? 'zeek' : `zeek-${name}`, author, one);
      expect(isProxyOf(other, id)).toBe(one === other);
      // Also where the one is called as the other, with more before it or behind it.
      for (const close of [
        `${other}.${one}`,
        `${one}.${other}`,
        `a.${one}`,
        `${one.slice(0, 23)}-${other}`,
      ]) {
        if (close !== one && close.length <= 64) expect(isProxyOf(close, id), close).toBe(false);
      }
    }),
  );
  expect(isProxyOf('sensor', 'zeek.worker-1.north.sensor')).toBe(false);
  expect(isProxyOf('north.sensor', 'zeek.worker-1.north.sensor')).toBe(true);
  expect(isProxyOf('sensor', 'zeek-north.worker-1.sensor')).toBe(true);
  expect(isProxyOf('sensor', `zeek-${'n'.repeat(17)}.worker-1.sensor`)).toBe(false);
});

test('ids of more than 32 characters are told apart by 132 bits, and no node can be called like a hash', () => {
  // Two ids that 0.2 wrote alike: their beginnings and the 32-bit FNV-1a of both are equal.
  const [one, other] = [
    'sensor-of-the-north-side-00000042vu',
    'sensor-of-the-north-side-000000fuea',
  ] as const;
  const former = 'zeek.worker-1.sensor-of-the-north-sid-28bf8bab';
  expect([wasProxyOf(one, former), wasProxyOf(other, former)]).toEqual([true, true]);
  expect([isProxyOf(one, former), isProxyOf(other, former)]).toEqual([false, false]);
  const id = proxyId('zeek', 'worker-1', one);
  expect(id).toMatch(/^zeek\.worker-1\.-[A-Za-z0-9_-]{22}$/);
  expect([isProxyOf(one, id), isProxyOf(other, id)]).toEqual([true, false]);
  expect(() => checkNodeId(id.slice('zeek.worker-1.'.length))).toThrow('is not usable');
});

test('node ids are forgotten, oldest first, and names are kept as they are told', () => {
  const nodes = new ZeekNodes('zeek', 'me');
  expect(nodes.meet('id 1')).toBe(true);
  expect(nodes.meet('id 1', 'worker-1')).toBe(false);
  expect(nodes.proxyOf('id 1')).toBe('zeek.worker-1.me');
  for (let at = 0; at < 5000; at++) nodes.meet(`other ${at}`);
  expect(nodes.meet('id 1')).toBe(true);
  expect(nodes.meet('other 4999')).toBe(false);
});

test('rows of a refill count as crossed for a moment only, on the topic they went to', () => {
  const slices = new RecentSlices();
  const one = { name: 'one' } as AttachedTable;
  const two = { name: 'two' } as AttachedTable;
  slices.add({ attached: one, topic: 't', keys: new Set(['a', 'b']), at: 1000 });
  slices.add({ attached: one, topic: 'u', keys: new Set(['b']), at: 2000 });
  expect(slices.crossed(one, 'b', 2500)).toEqual(['t', 'u']);
  expect(slices.crossed(two, 'b', 2500)).toEqual([]);
  expect(slices.crossed(one, 'c', 2500)).toEqual([]);
  expect(slices.crossed(one, 'b', 3500)).toEqual(['u']);
  expect(slices.crossed(one, 'b', 9000)).toEqual([]);
  const keys = new Set(Array.from({ length: 100_000 }, (_, at) => String(at)));
  slices.add({ attached: one, topic: 'first', keys, at: 10_000 });
  slices.add({ attached: one, topic: 'second', keys, at: 10_000 });
  expect(slices.crossed(one, '1', 10_001)).toEqual(['second']);
});
