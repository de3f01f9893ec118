import { TablecastError, isTablecastError } from '../../errors.ts';
import { CLEAR, SWITCH } from '../../log/operations/operation.ts';
import { MAX_FRAME_WEIGHT } from '../../log/keeping/journal.ts';
import type { Origins } from '../../log/operations/origin.ts';
import type { DecodedRun } from '../../log/runs/run.ts';
import type { Work } from '../../work/slices.ts';
import type { Cell, CellPreparation, Schema, Value } from '../../schema/schema.ts';
import { weightOf } from './document-weight.ts';
import { checkContent } from './intake.ts';
import type { ReceivedRun } from './received-run.ts';
import type { TableState } from '../table-state.ts';
import type { DocumentFold } from './document-fold.ts';
import type { PreparedChanges } from '../../modes/conflict-mode.ts';

/** Runs of complex values of fewer bytes than this are checked where they are applied. */
const MIN_DEAR_BYTES = 16 * 1024;
/** As are runs of fewer bytes that carry changes of documents. */
const MIN_CHANGES_BYTES = 1024;
/** Bounds the bytes read and checked in a unit of work: see {@link Work}. */
const BYTES_PER_UNIT = 256;
const CHARACTERS_PER_UNIT = 16;
/** Operations that are checked in one. */
const CHECKED_PER_UNIT = 4;
/** Bounds the keys of which anything is prepared: longer ones are refused. */
const MAX_KEY_CHARACTERS = 1024;
const NOTHING: PreparedChanges = { operations: 0, named: 0 };

/** Most earlier operations that they name beside one per byte of the frame: nobody writes one twice under a key. */
const MAX_FRAME_NAMED = 262_144;

/** Preparation is what is done with a frame's runs before the frame is applied in one go. */
export interface Preparation {
  readonly work: Work;
  /** Call once the frame has been applied, or never will be. */
  forget(): void;
}

/** The parts are what preparing runs needs of the node they came to. */
interface PreparedFor {
  readonly origins: Origins;
  /** The tables whose runs will be applied. */
  tableOf(name: string): PreparedTable | undefined;
}

/** A table whose runs are prepared. */
type PreparedTable = TableState & { readonly inForce: { readonly documents: DocumentFold | undefined } };

interface DearRun {
  readonly received: ReceivedRun;
  readonly table: PreparedTable;
}

/**
 * Makes the preparation of what is too dear in runs to be checked and converted in one go, complex values and
 * changes of documents, if they hold such. A fault is left to the code that applies the runs.
 */
export function preparationOf(runs: readonly ReceivedRun[], of: PreparedFor): Preparation | undefined {
  const dear = runs.flatMap((received): DearRun[] => {
    const table = of.tableOf(received.reference.table);
    const isDear = table?.schema.preparing !== undefined || table?.inForce.documents !== undefined;
    return isDear ? [{ received, table }] : [];
  });
  const changing = dear.filter(({ table }) => table.inForce.documents !== undefined);
  if (lengthOf(dear) < MIN_DEAR_BYTES && lengthOf(changing) < MIN_CHANGES_BYTES) return undefined;
  const preparations = new Map<Schema, CellPreparation>();
  for (const {
    table: { schema },
  } of dear) {
    const preparation = preparations.get(schema) ?? schema.preparing?.();
    if (preparation !== undefined) preparations.set(schema, preparation);
  }
  return {
    work: prepareRuns(dear, preparations, of),
    forget: () => preparations.forEach((preparation) => preparation.forget()),
  };
}

function lengthOf(dear: readonly DearRun[]): number {
  return dear.reduce((sum, { received }) => sum + received.reference.bytes.length, 0);
}

function* prepareRuns(
  dear: readonly DearRun[],
  preparations: ReadonlyMap<Schema, CellPreparation>,
  { origins }: PreparedFor,
): Work {
  const changes = new FrameChanges(dear, origins);
  let limit: TablecastError | undefined;
  for (const { received, table } of dear) {
    received.tooDear = limit;
    if (limit !== undefined) continue;
    try {
      const run = received.read(table.schema.column);
      yield 1 + Math.ceil(received.reference.bytes.length / BYTES_PER_UNIT);
      yield* prepareCells(run.values.cells ?? [], preparations.get(table.schema));
      checkContent(table.schema, run);
      received.fits = table.schema;
      yield 1 + Math.ceil(run.count / CHECKED_PER_UNIT);
      yield* changes.prepare({ received, run, table });
    } catch (error) {
      if (!isTablecastError(error)) throw error;
      if (error.code !== 'LIMIT_EXCEEDED') continue;
      limit = error;
      received.tooDear = error;
    }
  }
  yield* changes.prepareMissed();
}

/** A run of the frame that is unpacked. */
interface ReadRun extends DearRun {
  readonly run: DecodedRun;
}

/** The changes of documents that the runs of one frame carry. */
class FrameChanges {
  readonly #origins: Origins;
  readonly #mostNamed: number;
  /** Keys that runs of the frame name, by table, origin and chapter, and by their numbers. */
  readonly #keys = new Map<string, Map<number, string>>();
  /** Runs that refer to keys which are not known yet. */
  #missed: ReadRun[] = [];
  #weight = 0;
  #named = 0;

  constructor(dear: readonly DearRun[], origins: Origins) {
    this.#origins = origins;
    this.#mostNamed = MAX_FRAME_NAMED + lengthOf(dear);
  }

  /** Throws `LIMIT_EXCEEDED` when the frame holds too much. */
  *prepare(read: ReadRun): Work {
    const { run } = read;
    this.#learn(run);
    yield 1 + run.newKeys.length / 4;
    const { document } = run;
    if (document === undefined) return;
    const least = weightOf({ count: run.count, operations: 0, document });
    this.#limit(this.#weight + least, MAX_FRAME_WEIGHT, 'units of work on documents');
    const { operations, named } = yield* this.#prepare(read);
    this.#weight += weightOf({ count: run.count, operations, document });
    this.#limit(this.#weight, MAX_FRAME_WEIGHT, 'units of work on documents');
    this.#named += named;
    this.#limit(this.#named, this.#mostNamed, 'earlier operations named in changes');
  }

  /** Prepares what could not be before, because another peer brought the keys only meanwhile. */
  *prepareMissed(): Work {
    for (;;) {
      const ready = this.#missed.find(({ run, table }) => isKnown(run, this.#textsOf(run, table)));
      if (ready === undefined) return;
      this.#missed = this.#missed.filter((missed) => missed !== ready);
      try {
        yield* this.#prepare(ready);
      } catch (error) {
        if (!isTablecastError(error)) throw error;
      }
    }
  }

  *#prepare(read: ReadRun): Work<PreparedChanges> {
    const { received, run, table } = read;
    const { documents } = table.inForce;
    if (documents === undefined) return NOTHING;
    const textOf = this.#textsOf(run, table);
    if (isKnown(run, textOf)) {
      received.ready = yield* documents.prepare(run, (id) => textOf(id) ?? '');
      return received.ready?.content ?? NOTHING;
    }
    this.#missed.push(read);
    // What it carries is read all the same: what it writes may be known when it is its turn.
    const changes = run.document?.changes ?? [];
    return yield* documents.document.folding.prepare({ entered: [], changes });
  }

  #learn({ table, origin, state, newKeys }: DecodedRun): void {
    const name = keysName(table, origin, state.chapter);
    const known = this.#keys.get(name) ?? new Map<number, string>();
    this.#keys.set(name, known);
    for (const [index, text] of newKeys.entries()) known.set(state.keys + index, text);
  }

  /** Returns what the key numbers of a run mean, as far as this node and the frame tell. */
  #textsOf(
    { table, origin, state: { chapter } }: DecodedRun,
    { rows, held: { dictionaries } }: TableState,
  ): (id: number) => string | undefined {
    const named = this.#keys.get(keysName(table, origin, chapter));
    const author = this.#origins.find(origin);
    const dictionary = author === undefined ? undefined : dictionaries.get(author);
    return (id) => {
      const text = named?.get(id);
      if (text !== undefined) return text.length > MAX_KEY_CHARACTERS ? '' : text;
      if (dictionary?.chapter !== chapter || id >= dictionary.size) return undefined;
      return rows.text(dictionary.slot(id));
    };
  }

  #limit(count: number, limit: number, what: string): void {
    if (count <= limit) return;
    throw new TablecastError('LIMIT_EXCEEDED', `A frame of more than ${limit} ${what}.`, {
      hint: 'No version of tablecast sends such a frame: find out which program the peer runs.',
      details: { limit },
    });
  }
}

/** Returns whether every key is known that a run means. */
function isKnown({ ids, kinds, document }: DecodedRun, textOf: (id: number) => string | undefined): boolean {
  if (document?.entered.some(({ id }) => textOf(id) === undefined) === true) return false;
  return ids.every(
    (id, index) => kinds?.[index] === CLEAR || kinds?.[index] === SWITCH || textOf(id) !== undefined,
  );
}

function keysName(table: string, origin: string, chapter: number): string {
  return `${chapter} ${origin} ${table}`;
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
