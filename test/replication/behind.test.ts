/** Bounds of what a node says, asks and answers of the nodes behind a peer. */
import { describe, expect, it } from 'vitest';
import { Announcements } from '../../src/replication/digests/announcements.ts';
import { type BehindParts, ComparisonsBehind } from '../../src/replication/digests/behind.ts';
import { Others } from '../../src/replication/digests/others.ts';
import type { Difference } from '../../src/replication/replica.ts';
import { encodeComparison } from '../../src/replication/wire/comparison-wire.ts';

const said = (hash: string, from: string) => ({ table: 't', state: 's', hash, from });

describe('what other nodes said of a table', () => {
  it('is enough once 8 said the same, and is not by one less', () => {
    const announcements = new Announcements();
    for (let node = 1; node <= 7; node++) announcements.note(said('h', `n${node}`), 's');
    announcements.note(said('h', 'n7'), 's');
    expect(announcements.isEnough('t', 's', 'h')).toBe(false);
    announcements.note(said('h', 'n8'), 's');
    expect(announcements.isEnough('t', 's', 'h')).toBe(true);
    announcements.note(said('h', 'n9'), 's');
    expect(announcements.others('t', 's', 'own')).toHaveLength(8);
    expect(announcements.isEnough('t', 's', 'own')).toBe(false);
  });

  it('is of 16 hashes at most, and then enough for one more', () => {
    const announcements = new Announcements();
    for (let hash = 1; hash <= 16; hash++) {
      expect(announcements.isEnough('t', 's', 'own')).toBe(false);
      announcements.note(said(`h${hash}`, `n${hash}`), 's');
    }
    expect(announcements.isEnough('t', 's', 'own')).toBe(true);
    announcements.note(said('h17', 'n17'), 's');
    expect(announcements.others('t', 's', 'own')).toHaveLength(16);
  });

  it('stays while the table is in that state, and gives way to what is said of another', () => {
    const announcements = new Announcements();
    announcements.note(said('h', 'a'), 's');
    announcements.note({ ...said('h', 'b'), state: 'later' }, 's');
    expect(announcements.others('t', 's', 'own')).toEqual(['a']);
    announcements.note({ ...said('h', 'b'), state: 'later' }, 'later');
    expect(announcements.others('t', 's', 'own')).toEqual([]);
    expect(announcements.others('t', 'later', 'own')).toEqual(['b']);
  });
});

it('16 nodes are compared with, one more only when it is wanted by name', () => {
  const others = new Others({
    partsFor: () => ({ kept: () => undefined }) as never,
    elapsed: () => 0,
    compared: () => undefined,
    lost: () => undefined,
  });
  for (let node = 1; node <= 16; node++) expect(others.with(`n${node}`)?.id).toBe(`n${node}`);
  expect(others.with('n17')).toBeUndefined();
  expect(others.with('n1')?.id).toBe('n1');
  expect(others.with('n17', true)?.id).toBe('n17');
});

it('one that differs is asked 3 times when it says nothing, and counts as gone instead of the fourth', () => {
  const asked: number[] = [];
  const lost: string[] = [];
  let now = 0;
  let differs: (table: string, differences: readonly Difference[]) => void = () => undefined;
  const others = new Others({
    partsFor: (_, compared) => {
      differs = compared;
      return { kept: () => undefined, replica: { table: () => void asked.push(now) } } as never;
    },
    elapsed: () => now,
    compared: () => undefined,
    lost: (id) => lost.push(id),
  });
  others.with('a');
  differs('t', [{} as Difference]);
  const minute = 60_000;
  for (let count = 1; count <= 3; count++) {
    now = count * minute;
    others.look();
    expect(asked).toHaveLength(count - 1);
    now++;
    others.look();
    expect(asked).toHaveLength(count);
  }
  now = 4 * minute;
  others.look();
  expect([others.get('a')?.id, lost]).toEqual(['a', []]);
  now++;
  others.look();
  expect([others.get('a'), lost, asked.length]).toEqual([undefined, ['a'], 3]);
});

it('256 questions are answered between two looks, and the next one behind the next look', async () => {
  let [answers, look] = [0, (): void => undefined];
  let take: (frame: Uint8Array, from: string, isForAll: boolean) => unknown = () => undefined;
  const table = { name: 't', lives: 0, changes: 0, state: () => 's' };
  const parts = {
    environment: { schedule: (_: number, task: () => void) => (look = task), elapsed: () => 0 },
    replica: { nodeId: 'own', table: () => table },
    tables: { shared: new Map([['t', { writable: false }]]) },
    slices: {
      run: (_: unknown, { done }: { readonly done: () => void }) => {
        answers++;
        done();
      },
    },
    behind: { listen: (taken: typeof take) => (take = taken) },
  };
  new ComparisonsBehind(parts as unknown as BehindParts).start();
  const question = encodeComparison({
    type: 'ask',
    table: 't',
    state: 's',
    round: 1,
    of: 'buckets',
    numbers: [],
  });
  for (let count = 1; count <= 257; count++) await take(question, `n${count % 3}`, false);
  expect(answers).toBe(256);
  look();
  await take(question, 'n1', false);
  expect(answers).toBe(257);
});
