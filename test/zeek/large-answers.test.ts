/** An answer may take the longer the more rows it has: Zeek says nothing while it makes it. */
import { expect, test } from 'vitest';
import type { Environment } from '../../src/environment.ts';
import type { AttachedTable } from '../../src/zeek/attachment/attached-table.ts';
import { type TransferParts, Transfers } from '../../src/zeek/attachment/transfers.ts';
import { zeekLimits } from '../../src/zeek/protocol/limits.ts';

test.each([
  [49_999, 1],
  [50_000, 2],
  [200_000, 5],
])('of %i rows nothing may come for %i times as long before they are asked for again', (rows, times) => {
  const sent: string[] = [];
  const timers: number[] = [];
  let [now, due] = [0, () => {}];
  const environment = {
    elapsed: () => now,
    random: () => 0.5,
    defer: (run: () => void) => run(),
    schedule: (ms: number, run: () => void) => {
      timers.push(ms);
      due = run;
      return { cancel: () => {} };
    },
  } as unknown as Environment;
  const transfers = new Transfers({
    host: { id: 'sensor', environment },
    teller: { lacksScripts: false, sendToScripts: (frame: string) => sent.push(frame) },
    limits: zeekLimits(),
    maxRows: 1_000_000,
    answerMs: 1000,
    settleMs: 0,
  } as unknown as TransferParts);
  const attached = {
    name: 'E2e::counts',
    projection: { schema: {}, keepSlots: () => () => {}, rows: { size: rows } },
    table: { changes: { subscribe: () => ({ unsubscribe: () => {} }) } },
  } as unknown as AttachedTable;
  transfers.begin();
  const asked = transfers.ask('zeek', attached);
  expect([sent.length, timers]).toEqual([1, [times * 1000]]);
  now = times * 1000;
  due();
  expect([sent.length, timers]).toEqual([2, [times * 1000, times * 1000]]);
  transfers.close();
  return expect(asked).rejects.toMatchObject({ code: 'CLOSED' });
});
