import { afterEach, describe, expect, it } from 'vitest';
import { NodeUnderAttack, type FakePeer } from '../reliability/support/fake-peer.ts';
import { type WaitingChanges, waitingChanges } from '../reliability/support/waiting-changes.ts';
import { Turns } from '../support/turns.ts';

/** Nothing may keep the event loop longer than this. */
const MOST_MS = 50;
/** The first ones run code that is not compiled yet, and pauses of others on the machine count too. */
const TRIES = 60;

const declaration = { key: 'string', value: 'int', mode: 'automerge' } as const;
const targets: NodeUnderAttack[] = [];

afterEach(async () => {
  await Promise.all(targets.splice(0).map((target) => target.close()));
});

async function attacked(turns: Turns): Promise<{ target: NodeUnderAttack; peer: FakePeer }> {
  const target = await NodeUnderAttack.open({ id: 'victim' }, turns);
  targets.push(target);
  target.node.table('t', declaration);
  const peer = target.connect();
  peer.greet('evil');
  return { target, peer };
}

/** Delivers frames one after the other, each when what it made to do is done. */
async function delivered(peer: FakePeer, turns: Turns, frames: readonly Uint8Array[]): Promise<void> {
  for (const frame of frames) {
    peer.deliver(frame);
    await turns.all();
  }
}

/** The longest turn in which so many changes take effect that had waited for one. */
async function longestOf(made: WaitingChanges): Promise<number> {
  const turns = new Turns();
  const { target, peer } = await attacked(turns);
  const table = target.node.table('t', declaration);
  let told = 0;
  table.changes.subscribe(() => told++);
  await delivered(peer, turns, made.waiting);
  expect(table.size).toBe(0);
  turns.longestMs = 0;
  turns.measured(() => peer.deliver(made.awaited));
  await turns.all();
  expect(peer.closedWith).toBeUndefined();
  expect([table.size, told]).toEqual([made.rows, made.rows]);
  return turns.longestMs;
}

describe('changes of a document that waited for another (S7, S10)', () => {
  it.each([
    ['of one operation each', { runs: 9000, changes: 1, operations: 1, runsPerFrame: 1000 }],
    ['of a thousand operations each', { runs: 32, changes: 1, operations: 1000, runsPerFrame: 1 }],
  ])('%s take effect in turns of less than 50 ms', async (_, size) => {
    const made = waitingChanges(size);
    let best = Infinity;
    for (let tries = 0; tries < TRIES && best > MOST_MS * 0.8; tries++)
      best = Math.min(best, await longestOf(made));
    expect(best).toBeLessThan(MOST_MS);
  });

  it('take effect frame by frame, between writes of this node', async () => {
    const made = waitingChanges({ runs: 80, changes: 5, operations: 1, runsPerFrame: 2 });
    const turns = new Turns(16);
    const { target, peer } = await attacked(turns);
    const table = target.node.table('t', declaration);
    await delivered(peer, turns, made.waiting);
    peer.deliver(made.awaited);
    const sizes: number[] = [];
    for (let turn = 0; turns.waits; turn++) {
      if (turn === 5) table.set('79 2', -1);
      await turns.next();
      sizes.push(table.size);
    }
    // The one that was waited for, and then a row of this node's, beside whole frames.
    expect(new Set(sizes.map((size) => size % 10))).toEqual(new Set([1, 2]));
    expect(new Set(sizes).size).toBeGreaterThan(20);
    expect(table.size).toBe(made.rows);
    expect(new Set(table.conflictsOf('79 2').map(({ value }) => value))).toEqual(new Set([-1, 2]));
  });
});
