import { isTablecastError } from '../errors.ts';
import { conversionBetween } from './conversion.ts';
import type { AlterOptions, AlteredRow } from './options.ts';
import type { SideIndex } from './pairs.ts';
import type { Mark, Side } from './side.ts';

/** Is a row as the other table would have it, checked. */
export interface MappedRow extends AlteredRow {
  readonly text: string;
  readonly mark: Mark;
}

type Map = (row: AlteredRow, standing: AlteredRow | undefined) => AlteredRow;

/** Makes rows of one table of rows of the other, both ways. */
export class RowMappings {
  readonly #sides: readonly [Side, Side];
  readonly #maps: readonly [up: Map, down: Map | undefined];
  /** Says that both sides hold the same number, so that what was added on one can be added on the other. */
  readonly adds: boolean;

  /** @throws TablecastError `OPTION_INVALID` */
  constructor(sides: readonly [Side, Side], { up, down, oneWay }: AlterOptions) {
    this.#sides = sides;
    const [from, to] = sides.map(({ table }) => ({ ...table.declaration, name: table.name }));
    this.#maps = [
      up ?? conversionBetween(from as never, to as never),
      oneWay === true ? undefined : (down ?? conversionBetween(to as never, from as never)),
    ];
    this.adds = up === undefined && down === undefined && sides.every((side) => side.isNumeric);
  }

  /** Returns the row of the other side, or why there is none. */
  map(side: SideIndex, row: AlteredRow, standing: AlteredRow | undefined): MappedRow | string {
    const other = this.#sides[side === 0 ? 1 : 0];
    try {
      const mapped = this.#maps[side]?.(row, standing);
      if (mapped === undefined) return 'rows are carried one way only';
      return { ...mapped, text: other.text(mapped.key), mark: other.mark(mapped) };
    } catch (thrown) {
      return reasonOf(thrown);
    }
  }
}

function reasonOf(thrown: unknown): string {
  if (isTablecastError(thrown)) return `${thrown.message} ${thrown.hint}`;
  return thrown instanceof Error ? thrown.message : String(thrown);
}
