import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChildBundle } from '../reliability/support/child-bundle.ts';
import { MESSAGE_COSTS } from '../../src/replication/costs/message-cost.ts';
import { assault, type Damage, type Scale } from './cost/assault.ts';
import { attacks } from './cost/attacks.ts';
import { Victim } from './cost/victim.ts';

/** A turn of the event loop takes no longer; what is measured counts the collector's threads and the compiler too. */
const MOST_MS = 100;
const TRIES = 4;
/** Of bytes that are sent because of a peer, so many for each that it sends, and so many for nothing. */
const MOST_ANSWERED = 10;
const FREE_BYTES = 6 * 1024 * 1024;
const MOST_KEPT_BYTES = 48 * 1024 * 1024;
/** The same of one peer, table and cause is told once. */
const MOST_TOLD = 12;

const scale: Scale = { tables: 300, lives: 1000, peers: 4, count: 2000 };
let programs: ChildBundle;

beforeAll(async () => {
  programs = await Victim.program();
});

afterAll(() => {
  programs.remove();
});

describe('a peer that sends many well-formed messages (S8, S18)', () => {
  it.each(attacks)('of $name costs others little', async (attack) => {
    let least: Damage | undefined;
    for (let tries = 0; tries < TRIES && (least?.longestMs ?? Infinity) > MOST_MS / 2; tries++) {
      const damage = await assault(programs, attack, scale);
      if (least === undefined || damage.longestMs < least.longestMs) least = damage;
    }
    const { longestMs, answeredBytes, sentBytes, keptBytes, told } = least as Damage;
    expect(longestMs).toBeLessThan(MOST_MS);
    expect(answeredBytes).toBeLessThan(sentBytes * MOST_ANSWERED + FREE_BYTES);
    expect(keptBytes).toBeLessThan(MOST_KEPT_BYTES);
    expect(Object.values(told).reduce((sum, count) => sum + count, 0)).toBeLessThan(MOST_TOLD);
  });
});

it('every kind of message costs something for itself and for its bytes', () => {
  for (const { units, bytesPerUnit } of Object.values(MESSAGE_COSTS)) {
    expect(units).toBeGreaterThan(0);
    expect(bytesPerUnit).toBeLessThanOrEqual(512);
  }
});
