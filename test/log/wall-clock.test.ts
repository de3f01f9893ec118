import { describe, expect, it } from 'vitest';
import { WallClock } from '../../src/log/operations/wall-clock.ts';
import { systemEnvironment } from '../../src/system-environment.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

class Machine {
  readonly told: number[] = [];
  readonly clock: WallClock;
  wall = 1e12;
  #elapsed = 5;

  constructor() {
    const environment = { ...systemEnvironment, now: () => this.wall, elapsed: () => this.#elapsed };
    this.clock = new WallClock(environment, (aheadMs) => this.told.push(aheadMs));
  }

  pass(ms: number): void {
    this.wall += ms;
    this.#elapsed += ms;
  }

  /** How far what is believed lies behind what the machine's clock says. */
  get disbelieved(): number {
    return this.clock.now() - this.clock.believed();
  }
}

describe('the clock of a machine', () => {
  it('is believed as it goes on, steps by up to a minute, goes back and comes back', () => {
    const machine = new Machine();
    for (const step of [0, MINUTE, 0, -DAY, HOUR, DAY - HOUR, 30_000]) {
      machine.pass(HOUR);
      machine.wall += step;
      expect(machine.disbelieved).toBe(0);
    }
    expect(machine.told).toEqual([]);
  });

  it('is not believed after a jump ahead, which is told once, until it is corrected', () => {
    const machine = new Machine();
    machine.wall += MINUTE + 1;
    expect(machine.disbelieved).toBe(MINUTE + 1);
    machine.wall += 31 * DAY;
    machine.pass(59 * MINUTE);
    expect(machine.disbelieved).toBe(31 * DAY + MINUTE + 1);
    machine.wall -= 31 * DAY + MINUTE + 1;
    expect(machine.disbelieved).toBe(0);
    expect(machine.told).toEqual([MINUTE + 1]);
    machine.wall += DAY;
    expect([machine.disbelieved, machine.told.length]).toEqual([DAY, 2]);
  });

  it('is believed once a jump has stood for an hour', () => {
    const machine = new Machine();
    machine.wall += DAY;
    expect(machine.disbelieved).toBe(DAY);
    machine.pass(HOUR - 1);
    expect(machine.disbelieved).toBe(DAY);
    machine.pass(1);
    expect(machine.disbelieved).toBe(0);
    machine.pass(DAY);
    expect([machine.disbelieved, machine.told]).toEqual([0, [DAY]]);
  });

  it('is believed when a peer says the same, and not when one says less, or more', () => {
    const machine = new Machine();
    const right = machine.wall;
    machine.wall += DAY;
    machine.clock.heard(right);
    expect(machine.disbelieved).toBe(DAY);
    for (const off of [-5 * MINUTE - 1, 5 * MINUTE + 1]) {
      machine.clock.heard(machine.wall + off);
      expect(machine.disbelieved).toBe(DAY);
    }
    machine.clock.heard(machine.wall - 5 * MINUTE);
    expect(machine.disbelieved).toBe(0);
  });

  it('is not believed more because peers say what it said before it went back', () => {
    const machine = new Machine();
    machine.wall -= HOUR;
    machine.clock.heard(machine.wall + HOUR);
    expect(machine.disbelieved).toBe(0);
    machine.wall += HOUR;
    expect([machine.disbelieved, machine.told]).toEqual([0, []]);
  });
});
