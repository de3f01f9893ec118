/** Sending no faster than Zeek takes, and asking for no more rows than it can spare. */
import { expect, test } from 'vitest';
import type { Environment } from '../../src/environment.ts';
import { count, string, vector, type ZeekData } from '../../src/zeek/protocol/data/zeek-data.ts';
import { Pace } from '../../src/zeek/attachment/pace.ts';
import { echoOrPulse } from '../../src/zeek/attachment/pulse.ts';
import { RowBudget } from '../../src/zeek/attachment/row-budget.ts';
import { WatchedNode } from '../../src/zeek/attachment/watched-node.ts';

const KIB = 1024;

/** A clock that stands still until it is told to go on. */
class Clock {
  #now = 1_000_000;
  #timers: { readonly at: number; readonly run: () => void }[] = [];
  readonly environment = {
    elapsed: () => this.#now,
    schedule: (ms: number, run: () => void) => {
      const timer = { at: this.#now + ms, run };
      this.#timers.push(timer);
      return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
    },
  } as unknown as Environment;

  pass(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { run } of due) run();
  }
}

function paced(): { clock: Clock; pace: Pace; asked: number[]; freed: () => number } {
  const clock = new Clock();
  const asked: number[] = [];
  let freed = 0;
  const pace = new Pace({
    environment: clock.environment,
    ask: (number) => asked.push(number),
    freed: () => (freed += 1),
  });
  return { clock, pace, asked, freed: () => freed };
}

test('a window is on its way until a Zeek has said that it answers, and all of it once it has not for five seconds', () => {
  const { clock, pace, asked, freed } = paced();
  for (let at = 0; at < 8; at++) pace.sent(512 * KIB);
  expect([pace.isFull, asked]).toEqual([true, []]);
  clock.pass(4999);
  expect([pace.isFull, freed()]).toEqual([true, 0]);
  clock.pass(1);
  expect([pace.isFull, freed()]).toEqual([false, 1]);
  for (let at = 0; at < 100; at++) pace.sent(512 * KIB);
  expect([pace.isFull, asked]).toEqual([false, []]);
});

test('a Zeek that says late that it answers is asked about what is on its way, and nothing is let go before', () => {
  const { clock, pace, asked, freed } = paced();
  for (let at = 0; at < 8; at++) pace.sent(512 * KIB);
  clock.pass(4999);
  pace.keep();
  expect(asked).toEqual([1]);
  clock.pass(1);
  expect([pace.isFull, freed()]).toEqual([true, 0]);
  pace.answered(1);
  expect([pace.isFull, freed()]).toEqual([false, 1]);
});

test('a connection that breaks over what was on its way is followed by half of it, and a quiet one by as much', () => {
  const { pace } = paced();
  pace.keep();
  for (let at = 0; at < 4; at++) pace.sent(512 * KIB);
  pace.reset();
  pace.keep();
  for (let at = 0; at < 3; at++) pace.sent(512 * KIB);
  expect(pace.isFull).toBe(false);
  pace.sent(512 * KIB);
  expect(pace.isFull).toBe(true);
  pace.answered(8);
  pace.reset();
  for (let at = 0; at < 7; at++) pace.sent(512 * KIB);
  expect(pace.isFull).toBe(false);
});

test('no more than a window is on its way, and an answer makes room', () => {
  const { pace, asked, freed } = paced();
  pace.keep();
  for (let at = 0; at < 7; at++) pace.sent(512 * KIB);
  expect([pace.isFull, asked]).toEqual([false, [1, 2, 3, 4, 5, 6, 7]]);
  pace.sent(512 * KIB);
  expect([pace.isFull, freed()]).toEqual([true, 0]);
  pace.answered(3);
  expect([pace.isFull, freed()]).toEqual([false, 1]);
  pace.answered(3);
  pace.answered(99);
  expect(freed()).toBe(1);
  // Eight were sent and three handled; the window has grown by one.
  for (let at = 0; at < 3; at++) pace.sent(512 * KIB);
  expect(pace.isFull).toBe(false);
  pace.sent(512 * KIB);
  expect(pace.isFull).toBe(true);
});

test('without an answer Zeek is asked again, and less is sent before the next', () => {
  const { clock, pace, asked, freed } = paced();
  pace.keep();
  for (let at = 0; at < 8; at++) pace.sent(512 * KIB);
  clock.pass(1999);
  expect(asked).toHaveLength(8);
  for (let at = 0; at < 5; at++) clock.pass(2000);
  expect(asked.slice(8)).toEqual([9, 10, 11, 12, 13]);
  pace.answered(8);
  expect(pace.isFull).toBe(true);
  pace.answered(13);
  expect([pace.isFull, freed()]).toEqual([false, 1]);
  // 512 KiB is the least, and the answer has added as much.
  pace.sent(512 * KIB);
  expect(pace.isFull).toBe(false);
  pace.sent(512 * KIB);
  expect(pace.isFull).toBe(true);
  pace.reset();
  expect(pace.isFull).toBe(false);
  clock.pass(10_000);
  expect(asked).toHaveLength(15);
});

test('rows that are asked for only to be sure are 50,000 at once and 1,000 a second', () => {
  const clock = new Clock();
  const budget = new RowBudget(clock.environment);
  const one = {};
  expect([budget.spend(one, 50_000), budget.spend(one, 1)]).toEqual([true, false]);
  clock.pass(1000);
  expect([budget.spend(one, 1001), budget.spend(one, 1000)]).toEqual([false, true]);
  clock.pass(3_600_000);
  // A large table takes all there is, and is paid for afterwards.
  expect(budget.spend(one, 1_000_000)).toBe(true);
  clock.pass(950_000);
  expect(budget.spend(one, 1)).toBe(false);
  clock.pass(1000);
  expect(budget.spend(one, 1000)).toBe(true);
});

test('4,096 entries of each list in a pulse are read, further ones are cut, and what is no pulse is none', () => {
  const tally = (at: number): ZeekData => vector(string(`T::t${at}`), count(at));
  const rows = vector(...Array.from({ length: 4097 }, (_, at) => tally(at)));
  const args = [string('worker-1'), string('id'), { type: 'boolean', data: true }, rows, vector(), vector()];
  const event = { topic: 'tablecast/pulse/', name: 'Tablecast::pulse', args: args as ZeekData[] };
  const pulse = echoOrPulse(event);
  if (pulse === undefined || 'number' in pulse) throw new Error('no pulse');
  expect([pulse.rows.size, pulse.rows.get('T::t4095'), pulse.published?.size]).toEqual([4096, 4095, 0]);
  expect(echoOrPulse({ ...event, args: event.args.slice(1) })).toBeUndefined();
  const odd = [string('worker-1'), string('id'), string('T'), rows, vector(), vector()];
  expect(echoOrPulse({ ...event, args: odd })).toBeUndefined();
  const broken = [
    ...event.args.slice(0, 3),
    vector(count(1), vector(count(1), count(1))),
    vector(),
    vector(),
  ];
  expect(echoOrPulse({ ...event, args: broken })).toMatchObject({ rows: new Map() });
});

test('a large table has its turn, however often small ones are asked for', () => {
  const clock = new Clock();
  const budget = new RowBudget(clock.environment);
  const [large, small] = [{}, {}];
  expect(budget.spend(small, 10_000)).toBe(true);
  let turns = 0;
  for (let second = 0; second < 60 && !budget.spend(large, 200_000); second += 2) {
    if (budget.spend(small, 2000)) turns += 1;
    clock.pass(2000);
  }
  expect(turns).toBe(0);
  expect(budget.spend(small, 1)).toBe(false);
  clock.pass(160_000);
  expect(budget.spend(small, 1)).toBe(true);
});

test('who asks no more holds up nobody', () => {
  const clock = new Clock();
  const budget = new RowBudget(clock.environment);
  expect(budget.spend({}, 50_000)).toBe(true);
  expect(budget.spend({}, 50_000)).toBe(false);
  const small = {};
  clock.pass(14_000);
  expect(budget.spend(small, 1)).toBe(false);
  clock.pass(2000);
  expect(budget.spend(small, 1)).toBe(true);
});

test('pulses that arrive together are as one, whatever waited for them', () => {
  const node = new WatchedNode('zeek', { since: 0, isNew: true, hasAll: true });
  const inTime = (at: number): boolean => {
    node.pulsed(at);
    return node.isInTime;
  };
  expect([0, 2000, 4000].map(inTime)).toEqual([false, true, true]);
  expect([10_000, 10_000, 10_001, 10_002].map(inTime)).toEqual([true, false, false, false]);
  expect([12_000, 14_000, 16_000].map(inTime)).toEqual([true, true, true]);
});
