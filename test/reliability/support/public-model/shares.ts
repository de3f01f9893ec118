import type { SeededRandom } from '../../../support/seeded-random.ts';
import { Contest } from './contest.ts';
import { marksFrom } from './kinds.ts';
import type { Member } from './member.ts';
import type { TableModel, Write } from './table-model.ts';

/** Says who writes which key in one round, so that no two writes of a key cross, but in tables with a contest. */
export class Shares {
  readonly #random: SeededRandom;
  readonly #round: number;
  readonly #writers: readonly Member[];
  /** Tables that one node writes alone. */
  readonly alone = new Map<TableModel, Member>();
  readonly contests = new Map<TableModel, Contest>();

  constructor(random: SeededRandom, round: number, writers: readonly Member[]) {
    this.#random = random;
    this.#round = round;
    this.#writers = writers;
  }

  /** Gives some tables to one node alone, and others to a contest. */
  deal(models: readonly TableModel[], modeOf: (model: TableModel) => string): void {
    for (const model of models) {
      const dice = this.#random.next();
      if (dice < 0.4) this.alone.set(model, this.#random.pick(this.#writers));
      else if (dice < 0.65) this.contests.set(model, new Contest(model, modeOf(model)));
    }
  }

  /** A write that no other node's can cross before all have met again; undefined when there is none. */
  draw(model: TableModel, member: Member): Write | undefined {
    const alone = this.alone.get(model);
    if (alone !== undefined && alone !== member) return undefined;
    const { keys, values, counts } = model.kind;
    const dice = this.#random.next();
    if (alone === member && dice < 0.06) return { do: 'clear' };
    const mine = keys
      .slice(0, marksFrom)
      .flatMap((_, key) => (this.#isMine(model, key, member) ? [key] : []));
    if (mine.length === 0) return undefined;
    const key = this.#random.pick(mine);
    if (dice < 0.3) return { do: 'delete', key };
    if (counts && dice < 0.6) return { do: 'increment', key, by: this.#random.between(0, 9) };
    return { do: 'set', key, value: this.#random.between(0, Math.max(0, values.length - 1)) };
  }

  #isMine(model: TableModel, key: number, member: Member): boolean {
    if (this.alone.has(model)) return this.alone.get(model) === member;
    if (key === 0 && this.contests.has(model)) return false;
    return this.#writers[(key + this.#round) % this.#writers.length] === member;
  }
}
