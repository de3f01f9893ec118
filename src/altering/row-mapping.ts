import type { HeldRow } from '../schema/reading.ts';
import { conversionBetween } from './conversion.ts';
import type { AlterOptions, AlteredRow, RowMapping } from './options.ts';
import type { SideIndex } from './pairs.ts';
import { reasonOf } from './reason.ts';
import type { Mark, Side } from './side.ts';

/** Is a row as the other table would have it, checked. */
export interface MappedRow extends AlteredRow {
  readonly text: string;
  readonly mark: Mark;
}

type Convert = (row: HeldRow, standing: HeldRow | undefined) => AlteredRow;
type Given = RowMapping<unknown, unknown, unknown, unknown> | undefined;

/** Makes rows of one table of rows of the other, both ways. */
export class RowMappings {
  readonly #sides: readonly [Side, Side];
  readonly #converts: readonly [up: Convert, down: Convert | undefined];
  /** Says that both sides hold the same number, so that what was added on one can be added on the other. */
  readonly adds: boolean;

  /** @throws TablecastError `OPTION_INVALID` */
  constructor(sides: readonly [Side, Side], { up, down, oneWay }: AlterOptions) {
    this.#sides = sides;
    const [from, to] = sides;
    this.#converts = [
      convertOf(up, { from, to }),
      oneWay === true ? undefined : convertOf(down, { from: to, to: from }),
    ];
    this.adds = up === undefined && down === undefined && sides.every((side) => side.isNumeric);
  }

  /** Returns the row of the other side, or why there is none. */
  map(side: SideIndex, row: HeldRow, standing: HeldRow | undefined): MappedRow | string {
    const other = this.#sides[side === 0 ? 1 : 0];
    try {
      const mapped = this.#converts[side]?.(row, standing);
      if (mapped === undefined) return 'rows are carried one way only';
      const { key, value } = mapped;
      return { key, value, text: other.text(key), mark: other.mark(mapped) };
    } catch (thrown) {
      return reasonOf(thrown);
    }
  }
}

/** Functions of users are given rows in the forms in which their program reads the tables. */
function convertOf(given: Given, { from, to }: { readonly from: Side; readonly to: Side }): Convert {
  if (given !== undefined)
    return (row, standing) =>
      given(from.asRead(row), standing === undefined ? undefined : to.asRead(standing));
  const [before, after] = [from, to].map(({ table }) => ({ ...table.declaration, name: table.name }));
  return conversionBetween(before as never, after as never);
}
