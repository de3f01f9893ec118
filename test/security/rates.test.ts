import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Environment } from '../../src/environment.ts';
import type { NodeEvent, NodeOptions, SetTable } from '../../src/index.ts';
import { Intake } from '../../src/replication/costs/intake.ts';
import { Turns as MessageTurns, TURN_UNITS } from '../../src/work/turns.ts';
import { type FakePeer, NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { sendRuns, setRun } from './support.ts';
import { PATIENCE_MS } from '../support/patience.ts';

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
    await vi.waitFor(() => expect(seen.size).toBe(130), { timeout: PATIENCE_MS, interval: 10 });
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
    await vi.waitFor(() => expect(peer.messages('pong').length).toBeGreaterThan(answered), PATIENCE_MS);
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

interface Offered {
  /** Frames that were taken, by their first byte. */
  readonly taken: number[];
  readonly intakes: Intake[];
  /** Whether more is to be read, as it was said. */
  readonly flows: boolean[];
  /** Lets a turn of the event loop pass. */
  turn(this: void): void;
}

/** Some intakes of one node, each of whose frames costs so many units. */
function intakesOf(
  count: number,
  units: number,
  holderOf = (number: number): string => String(number),
): Offered {
  const deferred: (() => void)[] = [];
  const defer = (task: () => void): void => void deferred.push(task);
  const environment = { elapsed: () => 0, defer } as unknown as Environment;
  const limits = { operationsPerSecond: 1e6, bytesPerSecond: 1e9 };
  const turns = new MessageTurns(environment);
  const taken: number[] = [];
  const flows: boolean[] = [];
  const intakes = Array.from({ length: count }, (_, number) => {
    const intake: Intake = new Intake({
      environment,
      limits,
      turns,
      holder: () => holderOf(number),
      take: ([index]) => {
        taken.push(index as number);
        intake.spend(units);
      },
      throttled: () => taken.push(-1),
      overrun: (error) => expect.fail(error.message),
      flow: (isWanted) => void flows.push(isWanted),
    });
    return intake;
  });
  const turn = (): void => {
    for (const task of deferred.splice(0)) task();
  };
  return { taken, intakes, flows, turn };
}

describe('what is taken in one turn of the event loop', () => {
  it('costs as much as a turn may, and the rest waits for the next one', () => {
    const { taken, intakes, turn } = intakesOf(1, TURN_UNITS / 4);
    for (let index = 0; index < 10; index++) intakes[0]?.offer(Uint8Array.of(index));
    expect(taken).toEqual([0, 1, 2, 3]);
    turn();
    expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    turn();
    expect(taken).toHaveLength(10);
  });

  it('is shared among the peers, of each one message after the other', () => {
    const { taken, intakes, turn } = intakesOf(3, TURN_UNITS / 4);
    for (let index = 0; index < 60; index++) intakes[0]?.offer(Uint8Array.of(index));
    intakes[1]?.offer(Uint8Array.of(100));
    intakes[2]?.offer(Uint8Array.of(200));
    turn();
    expect(taken).toEqual([0, 1, 2, 3, 4, 100, 200, 5]);
  });

  it('is shared among the holders of credentials, however many peers one has', () => {
    const holderOf = (number: number): string => (number < 3 ? 'many' : 'one');
    const { taken, intakes, turn } = intakesOf(4, TURN_UNITS / 4, holderOf);
    for (let index = 0; index < 20; index++)
      for (let number = 0; number < 4; number++) intakes[number]?.offer(Uint8Array.of(10 * number));
    for (let turns = 0; turns < 8; turns++) turn();
    const waited = taken.slice(4);
    expect(waited).toHaveLength(32);
    // Half of the turns are of the one that has one peer, and of the other half each peer has its part.
    expect([0, 10, 20, 30].map((mark) => waited.filter((index) => index === mark).length)).toEqual([
      6, 5, 5, 16,
    ]);
  });

  it('is not read from the socket any more when much waits, and again when little does', () => {
    const { intakes, flows, turn } = intakesOf(1, TURN_UNITS);
    for (let index = 0; index < 20; index++) intakes[0]?.offer(new Uint8Array(MIB / 8));
    expect(flows).toEqual([false]);
    for (let turns = 0; turns < 20; turns++) turn();
    expect(flows).toEqual([false, true]);
  });
});

describe('an announcement', () => {
  it('that shares no other tables than before is told to nobody', async () => {
    const { peer } = await victim({});
    const other = target?.connect() as FakePeer;
    other.greet('other');
    // What is told to others because of a message is told in a later turn, in slices.
    const turn = async (): Promise<void> => {
      for (let turns = 0; turns < 20; turns++) await setImmediate();
    };
    while (other.messages('sources').length === 0) await setImmediate();
    await turn();
    const before = other.messages('sources').length;
    expect(before).toBeGreaterThan(0);
    for (let times = 0; times < 10; times++) {
      peer.say({ type: 'tables', tables: [] });
      await turn();
    }
    expect(other.messages('sources')).toHaveLength(before);
  });
});
