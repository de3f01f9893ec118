import * as v from 'valibot';
import { TablecastError } from '../errors.ts';
import { anObject } from '../options/an-object.ts';
import { checkedOptions } from '../options/checked-options.ts';
import { code, said } from '../options/words.ts';
import type { OperationLog } from '../log/keeping/operation-log.ts';
import type { Operation } from '../log/operations/operation.ts';
import type { Origins } from '../log/operations/origin.ts';
import type { Projection } from '../projection/projection.ts';
import { type Value, sumWithin } from '../schema/index.ts';

/** The options of an undo say whose operations are taken back, and since when. */
export interface UndoOptions {
  /** Names the author: a node's id, or one life of it, `nodeId@epoch`. */
  readonly origin: string;
  /** Is a position of this node's log, behind which they are, or a time of the author's clock, in milliseconds since 1970. */
  readonly since: { readonly position: number } | { readonly time: number };
  /** Says that the undo is only planned: `apply` of the plan writes it. */
  readonly dryRun?: boolean | undefined;
}

/** An undone key says what an undo writes to it. */
export interface UndoneKey<K = unknown, V = unknown> {
  readonly key: K;
  readonly kind: 'set' | 'delete' | 'increment';
  /** Is what is set, or added; undefined for a removal and in a set. */
  readonly value: V | undefined;
}

/** An undo plan is what an undo writes, as long as nobody writes the same keys before. */
export interface UndoPlan<K = unknown, V = unknown> {
  readonly writes: readonly UndoneKey<K, V>[];
  /** Counts the keys that the author wrote and that stay as they are, because somebody wrote over them or they expired. */
  readonly kept: number;
  /** Writes what is planned, but for keys that were written since, and resolves with how many once they are durable. */
  apply(): Promise<number>;
}

/** The parts are what an undo needs of the node. */
export interface UndoParts {
  readonly log: OperationLog;
  readonly origins: Origins;
  /** Reads the log of a table, some operations at a time; undefined at its end. */
  reader(table: string): { next(): Promise<readonly Operation[] | undefined> };
  /** Waits until what was written is durable. */
  flush(): Promise<void>;
}

type Integer = number | bigint;

/** A former row is what a key would hold without the operations that are taken back. */
interface Former {
  readonly present: boolean;
  readonly value: unknown;
  readonly time: number;
}

/** A done thing is all that the author did to a key since then. */
interface Done {
  /** Sums what was added, as far as nobody replaced what it was added to. */
  sum: number;
  isPut: boolean;
  last: Operation['kind'];
}

interface Planned {
  readonly text: string;
  readonly slot: number;
  readonly kind: UndoneKey['kind'];
  readonly value: unknown;
  /** Names the write that stands when it is planned. */
  readonly origin: number;
  readonly sequence: number;
}

/** Reads the log of a table once: what one author did since then, and what there would be without it. */
class Past {
  readonly done: Map<string, Done> = new Map();
  /** Says from which sequence on the operations of each life of the author are taken back. */
  readonly first: Map<string, number> = new Map();
  readonly former: Map<string, Former> = new Map();
  hasCleared = false;
  readonly #projection: Projection;
  readonly #options: UndoOptions;
  readonly #byTime: boolean;

  constructor(projection: Projection, options: UndoOptions) {
    this.#projection = projection;
    this.#options = options;
    this.#byTime = projection.inForce.mode.comparesVersions;
  }

  take(operation: Operation): void {
    const { kind, key } = operation;
    if (kind === 'switch' || kind === 'touch') return;
    const isUndone = kind !== 'expire' && this.#isUndone(operation);
    if (isUndone && !this.first.has(operation.origin)) this.first.set(operation.origin, operation.sequence);
    if (kind === 'clear') return this.#cleared(operation, isUndone);
    const text = this.#projection.schema.keyText(key);
    if (isUndone) this.#note(text, operation);
    else this.#keep(text, operation);
    if (kind !== 'increment') this.#replaced(text);
  }

  #isUndone({ origin, position, time }: Operation): boolean {
    const { origin: author, since } = this.#options;
    if (origin !== author && origin.slice(0, origin.lastIndexOf('@')) !== author) return false;
    return 'position' in since ? position > since.position : time >= since.time;
  }

  #note(text: string, { kind, value }: Operation): void {
    const done = this.done.get(text) ?? { sum: 0, isPut: false, last: kind };
    if (kind === 'increment') done.sum += Number(value);
    else done.isPut = true;
    done.last = kind;
    this.done.set(text, done);
  }

  /** Forgets what was added before a key was written again. */
  #replaced(text: string): void {
    const done = this.done.get(text);
    if (done !== undefined) done.sum = 0;
  }

  #keep(text: string, { kind, value, time }: Operation): void {
    const before = this.former.get(text);
    if (this.#byTime && before !== undefined && before.time > time) return;
    if (kind === 'increment') {
      const start = before?.present === true ? before.value : (this.#projection.schema.defaultValue ?? 0);
      const sum = sumWithin(
        this.#projection.schema.valueType as 'count' | 'int',
        start as Integer,
        value as Integer,
      );
      this.former.set(text, { present: true, value: sum, time });
    } else {
      this.former.set(text, { present: kind === 'set', value: kind === 'set' ? value : undefined, time });
    }
  }

  #cleared({ time }: Operation, isUndone: boolean): void {
    if (isUndone) this.hasCleared = true;
    for (const text of this.done.keys()) this.#replaced(text);
    if (isUndone) return;
    for (const [text, before] of this.former)
      if (!this.#byTime || before.time <= time)
        this.former.set(text, { present: false, value: undefined, time });
  }
}

/**
 * Plans to take back what one author wrote into a table since then, by operations of this node. Only keys count whose
 * present value, or whose removal, is the author's; numbers that were added are subtracted. Throws `LOG_TRIMMED` when
 * this node's log does not reach back to the beginning, so that what was before is not known.
 */
export async function planUndo(
  projection: Projection,
  options: UndoOptions,
  parts: UndoParts,
): Promise<UndoPlan> {
  checkOptions(options);
  const { log, origins } = parts;
  log.seal();
  const { name } = projection.schema;
  const trimmedTo = log.stores.get(projection.store)?.trimmedTo ?? 0;
  if (trimmedTo > 0) throw trimmed(name, trimmedTo);
  const past = new Past(projection, options);
  const reader = parts.reader(name);
  for (let batch = await reader.next(); batch !== undefined; batch = await reader.next())
    for (const operation of batch) past.take(operation);
  log.seal();
  const { planned, kept } = plan(projection, past, origins);
  const { schema } = projection;
  return {
    writes: planned.map(({ text, kind, value }) => ({ key: schema.keyOf(text), kind, value })),
    kept,
    apply: async () => {
      const count = apply(projection, planned);
      await parts.flush();
      return count;
    },
  };
}

function plan(projection: Projection, past: Past, origins: Origins): { planned: Planned[]; kept: number } {
  const { rows } = projection;
  const planned: Planned[] = [];
  let kept = 0;
  const isUndone = (slot: number): boolean => {
    if (rows.sequence(slot) === 0) return false;
    const first = past.first.get(origins.at(rows.origin(slot)).text);
    return first !== undefined && rows.sequence(slot) >= first;
  };
  const texts = past.hasCleared ? new Set([...past.done.keys(), ...past.former.keys()]) : past.done.keys();
  for (const text of texts) {
    const slot = rows.known(text);
    const done = past.done.get(text);
    const write =
      slot === undefined ? undefined : undoing({ slot, done, former: past.former.get(text) }, rows, isUndone);
    if (write !== undefined && slot !== undefined)
      planned.push({ text, slot, ...write, origin: rows.origin(slot), sequence: rows.sequence(slot) });
    else if (done !== undefined) kept++;
  }
  return { planned, kept };
}

/** Returns the write that takes back all that was done to one key; undefined where it stays. */
function undoing(
  of: { readonly slot: number; readonly done: Done | undefined; readonly former: Former | undefined },
  rows: Projection['rows'],
  isUndone: (slot: number) => boolean,
): Pick<Planned, 'kind' | 'value'> | undefined {
  const { slot, done, former } = of;
  const present = rows.has(slot);
  const isAdded = done !== undefined && !done.isPut && done.sum !== 0;
  // A number that others added to is no longer the author's alone.
  if (isAdded && present && (former?.present === true || !isUndone(slot)))
    return { kind: 'increment', value: -done.sum };
  // A row of the author's that expired was not taken away by anybody.
  if (!isUndone(slot) || (!present && done?.last === 'set' && rows.touches !== undefined)) return undefined;
  if (former?.present === true) return { kind: 'set', value: former.value };
  return present ? { kind: 'delete', value: undefined } : undefined;
}

/** Writes what is planned, but for keys that were written since. */
function apply({ rows, local }: Projection, planned: readonly Planned[]): number {
  let count = 0;
  for (const { text, kind, value, origin, sequence } of planned) {
    const slot = rows.slotOf(text);
    if (rows.origin(slot) !== origin || rows.sequence(slot) !== sequence) continue;
    if (kind === 'delete') local.delete(slot);
    else if (kind === 'set') local.set(slot, value as Value);
    else local.add(slot, Number(value));
    count++;
  }
  return count;
}

/** Says from which moment on operations are taken back. */
export const undoSinceSchema = v.pipe(
  v.union([
    anObject({ position: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) }),
    anObject({ time: v.pipe(v.number(), v.finite()) }),
  ]),
  said('{ position } or { time }', code('{ time: Date.now() - 60_000 }')),
);

/** {@link UndoOptions} as far as their form goes. */
export const undoOptionsSchema = anObject({
  origin: v.pipe(v.string(), v.minLength(1), said('the id of a node, or one life of it', 'worker-1')),
  since: undoSinceSchema,
  dryRun: v.optional(v.boolean()),
});

function checkOptions(options: UndoOptions | undefined): void {
  checkedOptions(undoOptionsSchema, options ?? {}, { of: 'of an undo' });
}

function trimmed(table: string, position: number): TablecastError {
  return new TablecastError(
    'LOG_TRIMMED',
    `The log of table ${table} begins behind position ${position}: what its rows were before is not known here.`,
    {
      hint: 'Undo on a node that keeps the whole log, or write the rows again from a backup. Nothing was changed.',
      details: { table, trimmedTo: position },
    },
  );
}
