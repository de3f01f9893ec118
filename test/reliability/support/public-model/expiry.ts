import type { MapTable } from '../../../../src/index.ts';
import { type Member, SHORT } from './member.ts';

const KEYS = ['one', 'two'];

/** What one node writes into a table with a short life: it goes everywhere, and not before its time. */
export class Expiry {
  readonly #told = new Map<number, Set<string>>();
  readonly #problems: string[] = [];
  readonly #ends: (() => void)[] = [];
  readonly #begun = Date.now();

  constructor(members: readonly Member[]) {
    for (const member of members) this.#follow(member);
  }

  #follow(member: Member): void {
    const told = new Set<string>();
    this.#told.set(member.index, told);
    const subscription = member.table('short').changes.subscribe(({ kind, key }) => {
      if (kind !== 'expired') return;
      const lived = Date.now() - this.#begun;
      if (lived < SHORT.writeExpire - 1)
        this.#problems.push(`n${member.index}: ${String(key)} expires after ${lived} ms`);
      told.add(String(key));
    });
    this.#ends.push(() => subscription.unsubscribe());
  }

  write(member: Member): void {
    for (const key of KEYS) (member.table('short') as MapTable).set(key, 1);
  }

  /** Whether everything has gone from a node. */
  isOver(index: number): boolean {
    return this.#told.get(index)?.size === KEYS.length;
  }

  /** What went too early. */
  end(): readonly string[] {
    for (const end of this.#ends) end();
    return this.#problems;
  }
}
