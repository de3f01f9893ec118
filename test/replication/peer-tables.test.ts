import { expect, it } from 'vitest';
import { PeerTables } from '../../src/replication/peers/peer-tables.ts';
import type { Replica, ReplicaTable } from '../../src/replication/replica.ts';

/** As many as a peer may name when it greets. */
const MOST_LIVES = 16_384;

it('of what a peer sends, no more lives are remembered than it may name, and those go on to be counted', () => {
  const table = {
    name: 't',
    fingerprint: 'f',
    mode: 'naive',
    epoch: { counter: 0, origin: '', mode: 'naive' },
    forgottenNodes: [],
    vector: () => [],
    rows: 0,
  } as unknown as ReplicaTable;
  const replica = { nodeId: 'a', table: () => table, held: () => 0 } as unknown as Replica;
  const tables = new PeerTables(replica);
  tables.learn({ name: 't', fingerprint: 'f', mode: 'naive', declaration: {}, held: [['b@1', 7]] });
  const send = (origin: string, firstSequence: number): boolean =>
    tables.received({ table: 't', origin, firstSequence, count: 2, bytes: new Uint8Array() });
  for (let life = 0; life < MOST_LIVES + 1000; life++) expect(send(`c@${life}`, 1)).toBe(true);
  tables.holds(
    't',
    Array.from({ length: 1000 }, (_, life) => [`d@${life}`, 1]),
  );
  const { has } = tables.shared.get('t') as { has: Map<string, number> };
  expect(has.size).toBe(MOST_LIVES);
  send('b@1', 9);
  send('c@5', 3);
  expect([has.get('b@1'), has.get('c@5'), has.get(`c@${MOST_LIVES}`)]).toEqual([10, 4, undefined]);
});
