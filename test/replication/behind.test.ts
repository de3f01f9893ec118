/** Bounds of what a node says, asks and answers of the nodes behind a peer. */
import { describe, expect, it } from 'vitest';
import { Announcements } from '../../src/replication/digests/announcements.ts';
import { Others } from '../../src/replication/digests/others.ts';

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
