import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Environment } from '../../src/environment.ts';
import { isTablecastError } from '../../src/errors.ts';
import type { NodeEvent, NodeOptions, SetTable } from '../../src/index.ts';
import { Intake } from '../../src/replication/intake.ts';
import { type FakePeer, NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { sendRuns, setRun } from './support.ts';

const MIB = 1024 * 1024;
let target: NodeUnderAttack | undefined;
let events: NodeEvent[] = [];

afterEach(async () => {
  await target?.close();
});

async function victim(limits: NodeOptions['limits']): Promise<{ peer: FakePeer; seen: SetTable }> {
  target = await NodeUnderAttack.open({ id: 'victim', limits });
  events = [];
  target.node.events.subscribe((event) => events.push(event));
  const seen = target.node.table('seen', { key: 'string' }) as SetTable;
  const peer = target.connect();
  peer.greet('fast');
  return { peer, seen };
}

const runNumber = (index: number): Uint8Array =>
  setRun({ table: 'seen', origin: 'fast@1', keys: [`k${index}`], firstSequence: index + 1, known: index });

const codes = (): string[] => events.map(({ code }) => code);

describe('a peer that sends faster than it may (S8, S19)', () => {
  it('waits, in order, loses nothing, and is told of once', async () => {
    const { peer, seen } = await victim({ maxOperationsPerSecond: 50 });
    for (let index = 0; index < 130; index++) sendRuns(peer, runNumber(index));
    expect(seen.size).toBeLessThan(130);
    await vi.waitFor(() => expect(seen.size).toBe(130), { timeout: 10_000, interval: 10 });
    expect([...seen]).toEqual(Array.from({ length: 130 }, (_, index) => `k${index}`));
    expect(peer.closedWith).toBeUndefined();
    expect(codes().filter((code) => code === 'peer-throttled')).toHaveLength(1);
  });

  it('is not acknowledged while it waits, so that an honest one stops by itself', async () => {
    const { peer } = await victim({ maxBytesPerSecond: 100_000 });
    const frame = { type: 'ping', time: 1 } as const;
    for (let sent = 0; sent < 2000; sent++) peer.say(frame);
    const answered = peer.messages('pong').length;
    expect(answered).toBeLessThan(1000);
    await vi.waitFor(() => expect(peer.messages('pong').length).toBeGreaterThan(answered), 5000);
  });

  it('is cut off when it does not stop, having cost no more than the queue', async () => {
    const { peer, seen } = await victim({ maxBytesPerSecond: 1 });
    const chunk = new Uint8Array(MIB);
    let sent = 0;
    for (; peer.closedWith === undefined && sent < 64; sent++)
      peer.say({ type: 'checkpoint', table: 'seen', index: sent, last: false, chunk });
    expect(sent).toBeLessThan(20);
    expect(peer.closedWith).toContain('faster than it may');
    expect(codes()).toContain('frame-refused');
    seen.add('goes on');
    expect(seen.size).toBe(1);
  });

  it('cannot fill the queue with frames of nothing', async () => {
    const { peer } = await victim({ maxBytesPerSecond: 1 });
    const begun = process.cpuUsage().user;
    let sent = 0;
    for (; peer.closedWith === undefined && sent < 300_000; sent++) peer.deliver(Uint8Array.of(8));
    expect(sent).toBeLessThan((16 * MIB) / 128 + 10);
    expect((process.cpuUsage().user - begun) / 1000).toBeLessThan(2000);
  });
});

describe('questions about rows', () => {
  it('are answered a few in a turn, so that those of one peer do not hold up the others', () => {
    const deferred: (() => void)[] = [];
    const environment = {
      now: () => 0,
      defer: (task: () => void) => deferred.push(task),
    } as unknown as Environment;
    const taken: number[] = [];
    const limits = { operationsPerSecond: 1e6, bytesPerSecond: 1e9 };
    const question = { type: 'ask', table: 't', state: '', round: 1, of: 'rows', numbers: [1] } as const;
    const intake = new Intake(environment, limits, {
      take: ([index]) => {
        taken.push(index as number);
        intake.countCompared(question);
      },
      throttled: () => taken.push(-1),
      overrun: (error) => expect(isTablecastError(error)).toBe(false),
    });
    for (let index = 0; index < 10; index++) intake.offer(Uint8Array.of(index));
    expect(taken).toEqual([0, 1, 2, 3]);
    for (const task of deferred.splice(0)) task();
    expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const task of deferred.splice(0)) task();
    expect(taken).toHaveLength(10);
  });
});
