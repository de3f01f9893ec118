import { afterEach, describe, expect, it } from 'vitest';
import type { Environment } from '../../src/environment.ts';
import type { TablecastError } from '../../src/errors.ts';
import { ANNOUNCED, Account, COMPARED, type Debtor } from '../../src/replication/costs/account.ts';
import { CHECKPOINTS, IncomingCheckpoints } from '../../src/replication/session/incoming.ts';
import { announcedOf, MAX_DECLARATION } from '../../src/replication/peers/announced.ts';
import { NodeUnderAttack } from '../reliability/support/fake-peer.ts';

let target: NodeUnderAttack | undefined;

afterEach(async () => {
  await target?.close();
  target = undefined;
});

interface Peer extends Debtor {
  readonly gone: TablecastError[];
}

function peerOf(holder: string): Peer {
  const gone: TablecastError[] = [];
  return { holder, gone, tooMuch: (error) => void gone.push(error) };
}

describe.each([
  ['what is said of tables', ANNOUNCED],
  ['checkpoints under way', CHECKPOINTS],
  ['rows to compare', COMPARED],
])('the account of %s', (_, limits) => {
  it('takes what one peer may keep, and ends it with one byte more', () => {
    const account = new Account(limits);
    const peer = peerOf('a');
    account.set(peer, limits.ofPeer);
    expect(peer.gone).toHaveLength(0);
    account.set(peer, limits.ofPeer + 1);
    expect(peer.gone[0]?.code).toBe('LIMIT_EXCEEDED');
  });

  it('ends the largest peer of the holder that keeps most when all keep too much', () => {
    const account = new Account(limits);
    const share = limits.ofAll / 16;
    const evil = Array.from({ length: 15 }, () => peerOf('evil'));
    const honest = peerOf('honest');
    for (const [index, peer] of evil.entries()) account.set(peer, share + (index === 3 ? 1 : 0) - 1);
    account.set(honest, share);
    expect([...evil, honest].flatMap(({ gone }) => gone)).toHaveLength(0);
    account.set(honest, share + 15);
    expect(honest.gone).toHaveLength(0);
    expect(evil.flatMap(({ gone }, index) => (gone.length > 0 ? index : []))).toEqual([3]);
    account.set(honest, share);
    expect(honest.gone).toHaveLength(0);
  });
});

describe('a checkpoint that does not end', () => {
  const chunk = new Uint8Array(8);

  function incoming(isBehind = () => false): {
    checkpoints: IncomingCheckpoints;
    late: string[];
    look: () => void;
  } {
    let due: (() => void) | undefined;
    const late: string[] = [];
    const environment = {
      schedule: (_: number, task: () => void) => {
        due = task;
        return { cancel: () => (due = undefined) };
      },
    } as unknown as Environment;
    const checkpoints = new IncomingCheckpoints({
      environment,
      kept: () => undefined,
      isBehind,
      late: ({ message }) => void late.push(message),
    });
    return { checkpoints, late, look: () => due?.() };
  }

  it('ends its session when nothing of it came for a while', () => {
    const { checkpoints, late, look } = incoming();
    checkpoints.take({ type: 'checkpoint', table: 't', index: 0, last: false, chunk });
    look();
    expect(late).toEqual([]);
    look();
    expect(late[0]).toContain('A checkpoint of t stopped');
  });

  it('does not end its session while this node is behind with what came', () => {
    let isBehind = false;
    const { checkpoints, late, look } = incoming(() => isBehind);
    checkpoints.take({ type: 'checkpoint', table: 't', index: 0, last: false, chunk });
    look();
    isBehind = true;
    for (let looks = 0; looks < 4; looks++) look();
    isBehind = false;
    // What waited had no time yet to be taken.
    look();
    expect(late).toEqual([]);
    look();
    expect(late[0]).toContain('A checkpoint of t stopped');
  });

  it('ends its session when it takes too long, although this node is behind', () => {
    const { checkpoints, late, look } = incoming(() => true);
    checkpoints.take({ type: 'checkpoint', table: 't', index: 0, last: false, chunk });
    for (let looks = 0; looks < 239; looks++) look();
    expect(late).toEqual([]);
    look();
    expect(late).toHaveLength(1);
  });

  it('ends its session when it takes too long, however it comes', () => {
    const { checkpoints, late, look } = incoming();
    for (let index = 0; index < 239; index++) {
      checkpoints.take({ type: 'checkpoint', table: 't', index, last: false, chunk });
      look();
    }
    expect(late).toEqual([]);
    checkpoints.take({ type: 'checkpoint', table: 't', index: 239, last: false, chunk });
    look();
    expect(late).toHaveLength(1);
  });
});

describe('a declaration', () => {
  const state = { name: 't', fingerprint: 'f', mode: 'naive', held: [] };

  it('is kept up to its limit, and beyond it only that there is one', () => {
    const text = 'x'.repeat(MAX_DECLARATION - 2);
    expect(announcedOf({ ...state, declaration: text }).declaration).toBe(`"${text}"`);
    expect(announcedOf({ ...state, declaration: `${text}x` }).declaration).toBeUndefined();
  });

  it('that differs is told with as much of it as is kept', async () => {
    target = await NodeUnderAttack.open({ id: 'victim' });
    target.node.table('t', { key: 'string' });
    const told: string[] = [];
    target.node.events.subscribe((event) => told.push(JSON.stringify(event)));
    const peer = target.connect();
    peer.greet('evil', { tables: [{ ...state, declaration: 'x'.repeat(3_000_000) }] });
    const [refused = ''] = told.filter((text) => text.includes('table-refused'));
    expect(refused).toContain('something longer than 4096 characters');
    expect(refused.length).toBeLessThan(1000);
  });
});
