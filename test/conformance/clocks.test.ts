import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Environment, Timer } from '../../src/environment.ts';
import { LogKeeper, type LogKeeperParts } from '../../src/log/trimming/log-keeper.ts';
import { settle } from '../../src/replication/session/settle.ts';
import { GuessedStarts } from '../../src/zeek/attachment/guessed-starts.ts';
import { RowBudget } from '../../src/zeek/attachment/row-budget.ts';

const DAY_MS = 86_400_000;

/** Every file that reads the clock of the machine, how often, and why it does not ask how much time has passed. */
const reading: Readonly<Record<string, readonly [times: number, why: string]>> = {
  'backup/backup.ts': [1, 'when a backup was made'],
  'carrier/checkpoints.ts': [3, 'a lease that other nodes read; a time far off counts as over'],
  'cli/commands/peers.ts': [1, 'beside times that the node says'],
  'cli/event-log.ts': [1, 'the time of a line'],
  'cli/formats/write-records.ts': [1, 'when a Zeek log was written'],
  'cli/moment.ts': [1, 'how long ago, by the clocks of authors'],
  'cli/store-import.ts': [1, 'deadlines in files of Zeek'],
  'http/observation.ts': [1, 'the time of an event'],
  'http/routes/operating.ts': [2, 'the time of an answer'],
  'http/routes/rates.ts': [2, 'buckets by the times of authors'],
  'log/operations/wall-clock.ts': [4, 'the clock itself, and how far it is believed'],
  'node/durable-log.ts': [1, 'the name of a life'],
  'node/local-node.ts': [2, 'the name of a life'],
  'projection/times/deadlines.ts': [1, 'deadlines, beside the time that passed'],
  'replication/peers/held-back.ts': [2, 'since when, and until the time at which a stamp is taken'],
  'replication/reach/dialler.ts': [2, 'since when, for people'],
  'replication/session/heartbeat.ts': [1, 'what the clock says, to a peer'],
  'replication/session/peer-clock.ts': [2, 'how far the clock of a peer is off'],
  'replication/session/session.ts': [1, 'since when, for people'],
  'replication/session/taking.ts': [1, 'since when, for people'],
  'sql/follower.ts': [1, 'the time in a history'],
  'system-environment.ts': [1, 'the clock'],
  'table/undo.ts': [1, 'an example'],
  'zeek/attachment/inbound.ts': [1, 'the lifetime that is left, by the clock of a Zeek node'],
  'zeek/attachment/outbound.ts': [5, 'the lifetime that is left, and the time of a frame'],
  'zeek/protocol/link.ts': [1, 'whether a certificate has expired'],
};

function readersOf(text: string): number {
  const code = text.replace(/^\s*(?:\*|\/\/|\/\*).*$/gm, '');
  return [...code.matchAll(/Date\.now\b|new Date\(\)|\b[eE]nvironment\.now\(\)|#duty\.now\(\)/g)].length;
}

test('how long something takes is not asked of the clock of the machine, which may jump', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' });
  const found = files
    .filter((file) => file.endsWith('.ts') && !/^(?:simulation|trial|testing)\//.test(file))
    .map((file) => [file, readersOf(readFileSync(join('src', file), 'utf8'))] as const)
    .filter(([, times]) => times > 0);
  const known = Object.entries(reading).map(([file, [times]]) => [file, times]);
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(known));
});

/** A clock that is set back by a month once it was read, and time that passes with each timer. */
class SetBack {
  passedMs = 0;
  readonly delays: number[] = [];
  #readings = 0;
  readonly environment = {
    now: () => (this.#readings++ === 0 ? 40 * DAY_MS : 10 * DAY_MS) + this.passedMs,
    elapsed: () => this.passedMs,
    schedule: (delayMs: number, task: () => void): Timer => {
      this.delays.push(delayMs);
      this.passedMs += delayMs;
      queueMicrotask(task);
      return { cancel: () => undefined };
    },
  } as unknown as Environment;
}

describe('a clock that is set back by a month', () => {
  test('does not keep a node from closing before peers have everything', async () => {
    const clock = new SetBack();
    let asked = 0;
    // Settles by itself once it was asked far too often, so that a failure is told and not waited for.
    const session = {
      get settled() {
        return (asked += 1) > 10_000;
      },
    };
    await settle([session], clock.environment);
    expect(clock.passedMs).toBe(1000);
  });

  test('does not put off what Zeek is sent when a process of it may have started', () => {
    const clock = new SetBack();
    const starts = new GuessedStarts(clock.environment, { firstMs: 10, pauseMs: 60_000 }, () => undefined);
    starts.refilled();
    starts.unseen();
    expect(clock.delays).toEqual([60_000]);
  });

  test('does not hold up those who ask Zeek for rows behind one that asks no more', () => {
    const clock = new SetBack();
    const budget = new RowBudget(clock.environment);
    const [first, gone, next] = [{}, {}, {}];
    expect(budget.spend(first, 50_000)).toBe(true);
    expect(budget.spend(gone, 50_000)).toBe(false);
    clock.passedMs += 60_000;
    expect(budget.spend(next, 50_000)).toBe(true);
  });
});

test('a jump ahead that is not believed lets nothing of the log go by its age', async () => {
  let [nowMs, believedMs] = [0, 0];
  const trimmed: number[] = [];
  const store = {
    appended: 0,
    trimmedTo: 0,
    get committed() {
      return this.appended;
    },
    remember: () => undefined,
    trim: async (end: number) => void trimmed.push(end),
    backend: { read: async () => [], seal: async () => false, writeCheckpoint: async () => undefined },
  };
  const parts = {
    environment: { now: () => nowMs, elapsed: () => believedMs },
    wall: { now: () => nowMs, believed: () => believedMs },
    retention: { ageMs: 30 * DAY_MS },
  };
  const keeper = new LogKeeper(
    store as unknown as ConstructorParameters<typeof LogKeeper>[0],
    parts as unknown as LogKeeperParts,
  );
  const look = async (position: number): Promise<void> => {
    store.appended = position;
    await keeper.tend(position);
  };
  await look(100);
  nowMs = 40 * DAY_MS;
  await look(200);
  expect(trimmed).toEqual([]);
  believedMs = 40 * DAY_MS;
  await look(300);
  expect(trimmed).toEqual([100]);
});
