import { expect, it } from 'vitest';
import { PeerHoldings } from '../../src/replication/peers/peer-holdings.ts';
import type { Replica } from '../../src/replication/replica.ts';
import { Holdings } from '../../src/replication/session/holdings.ts';
import type { WantedOperation } from '../../src/replication/wire/holding-wire.ts';

const epoch = { counter: 0, origin: '' };
const want = (index: number, sequence = 5): WantedOperation => {
  return { table: `t${index}`, origin: 'a@1', sequence, epoch };
};

it('asks a peer for 1,024 operations at a time, and for the next one when one is answered', () => {
  const asked: WantedOperation[] = [];
  const holdings = new PeerHoldings((wants) => void asked.push(...wants));
  const wants = Array.from({ length: 1025 }, (_, index) => want(index));
  holdings.want(wants);
  expect(asked).toHaveLength(1024);
  holdings.want(wants);
  expect(asked).toHaveLength(1024);
  expect(holdings.heard([{ table: 't7', origin: 'a@1', sequence: 5 }])).toBe(true);
  holdings.want(wants.filter((one) => !holdings.holds(one)));
  expect(asked.at(-1)).toEqual(want(1024));
});

it('asks again for more, or under another switch, and for nothing twice', () => {
  const asked: WantedOperation[] = [];
  const holdings = new PeerHoldings((wants) => void asked.push(...wants));
  const switched = { ...want(1, 6), epoch: { counter: 1, origin: 'b@1' } };
  for (const one of [want(1), want(1), want(1, 6), want(1, 6), switched, switched]) holdings.want([one]);
  expect(asked).toEqual([want(1), want(1, 6), switched]);
});

it('believes nothing that it has not asked for', () => {
  const holdings = new PeerHoldings(() => undefined);
  expect(holdings.heard([{ table: 't1', origin: 'a@1', sequence: 2 ** 50 }])).toBe(false);
  expect(holdings.held(want(1))).toBeUndefined();
  holdings.want([want(1)]);
  expect(holdings.holds(want(1))).toBe(false);
});

it('says nothing of a write under an earlier switch than the one in force, and nothing of what is not shared', () => {
  const inForce = { counter: 1, origin: 'b@1', mode: 'lww' };
  const table = { name: 't1', store: 'memory', epoch: inForce, held: () => 5 };
  const store = { committed: 0, appended: 0, backend: { durable: false } };
  const replica = { table: () => table, log: { stores: new Map([['memory', store]]) } } as unknown as Replica;
  let isShared = false;
  const holdings = new Holdings(replica, () => isShared);
  holdings.want([{ ...want(1), epoch: inForce }]);
  expect(holdings.news()).toEqual([]);
  isShared = true;
  holdings.want([want(1)]);
  expect(holdings.news()).toEqual([]);
  holdings.want([{ ...want(1), epoch: inForce }]);
  expect(holdings.news()).toEqual([{ table: 't1', origin: 'a@1', sequence: 5 }]);
  expect(holdings.size).toBe(0);
});
