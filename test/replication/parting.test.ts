import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeEvent } from '../../src/index.ts';
import { RunWriter } from '../../src/log/run.ts';
import type { TableState } from '../../src/replication/wire.ts';
import { type FakePeer, NodeUnderAttack } from '../reliability/support/fake-peer.ts';

const counts = { key: 'string', value: 'count', backend: 'memory' } as const;

describe('what a peer says of the sessions that wrote what it holds', () => {
  let under: NodeUnderAttack;
  let events: NodeEvent[];

  beforeEach(async () => {
    under = await NodeUnderAttack.open({ id: 'here' });
    events = [];
    under.node.events.subscribe((event) => events.push(event));
    under.node.table('counts', counts).set('key', 1);
    await under.node.flush();
  });
  afterEach(() => under.close());

  /** Greets, and says so much of the table more than the node did itself. */
  async function greeted(more: (state: TableState) => Partial<TableState>): Promise<FakePeer> {
    const peer = under.connect();
    const tables = peer.hello.tables.map((state) => ({ ...state, ...more(state) }));
    peer.greet('there', { tables });
    await setImmediate();
    return peer;
  }

  const forks = (): NodeEvent[] => events.filter(({ code }) => code === 'fork-detected');

  it('agrees with what this node says', async () => {
    const peer = await greeted(() => ({}));
    under.node.table('counts', counts).set('key', 2);
    await under.node.flush();
    await setImmediate();
    expect(forks()).toEqual([]);
    expect(peer.messages('runs')).toHaveLength(1);
  });

  it('is not needed: a peer of 0.1.0 does not say it', async () => {
    // What the first peer says of this node's own is judged by what was here at the start.
    await greeted(() => ({ held: [], sessions: undefined }));
    const peer = await greeted(() => ({ sessions: undefined }));
    under.node.table('counts', counts).set('key', 2);
    await under.node.flush();
    await setImmediate();
    expect(forks()).toEqual([]);
    expect(peer.messages('runs')).toHaveLength(1);
  });

  it('parts the table when it is another one for the same operation, which the peer is told', async () => {
    const peer = await greeted(({ sessions = [] }) => ({ sessions: sessions.map((session) => session + 1) }));
    under.node.table('counts', counts).set('key', 2);
    await under.node.flush();
    await setImmediate();
    expect(forks()).toHaveLength(1);
    expect(peer.messages('runs')).toEqual([]);
    expect(peer.messages('tables').map(({ tables: [state] }) => state?.parted)).toEqual([
      peer.hello.tables[0]?.held[0]?.[0],
    ]);
    expect(peer.closedWith).toBeUndefined();
  });

  it('may be that it knows of a fork, of a life that this node holds; of another it means nothing', async () => {
    await greeted(() => ({ parted: 'nobody@1\n2026 forged line' }));
    expect(forks()).toEqual([]);
    await greeted(({ held }) => ({ parted: held[0]?.[0] }));
    expect(forks()).toHaveLength(1);
  });

  it('is refused when it is no list of numbers', async () => {
    const peer = await greeted(() => ({ sessions: ['one'] as never }));
    expect(peer.closedWith).toMatch(/^A peer sent a message whose tables/);
  });

  it('may be longer or shorter than what it holds', async () => {
    await greeted(() => ({ held: [] }));
    for (const sessions of [[], [0], Array.from({ length: 100 }, () => 0)])
      await greeted(() => ({ sessions }));
    expect(forks()).toEqual([]);
  });

  it('shows in operations that come twice, from two sessions of their author', async () => {
    const peer = await greeted(() => ({ held: [] }));
    peer.say({ type: 'runs', runs: [runOf({ first: 1, session: 8, value: 10 })] });
    peer.say({ type: 'runs', runs: [runOf({ first: 1, session: 8, value: 10 })] });
    await setImmediate();
    expect(forks()).toEqual([]);
    const others = [runOf({ first: 1, session: 9, value: 20 }), runOf({ first: 2, session: 9, value: 30 })];
    peer.say({ type: 'runs', runs: others });
    await setImmediate();
    expect(forks().map(({ details }) => details?.['origin'])).toEqual(['author@1']);
    expect(under.node.table('counts', counts).get('of another')).toBe(10);
  });
});

/** One write of a node that is neither of the two. */
function runOf({ first, session, value }: { first: number; session: number; value: number }): Uint8Array {
  const writer = new RunWriter('integer');
  writer.begin(first, { chapter: first, keys: 0, origins: 0 }, []);
  writer.addKey('of another');
  writer.addSet(0, value, 1000 + first);
  return writer.encode('counts', 'author@1', session);
}
