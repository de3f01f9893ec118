import { MAX_HOLDINGS, type OperationName, type WantedOperation } from '../replication/wire/holding-wire.ts';
import type { Ledger } from './ledger.ts';

/** Knows of which operations a node wants to hear once a carrier holds them: the last one of a table and author each. */
export class Wanted {
  readonly #ledger: Ledger;
  readonly #wanted = new Map<string, { want: WantedOperation; told: number }>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Takes in what the node asks for; beyond {@link MAX_HOLDINGS} at a time it is not answered. */
  want(wants: readonly WantedOperation[] = []): void {
    for (const want of wants) {
      const name = `${want.table}\n${want.origin}`;
      const known = this.#wanted.get(name);
      if (known !== undefined) known.want = want;
      else if (this.#wanted.size < MAX_HOLDINGS) this.#wanted.set(name, { want, told: 0 });
    }
  }

  /** Returns how far each of them is held, where that is further than was said before. */
  news(): OperationName[] {
    const news: OperationName[] = [];
    for (const [name, wanted] of this.#wanted) {
      const { table, origin, sequence } = wanted.want;
      const { held } = this.#ledger.entry(table, origin);
      if (held > wanted.told) news.push({ table, origin, sequence: held });
      wanted.told = held;
      if (held >= sequence) this.#wanted.delete(name);
    }
    return news;
  }
}
