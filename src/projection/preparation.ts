import { isTablecastError } from '../errors.ts';
import { decodeRun, readRunHeader } from '../log/run.ts';
import type { Work } from '../log/slices.ts';
import type { Cell, CellPreparation, Schema, Value } from '../schema/schema.ts';

/** Runs of complex values of fewer bytes than this are checked where they are applied. */
const MIN_DEAR_BYTES = 16 * 1024;
/** What is read and checked in a unit of work: see {@link Work}. */
const BYTES_PER_UNIT = 256;
const CHARACTERS_PER_UNIT = 16;

/** What is done with a frame's complex values before the frame is applied in one go. */
export interface Preparation {
  readonly work: Work;
  /** Call once the frame has been applied, or never will be. */
  forget(): void;
}

/**
 * The values of runs that are too dear to be checked and converted in one go, if they hold such; `schemaOf`
 * gives the tables whose runs will be applied. What is not as it should be is left to whoever applies the runs.
 */
export function preparationOf(
  runs: readonly Uint8Array[],
  schemaOf: (table: string) => Schema | undefined,
): Preparation | undefined {
  const dear = runs.flatMap((bytes) => {
    const schema = schemaOf(tableOf(bytes) ?? '');
    return schema?.preparing === undefined ? [] : { bytes, schema };
  });
  if (dear.reduce((sum, { bytes }) => sum + bytes.length, 0) < MIN_DEAR_BYTES) return undefined;
  const preparations = new Map<Schema, CellPreparation>();
  for (const { schema } of dear) {
    const preparation = preparations.get(schema) ?? schema.preparing?.();
    if (preparation !== undefined) preparations.set(schema, preparation);
  }
  return {
    work: prepareRuns(dear, preparations),
    forget: () => preparations.forEach((preparation) => preparation.forget()),
  };
}

function tableOf(run: Uint8Array): string | undefined {
  try {
    return readRunHeader(run).table;
  } catch (error) {
    if (isTablecastError(error)) return undefined;
    throw error;
  }
}

function* prepareRuns(
  dear: readonly { readonly bytes: Uint8Array; readonly schema: Schema }[],
  preparations: ReadonlyMap<Schema, CellPreparation>,
): Work {
  try {
    for (const { bytes, schema } of dear) {
      const { values } = decodeRun(bytes, schema.column);
      yield 1 + Math.ceil(bytes.length / BYTES_PER_UNIT);
      yield* prepareCells(values.cells ?? [], preparations.get(schema));
    }
  } catch (error) {
    if (!isTablecastError(error)) throw error;
  }
}

/** Prepares cells one by one. Throws `OPERATION_INVALID`. */
function* prepareCells(cells: ArrayLike<Cell>, preparation: CellPreparation | undefined): Work {
  if (preparation === undefined) return;
  for (let index = 0; index < cells.length; index++) {
    yield* prepareCell(cells[index] as Cell, preparation);
  }
}

function* prepareCell(cell: Cell, preparation: CellPreparation): Work<Value> {
  const units = 1 + Math.ceil(String(cell).length / CHARACTERS_PER_UNIT);
  const steps = preparation.prepare(cell);
  for (;;) {
    const { done, value } = steps.next();
    yield units;
    if (done === true) return value;
  }
}

/** The values of cells, which are checked one by one. Throws `OPERATION_INVALID`. */
export function* valuesOfCells(cells: ArrayLike<Cell>, preparation: CellPreparation): Work<Value[]> {
  const values: Value[] = [];
  try {
    for (let index = 0; index < cells.length; index++) {
      values.push(yield* prepareCell(cells[index] as Cell, preparation));
    }
  } finally {
    preparation.forget();
  }
  return values;
}
