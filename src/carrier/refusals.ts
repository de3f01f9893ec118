import type { Environment, Timer } from '../environment.ts';
import { Backoff } from '../work/backoff.ts';

/** Operations of another author that are refused are left out for so long, doubling to the longest. */
const FIRST_REFUSED_MS = 1000;
const LONGEST_REFUSED_MS = 60_000;

/** Operations of one author in one table. */
interface Authored {
  readonly table: string;
  readonly origin: string;
  readonly operations: number;
}

interface Refusal {
  readonly backoff: Backoff;
  isLeftOut: boolean;
  operations: number;
}

/** Knows whose operations a carrier does not take from this node: they are left out for a while, and hold up nothing. */
export class Refusals {
  readonly #environment: Environment;
  readonly #again: (table: string) => void;
  readonly #refusals = new Map<string, Refusal>();
  readonly #timers = new Set<Timer>();

  /** `again` is called when operations of a table that were left out are to be offered again. */
  constructor(environment: Environment, again: (table: string) => void) {
    this.#environment = environment;
    this.#again = again;
  }

  /** Returns whether operations are left out at present. */
  leavesOut({ table, origin, operations }: Authored): boolean {
    const refusal = this.#refusals.get(nameOf(table, origin));
    if (refusal?.isLeftOut !== true) return false;
    refusal.operations += operations;
    return true;
  }

  /** The carrier refused operations; returns whether it took this author's before. */
  refused({ table, origin, operations }: Authored): boolean {
    const name = nameOf(table, origin);
    const known = this.#refusals.get(name);
    const options = { firstMs: FIRST_REFUSED_MS, maxMs: LONGEST_REFUSED_MS };
    const backoff = known?.backoff ?? new Backoff(options, () => this.#environment.random());
    const refusal = { backoff, isLeftOut: true, operations: (known?.operations ?? 0) + operations };
    this.#refusals.set(name, refusal);
    const timer = this.#environment.schedule(backoff.next(), () => {
      this.#timers.delete(timer);
      refusal.isLeftOut = false;
      this.#again(table);
    });
    this.#timers.add(timer);
    return known === undefined;
  }

  /** The carrier took operations; returns how many were left out before, undefined when none were refused. */
  taken({ table, origin }: Authored): number | undefined {
    const name = nameOf(table, origin);
    const refusal = this.#refusals.get(name);
    this.#refusals.delete(name);
    return refusal?.operations;
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
  }
}

function nameOf(table: string, origin: string): string {
  return `${table}\n${origin}`;
}
