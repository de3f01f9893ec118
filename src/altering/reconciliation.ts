import { type HeldRow, shownKey } from '../schema/reading.ts';
import type { Pair, Pairs, SideIndex } from './pairs.ts';
import type { Problems } from './problems.ts';
import type { MappedRow, RowMappings } from './row-mapping.ts';
import type { Side } from './side.ts';
import type { TouchedKey } from './touched.ts';

const BOTH: readonly SideIndex[] = [0, 1];

/** Is the row that the other side keeps where both were written. */
const STANDS: SideIndex = 1;

/** Counts the rows written into each table. */
export type Carried = [into_from: number, into_to: number];

/**
 * Makes the two rows of a pair alike: what changed since they were last alike goes over to the other side. Where both
 * changed, numbers get what was added on either side; of anything else the new table's stands, and is told.
 */
export class Reconciliation {
  readonly carried: Carried = [0, 0];
  readonly #sides: readonly [Side, Side];
  readonly #mappings: RowMappings;
  readonly #pairs: Pairs;
  readonly #problems: Problems;
  readonly #oneWay: boolean;

  constructor(
    sides: readonly [Side, Side],
    parts: { mappings: RowMappings; pairs: Pairs; problems: Problems; oneWay: boolean },
  ) {
    this.#sides = sides;
    this.#mappings = parts.mappings;
    this.#pairs = parts.pairs;
    this.#problems = parts.problems;
    this.#oneWay = parts.oneWay;
  }

  /** Looks at rows and at those that belong to them, in a batch that is taken back when this throws. */
  lookAt(touched: readonly TouchedKey[]): void {
    const before = [...this.carried] as const;
    try {
      for (const each of touched) this.#look(each);
    } catch (error) {
      [this.carried[0], this.carried[1]] = before;
      throw error;
    }
  }

  #look({ side, text, isRenewed }: TouchedKey): void {
    const pair = this.#pairs.of(side, text);
    if (pair !== undefined) return this.#reconcile(pair, isRenewed ? side : undefined);
    const row = this.#sides[side].row(text);
    if (row === undefined) return this.#problems.solved(nameOf(side, text));
    if (side === 1 && this.#oneWay) return;
    const mapped = this.#mapped(side, row, undefined);
    if (mapped === undefined) return;
    const standing = this.#sides[otherOf(side)].row(mapped.text);
    if (standing === undefined) return this.#write(side, text, mapped);
    this.#pair(side, text, mapped, standing);
  }

  /** Two rows that stood before anybody paired them: alike, or written on both sides. */
  #pair(side: SideIndex, text: string, mapped: MappedRow, standing: HeldRow): void {
    const texts = side === 0 ? ([text, mapped.text] as const) : ([mapped.text, text] as const);
    if (this.#sides[otherOf(side)].mark(standing) === mapped.mark) return this.#keep(texts);
    // Where the functions lead back to another row, what stands there is none that was written on both sides.
    const back = this.#oneWay ? undefined : this.#mappings.map(otherOf(side), standing, undefined);
    if (typeof back === 'object' && back.text !== text)
      return this.#refuse(side, this.#sides[side].row(text) as HeldRow, this.#belonging(side, mapped.key));
    this.#settle({ texts, marks: ['', ''] });
  }

  #reconcile(pair: Pair, renewed: SideIndex | undefined): void {
    const rows = this.#rowsOf(pair);
    const changed = BOTH.filter((side) => !(side === 1 && this.#oneWay)).filter(
      (side) => this.#markOf(side, rows[side]) !== pair.marks[side],
    );
    const [first] = changed;
    const [before, after] = rows;
    if (first === undefined) return this.#renew(rows, renewed);
    if (before === undefined && after === undefined) return this.#drop(pair);
    if (this.#mappings.adds && before !== undefined && after !== undefined)
      return this.#add(pair, [before, after], changed);
    if (changed.length > 1) return this.#settle(pair);
    const row = rows[first];
    if (row === undefined) return this.#remove(first, pair);
    const mapped = this.#mapped(first, row, rows[otherOf(first)]);
    if (mapped !== undefined) this.#replace(first, pair, mapped);
  }

  #rowsOf({ texts }: Pair): readonly [HeldRow | undefined, HeldRow | undefined] {
    return [this.#sides[0].row(texts[0]), this.#sides[1].row(texts[1])];
  }

  #markOf(side: SideIndex, row: HeldRow | undefined): string | undefined {
    return row === undefined ? undefined : this.#sides[side].mark(row);
  }

  /** A row that was written again as it was goes on living on both sides. */
  #renew(rows: readonly (HeldRow | undefined)[], renewed: SideIndex | undefined): void {
    if (renewed === undefined) return;
    const other = otherOf(renewed);
    const row = rows[other];
    if (row === undefined || !this.#sides[other].wantsRenewal || (other === 0 && this.#oneWay)) return;
    this.#sides[other].renew(row);
  }

  /** A row that is gone on one side goes on the other. */
  #remove(side: SideIndex, pair: Pair): void {
    const other = otherOf(side);
    this.#sides[other].remove(pair.texts[other]);
    this.carried[other]++;
    this.#drop(pair);
  }

  #drop(pair: Pair): void {
    this.#pairs.drop(pair);
    for (const side of BOTH) this.#problems.solved(nameOf(side, pair.texts[side]));
  }

  /** Both changed: the row of the side that stands is carried over what the other shows. */
  #settle(pair: Pair): void {
    const rows = this.#rowsOf(pair);
    const stands = rows[STANDS] === undefined || this.#oneWay ? 0 : STANDS;
    const other = otherOf(stands);
    const lost = rows[other];
    const mapped = this.#mapped(stands, rows[stands] as HeldRow, lost);
    if (mapped === undefined) return;
    const isSame = mapped.text === pair.texts[other] && this.#markOf(other, lost) === mapped.mark;
    if (isSame) return this.#keep(pair.texts);
    this.#tellConflict(other, mapped, lost);
    this.#replace(stands, pair, mapped);
  }

  #tellConflict(side: SideIndex, { key, value: kept }: MappedRow, lost: HeldRow | undefined): void {
    const { name: table } = this.#sides[side].table;
    this.#problems.conflict({ kind: 'conflict', table, key, kept, lost: lost?.value });
  }

  /** Numbers get what was added to the other since both were alike: both of them, or none where a sum does not fit. */
  #add(pair: Pair, rows: readonly [HeldRow, HeldRow], changed: readonly SideIndex[]): void {
    const sums = changed.map((side) => {
      const row = rows[otherOf(side)];
      const by = BigInt(this.#sides[side].mark(rows[side])) - BigInt(pair.marks[side]);
      return { side, row, by, refusal: this.#sides[otherOf(side)].refusalOf(row, by) };
    });
    for (const { side, refusal } of sums)
      if (refusal !== undefined) return this.#refuse(side, rows[side], refusal);
    for (const { side, row, by } of sums) {
      this.#sides[otherOf(side)].add(row.key, by);
      this.carried[otherOf(side)]++;
    }
    this.#keep(pair.texts);
  }

  /** Puts a row in place of the one that belonged to it, which may have had another key. */
  #replace(side: SideIndex, pair: Pair, mapped: MappedRow): void {
    const other = otherOf(side);
    if (mapped.text !== pair.texts[other]) {
      this.#sides[other].remove(pair.texts[other]);
      this.#pairs.drop(pair);
      const standing = this.#sides[other].row(mapped.text);
      if (standing !== undefined && this.#markOf(other, standing) !== mapped.mark)
        this.#tellConflict(other, mapped, standing);
    }
    this.#write(side, pair.texts[side], mapped);
  }

  #write(side: SideIndex, text: string, mapped: MappedRow): void {
    const other = otherOf(side);
    this.#sides[other].put(mapped);
    this.carried[other]++;
    this.#keep(side === 0 ? [text, mapped.text] : [mapped.text, text]);
  }

  /** Keeps what both sides show now as alike. */
  #keep(texts: Pair['texts']): void {
    const [from, to] = BOTH.map((side) => this.#markOf(side, this.#sides[side].row(texts[side])));
    this.#pairs.keep({ texts, marks: [from as string, to as string] });
    for (const side of BOTH) this.#problems.solved(nameOf(side, texts[side]));
  }

  /** The row of the other side; undefined, and told, when there is none or it belongs to another row of this one. */
  #mapped(side: SideIndex, row: HeldRow, standing: HeldRow | undefined): MappedRow | undefined {
    const mapped = this.#mappings.map(side, row, standing);
    const text = this.#sides[side].text(row.key);
    const reason = typeof mapped === 'string' ? mapped : this.#takenBy(side, text, mapped);
    if (reason === undefined) return mapped as MappedRow;
    this.#refuse(side, row, reason);
    return undefined;
  }

  #refuse(side: SideIndex, { key }: HeldRow, reason: string): void {
    const { name } = this.#sides[side].table;
    const problem = { kind: 'unmapped', table: name, key, reason } as const;
    this.#problems.unmapped(nameOf(side, this.#sides[side].text(key)), problem);
  }

  #takenBy(side: SideIndex, text: string, { text: there, key }: MappedRow): string | undefined {
    const pair = this.#pairs.of(otherOf(side), there);
    return pair === undefined || pair.texts[side] === text ? undefined : this.#belonging(side, key);
  }

  #belonging(side: SideIndex, key: unknown): string {
    return `its key in ${this.#sides[otherOf(side)].table.name}, ${shownKey(key)}, belongs to another row`;
  }
}

function otherOf(side: SideIndex): SideIndex {
  return side === 0 ? 1 : 0;
}

function nameOf(side: SideIndex, text: string): string {
  return `${side} ${text}`;
}
