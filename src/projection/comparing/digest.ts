import { TablecastError } from '../../errors.ts';
import type { Cell } from '../../schema/schema.ts';
import type { Epoch } from '../../log/operations/epoch.ts';
import type { Origins } from '../../log/operations/origin.ts';
import type { Work } from '../../work/slices.ts';
import type { Key, Value } from '../../schema/index.ts';
import { decodeRows } from '../checkpoints/checkpoint-reader.ts';
import { rowsOfSlots } from '../checkpoints/checkpoint-writer.ts';
import type { WholeTable } from '../whole-table.ts';

/** Rows are spread over this many buckets by the hash of their key, and each bucket over as many leaves. */
const BUCKETS = 256;
/** Leaves are numbered `bucket * BUCKETS + leaf`. */
const LEAVES: number = BUCKETS * BUCKETS;

/** Rows are hashed so many units of work at a time, and a unit hashes so many characters. */
const UNITS_PER_STEP = 64;
const CHARACTERS_PER_UNIT = 64;
/** Most rows of a peer that are compared at once: more than 64 of 65,536 leaves have, below a thousand million rows. */
const MOST_ROWS = 1_048_576;
/** Slots that are put in the order of their leaves in one unit. */
const SLOTS_PER_UNIT = 64;

const PRIME = 0x01000193;
const OTHER_PRIME = 0x85ebca6b;

/** A side is one row, as one of two peers has it. */
export interface RowSide<V = Value> {
  /** Is undefined for sets. */
  readonly value: V | undefined;
  /** Names the life that wrote it: `nodeId@epoch`. */
  readonly origin: string;
  readonly sequence: number;
}

/** A leaf, and what a peer said is the sum of its rows' hashes. */
export type LeafSum = readonly [leaf: number, low: number, high: number];

/** A key whose rows differ; a side is undefined where there is no row. */
export interface RowDifference<K = Key, V = Value> {
  readonly key: K;
  readonly here: RowSide<V> | undefined;
  readonly there: RowSide<V> | undefined;
}

/** Two 32-bit hashes, mixed independently; equal content gives equal hashes on every machine. */
class Hash {
  /** Kept in a typed array, because words of 32 bits in fields would be boxed. */
  readonly #state: Int32Array = new Int32Array(2);
  readonly #number = new Float64Array(1);
  readonly #words: Int32Array = new Int32Array(this.#number.buffer);

  get low(): number {
    return (this.#state[0] as number) >>> 0;
  }

  get high(): number {
    return (this.#state[1] as number) >>> 0;
  }

  reset(): void {
    this.#state[0] = 0x811c9dc5;
    this.#state[1] = 0x9e3779b9;
  }

  word(word: number): void {
    const high = this.#state[1] as number;
    this.#state[0] = Math.imul((this.#state[0] as number) ^ word, PRIME);
    this.#state[1] = Math.imul(high ^ (word + (high >>> 15)), OTHER_PRIME);
  }

  text(text: string): void {
    let low = this.#state[0] as number;
    let high = this.#state[1] as number;
    for (let at = 0; at < text.length; at++) {
      const word = text.charCodeAt(at);
      low = Math.imul(low ^ word, PRIME);
      high = Math.imul(high ^ (word + (high >>> 15)), OTHER_PRIME);
    }
    this.#state[0] = low;
    this.#state[1] = high;
    this.word(0x10000 + text.length);
  }

  /** Takes in a value; returns how many characters it is long. */
  cell(cell: Cell): number {
    if (typeof cell === 'number') {
      // Any NaN is like any other, whatever its bits are.
      this.#number[0] = Number.isNaN(cell) ? NaN : cell;
      this.word(this.#words[0] as number);
      this.word(this.#words[1] as number);
      return 0;
    }
    const text = `${typeof cell === 'string' ? '' : typeof cell} ${String(cell)}`;
    this.text(text);
    return text.length;
  }

  /** Spreads what was taken in over all bits. */
  finish(): void {
    this.#state[0] = finished(this.low ^ (this.high >>> 3));
    this.#state[1] = finished(this.high ^ (this.low >>> 5));
  }
}

function finished(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x7feb352d);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** The name of each table's state when it was asked for last: making it takes as long as the table has lives. */
const names = new WeakMap<WholeTable, { changes: number; epoch: Epoch; name: string }>();

/** Names what a table has taken in: equal on two nodes that hold the same operations, and only then. */
export function stateName(projection: WholeTable, origins: Origins): string {
  const { changes } = projection.held.vector();
  const { epoch } = projection.inForce;
  const known = names.get(projection);
  if (known?.changes === changes && known.epoch === epoch) return known.name;
  const name = newName(projection, origins);
  names.set(projection, { changes, epoch, name });
  return name;
}

function newName(projection: WholeTable, origins: Origins): string {
  const held = Array.from(
    projection.held.vector().entries(),
    ([origin, sequence]) => `${origins.at(origin).text} ${sequence}`,
  );
  const hash = new Hash();
  hash.reset();
  const { counter, origin } = projection.inForce.epoch;
  hash.text(`${counter} ${origin}`);
  for (const entry of held.toSorted()) hash.text(entry);
  hash.finish();
  return hash.low.toString(16).padStart(8, '0') + hash.high.toString(16).padStart(8, '0');
}

/** An index says where the rows of a table lie among the leaves. */
interface LeafIndex {
  /** Per leaf two words: the sum of its rows' hashes. */
  readonly sums: Uint32Array;
  /** Slots in the order of their leaves; leaf n's begin at `starts[n]`. */
  readonly starts: Uint32Array;
  readonly slots: Uint32Array;
}

/**
 * Sums over the rows of one table in one state, so that two peers can find the rows in which they
 * differ without sending the others. Made when needed, in one pass over the rows in slices; tables that
 * agree, which is nearly always, cost no more than that. The caller makes sure that the table is still in
 * that state: what is made of a table that changes meanwhile says nothing.
 */
export class TableDigest {
  readonly state: string;
  /** Says which rows it is of, of those that it may have: see {@link WholeTable.revision}. */
  readonly revision: number;
  /** Counts the slots that the table had. */
  readonly numbered: number;
  /** Per bucket two words: the sum of its rows' hashes. */
  readonly #sums: Uint32Array = new Uint32Array(2 * BUCKETS);
  #root: readonly [low: number, high: number] = [0, 0];
  #index: LeafIndex | undefined;
  readonly #projection: WholeTable;

  constructor(projection: WholeTable, state: string) {
    this.state = state;
    this.#projection = projection;
    this.revision = projection.revision;
    this.numbered = projection.rows.slots;
  }

  /** Makes the sums of the buckets, and of all. */
  sum(): Work {
    return this.#keepingSlots(() => this.#sum());
  }

  *#sum(): Work {
    const sums = this.#sums;
    const hash = new Hash();
    yield* this.#visit(hash, (leaf) => add(sums, leaf >>> 8, hash));
    hash.reset();
    for (const word of sums) hash.word(word);
    hash.finish();
    this.#root = [hash.low, hash.high];
  }

  /** Hashes each row. */
  *#visit(hash: Hash, visit: (leaf: number, slot: number) => void): Work {
    const { rows, schema } = this.#projection;
    let units = 0;
    for (const slot of rows.live()) {
      const text = rows.text(slot);
      const leaf = leafIn(hash, text);
      const characters = text.length + (schema.isSet ? 0 : hash.cell(schema.toColumn(rows.value(slot))));
      hash.finish();
      visit(leaf, slot);
      units += 1 + Math.floor(characters / CHARACTERS_PER_UNIT);
      if (units < UNITS_PER_STEP) continue;
      yield units;
      units = 0;
    }
  }

  /** Finds out where the rows lie; needed only where the sums of two peers differ. */
  order(): Work {
    return this.#keepingSlots(() => this.#order());
  }

  /** Work during which removed keys that are forgotten move no row to another slot. */
  *#keepingSlots<Step, Result>(
    work: () => Generator<Step, Result, undefined>,
  ): Generator<Step, Result, undefined> {
    const release = this.#projection.keepSlots();
    try {
      return yield* work();
    } finally {
      release();
    }
  }

  *#order(): Work {
    if (this.#index !== undefined) return;
    const sums = new Uint32Array(2 * LEAVES);
    const starts = new Uint32Array(LEAVES + 1);
    const leafOf: number[] = [];
    const found: number[] = [];
    const hash = new Hash();
    yield* this.#visit(hash, (leaf, slot) => {
      add(sums, leaf, hash);
      leafOf.push(leaf);
      found.push(slot);
      starts[leaf + 1] = (starts[leaf + 1] as number) + 1;
    });
    for (let leaf = 0; leaf < LEAVES; leaf++)
      starts[leaf + 1] = (starts[leaf + 1] as number) + (starts[leaf] as number);
    yield LEAVES / SLOTS_PER_UNIT;
    const next = starts.slice();
    const slots = new Uint32Array(found.length);
    for (let index = 0; index < found.length; index++) {
      const leaf = leafOf[index] as number;
      slots[next[leaf] as number] = found[index] as number;
      next[leaf] = (next[leaf] as number) + 1;
      if (index % SLOTS_PER_UNIT === 0) yield 1;
    }
    this.#index = { sums, starts, slots };
  }

  #indexed(): LeafIndex {
    if (this.#index === undefined) throw new Error('leaves are asked for before they are put in order');
    return this.#index;
  }

  /** Two words per bucket. */
  buckets(): Uint32Array {
    return this.#sums;
  }

  /** Two words per leaf of a bucket; call after {@link order}. */
  leaves(bucket: number): Uint32Array {
    return this.#indexed().sums.slice(2 * BUCKETS * bucket, 2 * BUCKETS * (bucket + 1));
  }

  /** One word pair for the whole table. */
  root(): readonly [low: number, high: number] {
    return this.#root;
  }

  *#slotsIn(leaves: readonly number[]): Generator<number, void, undefined> {
    const { starts, slots } = this.#indexed();
    for (const leaf of leaves) {
      const end = starts[leaf + 1] as number;
      for (let at = starts[leaf] as number; at < end; at++) yield slots[at] as number;
    }
  }

  /** The rows of some leaves, in chunks that {@link differences} takes on the other node; call after {@link order}. */
  rows(leaves: readonly number[], origins: Origins): Iterable<Uint8Array> {
    return this.#keepingSlots(() => rowsOfSlots(this.#projection, origins, this.#slotsIn(leaves)));
  }

  /**
   * Compares the rows of some leaves with those of a peer; call after {@link order}. Undefined when the peer's rows
   * do not add up to the sums that it said. A row whose operation is not held here is no difference: it came with
   * a checkpoint, and its operation follows. Throws `OPERATION_INVALID`, or `LIMIT_EXCEEDED` for more than
   * 1,048,576 rows.
   */
  differences(
    leaves: readonly LeafSum[],
    chunks: readonly Uint8Array[],
    origins: Origins,
  ): Work<RowDifference[] | undefined> {
    return this.#keepingSlots(() => this.#differences(leaves, chunks, origins));
  }

  *#differences(
    leaves: readonly LeafSum[],
    chunks: readonly Uint8Array[],
    origins: Origins,
  ): Work<RowDifference[] | undefined> {
    const { rows, schema } = this.#projection;
    const theirs = yield* readSides(this.#projection, chunks);
    if (!(yield* this.#addUp(leaves, theirs))) return undefined;
    const isHeld = ({ origin, sequence }: RowSide): boolean => this.#holds(origins.find(origin), sequence);
    const found: RowDifference[] = [];
    let count = 0;
    for (const slot of this.#slotsIn(leaves.map(([leaf]) => leaf))) {
      if (++count % UNITS_PER_STEP === 0) yield UNITS_PER_STEP;
      const there = theirs.get(rows.text(slot));
      theirs.delete(rows.text(slot));
      const value = rows.value(slot);
      if (there !== undefined && sameValue(this.#projection, value, there.value)) continue;
      if (there !== undefined && !isHeld(there)) continue;
      const here = { value, origin: origins.at(rows.origin(slot)).text, sequence: rows.sequence(slot) };
      found.push({ key: rows.key(slot), here, there });
    }
    for (const [text, there] of theirs) {
      if (++count % UNITS_PER_STEP === 0) yield UNITS_PER_STEP;
      if (isHeld(there)) found.push({ key: schema.keyOf(text), here: undefined, there });
    }
    return found;
  }

  /** Returns whether an operation was taken in, be it of a life that was forgotten since. */
  #holds(origin: number | undefined, sequence: number): boolean {
    if (origin === undefined || sequence < 1) return false;
    const { lives } = this.#projection.held;
    return sequence <= this.#projection.held.vector().get(origin) || lives.isForgotten(origin);
  }

  /** Returns whether a peer's rows are all those of which it said the sums, and no others. */
  *#addUp(leaves: readonly LeafSum[], theirs: ReadonlyMap<string, RowSide>): Work<boolean> {
    const { schema } = this.#projection;
    const at = new Map(leaves.map(([leaf], index) => [leaf, index]));
    const sums = new Uint32Array(2 * leaves.length);
    const hash = new Hash();
    let units = 0;
    for (const [text, { value }] of theirs) {
      const index = at.get(leafIn(hash, text));
      if (index === undefined) return false;
      const characters = text.length + (schema.isSet ? 0 : hash.cell(schema.toColumn(value)));
      hash.finish();
      add(sums, index, hash);
      units += 1 + Math.floor(characters / CHARACTERS_PER_UNIT);
      if (units < UNITS_PER_STEP) continue;
      yield units;
      units = 0;
    }
    return leaves.every(([, low, high], index) => sums[2 * index] === low && sums[2 * index + 1] === high);
  }
}

/** Adds a row's hash to one of several sums. */
function add(sums: Uint32Array, index: number, hash: Hash): void {
  sums[2 * index] = (sums[2 * index] as number) + hash.low;
  sums[2 * index + 1] = (sums[2 * index + 1] as number) + hash.high;
}

/** The leaf of a key; leaves the hash where the value goes on. */
function leafIn(hash: Hash, text: string): number {
  hash.reset();
  hash.text(text);
  return finished(hash.low) >>> 16;
}

function* readSides(projection: WholeTable, chunks: readonly Uint8Array[]): Work<Map<string, RowSide>> {
  const { schema } = projection;
  const sides = new Map<string, RowSide>();
  let taken = 0;
  for (const chunk of chunks) {
    const { texts, cells, origins, originOf, sequences } = yield* decodeRows(chunk, schema);
    taken += texts.length;
    if (taken > MOST_ROWS) throw tooManyRows(schema.name);
    for (const [index, text] of texts.entries()) {
      const value = schema.isSet ? undefined : schema.fromColumn(cells[index] as Cell);
      const origin = origins[originOf[index] as number] as string;
      sides.set(text, { value, origin, sequence: sequences[index] as number });
      if (index % UNITS_PER_STEP === 0) yield UNITS_PER_STEP;
    }
  }
  return sides;
}

function tooManyRows(table: string): TablecastError {
  return new TablecastError(
    'LIMIT_EXCEEDED',
    `A peer sent more than ${MOST_ROWS} rows of ${table} to compare at once.`,
    { hint: 'Split the table into several.', details: { table, limit: MOST_ROWS } },
  );
}

function sameValue({ schema }: WholeTable, one: Value, other: Value): boolean {
  return schema.isSet || Object.is(schema.toColumn(one), schema.toColumn(other));
}
