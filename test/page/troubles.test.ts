import { describe, expect, test } from 'vitest';
import { GONE, withGonePeers } from '../../page/src/model/gone-peers.ts';
import { whoDiffers, whyDiffers } from '../../page/src/model/divergence-words.ts';
import { troublesOf } from '../../page/src/model/problems.ts';
import { lookOf, peerOf, tableOf } from './look.ts';

/** What is told, and where its action leads. */
function told(parts: Parameters<typeof lookOf>[0]): readonly (readonly [string, string | undefined])[] {
  return troublesOf(lookOf(parts)).map(({ what, action }) => [what, action?.path.join('/')]);
}

const disk = { appended: 9, committed: 9, trimmedTo: 0, waitingBytes: 0, failure: null };

describe('what the page says is wrong', () => {
  test('is nothing where every link stands and no table has diverged', () => {
    expect(told({ tables: [tableOf()], peers: [peerOf()] })).toEqual([]);
    expect(told({ node: { ...lookOf().node, disk } })).toEqual([]);
  });

  test('is a table that has diverged, with the way to its repair', () => {
    const differing = [{ peer: 'two', keys: 3 }];
    const [[what, path] = []] = told({ tables: [tableOf({ differing })] });
    expect(what).toBe(
      'Table hosts has diverged: two (3 keys) holds other rows than one, after the same operations.',
    );
    expect(path).toBe('conflicts/hosts');
  });

  test('names the peers that agree in a table that has diverged, or says that none does', () => {
    const tables = [{ name: 'hosts', mode: 'naive', shared: true }];
    const peers = [
      peerOf({ tables }),
      peerOf({ nodeId: 'three', address: 'ws://127.0.0.1:3', tables }),
      peerOf({ nodeId: 'four', address: 'ws://127.0.0.1:4', tables: [] }),
      peerOf({ nodeId: 'five', address: 'ws://127.0.0.1:5', tables, state: 'waiting' }),
    ];
    const words = (...differing: string[]): string =>
      whoDiffers(tableOf({ differing: differing.map((peer) => ({ peer, keys: 1 })) }), lookOf({ peers }));
    expect(words('two')).toBe(
      'two (1 key) holds other rows than one, after the same operations. three agrees with one.',
    );
    expect(words('two', 'three')).toBe(
      'two (1 key) and three (1 key) hold other rows than one, after the same operations. No peer agrees with one: it may be the one that stands alone.',
    );
  });

  test('says of a key that differs what came last to whom', () => {
    const side = (origin: string, sequence = 1) => ({ value: 'x', origin, sequence });
    const why = (here: ReturnType<typeof side> | null, there: ReturnType<typeof side> | null): string =>
      whyDiffers({ key: 'k', peer: 'two', here, there }, 'one');
    expect(why(side('two@1'), side('one@1'))).toBe(
      'Two writes met, of two and of one: that of two came last to one, that of one to two.',
    );
    expect(why(null, side('one@1'))).toBe(
      'A removal and a write of one met: the removal came last to one, the write to two.',
    );
    expect(why(side('three@1'), null)).toBe(
      'A removal and a write of three met: the removal came last to two, the write to one.',
    );
    expect(why(side('one@1'), side('one@1'))).toContain('Both name the same write of one');
    expect(why(side('one@1'), side('one@1', 2))).toContain('Two writes met');
  });

  test('is a peer that is away, for how long and why', () => {
    const away = peerOf({ state: 'waiting', reason: 'connect ECONNREFUSED' });
    expect(told({ peers: [away] })).toEqual([
      ['No connection with two for 6.0 s: connect ECONNREFUSED', undefined],
    ]);
  });

  test('is a peer that dialled this node and is gone, until it is back or ten minutes are over', () => {
    const at = (time: number): ReturnType<typeof lookOf> => lookOf({ node: { ...lookOf().node, time } });
    const command = peerOf({ nodeId: 'cli-0a1b2c3d-4', direction: 'accepted' });
    const there = { ...at(1000), peers: [peerOf({ direction: 'accepted' }), command] };
    const gone = withGonePeers(there, at(2000));
    const later = withGonePeers(gone, at(5000));
    expect(troublesOf(later).map(({ what }) => what)).toEqual([`two is gone for 3.0 s: ${GONE}.`]);
    expect(withGonePeers(later, { ...at(6000), peers: there.peers }).peers).toEqual(there.peers);
    expect(withGonePeers(later, at(602_000)).peers).toHaveLength(1);
    expect(withGonePeers(later, at(602_001)).peers).toEqual([]);
    expect(withGonePeers({ ...there, peers: [peerOf()] }, at(2000)).peers).toEqual([]);
  });

  test('is a peer that refuses, which no waiting mends', () => {
    const [trouble] = troublesOf(lookOf({ peers: [peerOf({ state: 'refused', reason: 'token' })] }));
    expect(trouble).toMatchObject({
      severity: 'bad',
      todo: expect.stringContaining('Waiting does not mend it'),
    });
  });

  test.each([
    [2000, 'two is 2.0 s ahead'],
    [-2000, 'two is 2.0 s behind'],
  ])('is a clock that is %i ms away', (clockOffsetMs, words) => {
    expect(told({ peers: [peerOf({ clockOffsetMs })] })[0]?.[0]).toContain(words);
    expect(told({ peers: [peerOf({ clockOffsetMs: clockOffsetMs - Math.sign(clockOffsetMs) })] })).toEqual(
      [],
    );
  });

  test('is a peer that is 10,000 operations behind, and none that is one less', () => {
    expect(told({ peers: [peerOf({ lagOperations: 9999 })] })).toEqual([]);
    expect(told({ peers: [peerOf({ lagOperations: 10_000 })] })[0]?.[0]).toContain('two is behind: 10,000');
  });

  test('is what is held back, by whom and from which operation on, with the hint of the node', () => {
    const held = {
      by: 'here' as const,
      table: 'hosts',
      origin: 'two@1',
      sequence: 4,
      code: 'OPERATION_INVALID',
      reason: 'a key of another type',
      hint: 'Declare it alike.',
      since: 0,
      times: 1,
    };
    const [trouble] = troublesOf(lookOf({ peers: [peerOf({ heldBack: [held] })] }));
    expect(trouble?.what).toContain(
      'does not take from two operations of two@1 in table hosts, from number 4 on',
    );
    expect(trouble?.todo).toBe('Declare it alike.');
  });

  test('is a disk that takes no writes, before everything that is less bad', () => {
    const peers = [peerOf({ clockOffsetMs: 5000 })];
    const node = { ...lookOf().node, disk: { ...disk, failure: 'BACKEND_FULL' } };
    const troubles = troublesOf(lookOf({ node, peers }));
    expect(troubles.map(({ id }) => id)).toEqual(['disk', 'clock ws://127.0.0.1:1']);
    expect(troubles[0]?.what).toContain('the disk is full');
  });

  test('is a table in another mode on a peer, and a Zeek cluster that is away', () => {
    const peers = [peerOf({ tables: [{ name: 'hosts', mode: 'lww', shared: true }] })];
    const zeek = [
      { name: 'site', address: 'ws://zeek:1', state: 'waiting', tables: ['t'], missed: { t: 3 } },
    ];
    const words = told({ peers, tables: [tableOf()], node: { ...lookOf().node, zeek } }).map(
      ([what]) => what,
    );
    expect(words).toEqual([
      '3 or more changes of t were lost between Zeek at ws://zeek:1 and this node.',
      'No connection with Zeek at ws://zeek:1 (waiting).',
      'Table hosts is in mode naive here and lww on two.',
    ]);
  });
});
