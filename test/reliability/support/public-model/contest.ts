import type { SeededRandom } from '../../../support/seeded-random.ts';
import { textOf } from './kinds.ts';
import type { Member } from './member.ts';
import { type TableModel, type Write, integer } from './table-model.ts';
import { rowsOf } from './witness.ts';

/** The key that nodes write at once. */
const KEY = 0;
const NO_ROW = 'no row';

/** One key that every node writes without waiting for others: what may come of it. */
export class Contest {
  readonly model: TableModel;
  readonly #key: string;
  /** Every addition counts, so that there is one right sum. */
  readonly #counts: boolean;
  readonly #before: bigint | undefined;
  /** By node, the last it wrote. */
  readonly #last = new Map<number, string>();
  readonly #starts = new Set<number>();
  #sum = 0n;

  constructor(model: TableModel, mode: string) {
    this.model = model;
    this.#key = model.keyText(KEY);
    const value = model.rows.get(this.#key);
    const isSmall =
      value === undefined ? !model.rows.has(this.#key) : typeof value === 'number' && value < 2 ** 50;
    this.#counts = mode === 'automerge' && model.kind.counts && isSmall;
    this.#before = typeof value === 'number' && this.#counts ? BigInt(value) : undefined;
    this.#last.set(-1, this.#textOf(model.rows));
    model.contested.add(this.#key);
  }

  #textOf(rows: ReadonlyMap<string, unknown>): string {
    return rows.has(this.#key) ? textOf(rows.get(this.#key)) : NO_ROW;
  }

  /** What a node writes next. */
  draw(random: SeededRandom, node: number): Write {
    this.#last.delete(-1);
    const { values, defaults } = this.model.kind;
    if (this.#counts) {
      const by = random.between(1, 9);
      this.#sum += BigInt(by);
      this.#starts.add(defaults[node] ?? 0);
      return { do: 'increment', key: KEY, by };
    }
    if (random.chance(0.2)) {
      this.#last.set(node, NO_ROW);
      return { do: 'delete', key: KEY };
    }
    const value = random.between(0, Math.max(0, values.length - 1));
    this.#last.set(node, textOf(values[value]?.read));
    return { do: 'set', key: KEY, value };
  }

  /** What may stand now. */
  get #allowed(): ReadonlySet<string> {
    if (!this.#counts || this.#sum === 0n) return new Set(this.#last.values());
    const starts = this.#before === undefined ? [...this.#starts].map(BigInt) : [this.#before];
    return new Set(starts.map((start) => textOf(integer(start + this.#sum))));
  }

  /** Looks at what nodes have that hold all of it; the model goes on from there. */
  settle(members: readonly Member[]): string[] {
    const { kind, rows } = this.model;
    const found = members.map((member) => rowsOf(member.table(kind.name)));
    const texts = found.map((there) => this.#textOf(there));
    const allowed = this.#allowed;
    const [first] = found;
    if (first?.has(this.#key) === true) rows.set(this.#key, first.get(this.#key));
    else rows.delete(this.#key);
    const wrong = texts.filter((text) => !allowed.has(text));
    if (wrong.length > 0)
      return [`${kind.name} has ${wrong.join()} under ${this.#key}, not ${[...allowed].join(' or ')}`];
    const isEqual = new Set(texts).size <= 1;
    if (isEqual || members[0]?.table(kind.name).mode === 'naive') return [];
    return [`${kind.name} differs under ${this.#key}: ${texts.join()}`];
  }

  /** In `naive` nodes may differ until somebody writes again. */
  heal(member: Member): Write | undefined {
    if (member.table(this.model.kind.name).mode !== 'naive') return undefined;
    return { do: 'delete', key: KEY };
  }
}
