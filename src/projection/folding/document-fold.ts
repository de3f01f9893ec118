import { malformed } from '../../log/bytes/bytes.ts';
import { CLEAR, SET, SWITCH } from '../../log/operations/operation.ts';
import type { Origins } from '../../log/operations/origin.ts';
import type { DecodedRun, DocumentSection, RunOperations } from '../../log/runs/run.ts';
import type { Work } from '../../work/slices.ts';
import type {
  OwnEffect,
  PreparedChanges,
  RunChanges,
  RunEffects,
  Standing,
  TableDocument,
} from '../../modes/conflict-mode.ts';
import type { Value } from '../../schema/index.ts';
import type { ChangeKind, OperationFacts } from '../telling/change.ts';
import { DocumentLives } from './document-lives.ts';
import { DocumentTeller, type FoldedRun } from './document-teller.ts';
import { MAX_ADDED, netEffects } from './net-effects.ts';
import type { OwnPast } from '../writing/own-past.ts';
import type { Effects } from './effects.ts';
import type { TableState } from '../table-state.ts';
import { HiddenLives } from '../times/hidden-lives.ts';
import type { Dot } from '../rows/dot.ts';
import { WaitedRuns } from './waited-runs.ts';

/** Most rows, and characters of their keys, that one `clear` removes. */
const MAX_CLEARED = 4096;
const MAX_CLEARED_CHARACTERS: number = 512 * 1024;

/** An authored run says how key numbers are read in a run of this node, and what it is told at. */
export interface AuthoredRun {
  readonly origin: string;
  readonly position: number;
  textOf(id: number): string;
  idOf(text: string): number;
}

/** A run, its effects and what it carries, so that what was checked is not worked out twice. */
interface Prepared {
  readonly run: DecodedRun;
  readonly effects: RunEffects;
  readonly carried: RunChanges;
}

/** A ready run is what was prepared of one that is not checked yet, for one document. */
export interface ReadyRun {
  readonly by: DocumentFold;
  readonly prepared: Prepared;
  /** The keys from before that it was believed to mean. */
  readonly known: ReadonlyMap<number, string>;
  readonly content: PreparedChanges;
}

/** The table is what a document shows itself in, and who remembers what this node wrote. */
type FoldedTable = TableState & {
  readonly effects: Effects;
  readonly inForce: { readonly past: OwnPast };
  /** Another number when rows changed without an operation that is new here. */
  revision: number;
};

/**
 * One table in a mode with documents: operations go into the document, and the rows show what
 * stands there.
 */
export class DocumentFold {
  readonly document: TableDocument;
  readonly waited: WaitedRuns;
  readonly #table: FoldedTable;
  readonly #origins: Origins;
  readonly #teller: DocumentTeller;
  readonly #hidden = new HiddenLives();
  #prepared: Prepared | undefined;
  /** While a run is put into the document: whether what it puts into a slot that has a row begins a new life. */
  #beginsAnew: ((slot: number, by: Dot) => boolean) | undefined;

  constructor(table: FoldedTable, origins: Origins, document: TableDocument) {
    this.document = document;
    this.#table = table;
    this.#origins = origins;
    this.#teller = new DocumentTeller(table, this);
    this.waited = new WaitedRuns(table, this);
  }

  // Rows -----------------------------------------------------------------------------------------------

  /** The rows that stand now are those that every node begins the document with. */
  begin(): void {
    const { rows, schema } = this.#table;
    const origins = this.#origins;
    const base = Array.from(rows.live(), (slot) => ({
      text: rows.text(slot),
      cell: schema.isSet ? true : schema.toColumn(rows.value(slot)),
      origin: origins.at(rows.origin(slot)).text,
      sequence: rows.sequence(slot),
      stamp: rows.stamp(slot),
    }));
    this.document.switching.begin(base);
    this.#table.inForce.past.begin(this.#table, origins);
  }

  /** The value a standing cell shows. */
  valueOf(standing: Standing): Value {
    const { schema } = this.#table;
    return schema.isSet ? undefined : schema.fromColumn(standing.cell);
  }

  dotOf({ origin, sequence, stamp }: Standing): Dot {
    return { origin: this.#origins.intern(origin), sequence, stamp };
  }

  /** Returns whether a row is what stands in the document. */
  shows(slot: number, standing: Standing | undefined): boolean {
    const { rows, schema } = this.#table;
    if (standing === undefined || !rows.has(slot)) return standing === undefined && !rows.has(slot);
    const dot = this.dotOf(standing);
    if (rows.origin(slot) !== dot.origin || rows.sequence(slot) !== dot.sequence) return false;
    return schema.column !== 'integer' || Object.is(schema.toColumn(rows.value(slot)), standing.cell);
  }

  /** Makes a row what stands in the document, telling nobody; `by` removed it, if it is gone. */
  place(slot: number, standing: Standing | undefined, by: Dot): void {
    const { rows, effects } = this.#table;
    effects.watch?.remember(slot);
    if (standing === undefined) {
      rows.remove(slot, by);
      this.#hidden.forget(rows.text(slot));
      return;
    }
    this.put(slot, this.valueOf(standing), this.dotOf(standing));
    effects.deadlines?.note(slot);
  }

  /** Puts a value into a row, with the life of the one that stands there or with its own. */
  put(slot: number, value: Value, dot: Dot): void {
    const { rows } = this.#table;
    const { beginnings } = rows;
    if (beginnings === undefined || !rows.has(slot)) return rows.put(slot, value, dot);
    const before = { ...rows.dot(slot), created: beginnings.time(slot) };
    const beginsAnew = this.#beginsAnew?.(slot, dot) === true;
    rows.put(slot, value, dot);
    if (beginsAnew) beginnings.set(slot, dot, this.#hidden.createdOf(rows.text(slot), dot));
    this.keepHidden(rows.text(slot), before);
  }

  /** Remembers the life of a value that stands beside what a row shows, or does not any more. */
  keepHidden(text: string, value: Pick<Dot, 'origin' | 'sequence'> & { readonly created: number }): void {
    const [, ...beside] = this.document.reading.values(text);
    this.#hidden.keep(
      text,
      value,
      beside.map((standing) => this.dotOf(standing)),
    );
  }

  /** The same, telling of the change under the facts of an operation. */
  settle(text: string, by: Dot, facts: OperationFacts | undefined): void {
    const { rows, reporter } = this.#table;
    const standing = this.document.reading.standing(text);
    const known = rows.known(text);
    if (standing === undefined && known === undefined) return;
    const slot = known ?? rows.slotOf(text);
    if (this.shows(slot, standing)) return;
    const previous = rows.value(slot);
    const present = rows.has(slot);
    this.place(slot, standing, by);
    this.#table.revision++;
    if (facts === undefined) return;
    const kind: ChangeKind = standing === undefined ? 'removed' : present ? 'changed' : 'new';
    const value = rows.has(slot) ? rows.value(slot) : undefined;
    reporter.change(kind, slot, previous, { ...facts, key: rows.key(slot), row: { value } });
  }

  /** The same of several keys; `beginsAnew` says of which what is put where a row is begins a life. */
  settleAll(
    texts: Iterable<string>,
    by: Dot,
    on: { readonly facts: OperationFacts | undefined; beginsAnew(text: string): boolean },
  ): void {
    this.#beginsAnew = (slot) => on.beginsAnew(this.#table.rows.text(slot));
    for (const text of texts) this.settle(text, by, on.facts);
    this.#beginsAnew = undefined;
  }

  /** Gives what stands in the document the exact versions that rows of a checkpoint have. */
  refineRows(): void {
    const { rows } = this.#table;
    for (const slot of rows.live()) this.refine(slot, rows.dot(slot));
  }

  refine(slot: number, { origin, sequence, stamp }: Dot): void {
    const text = this.#table.rows.text(slot);
    this.document.reading.refine(text, { origin: this.#origins.at(origin).text, sequence, stamp });
  }

  /** Returns what stands under a slot's key, which must be something. */
  standingIn(slot: number): { readonly value: Value; readonly dot: Dot } {
    const standing = this.document.reading.standing(this.#table.rows.text(slot)) as Standing;
    return { value: this.valueOf(standing), dot: this.dotOf(standing) };
  }

  // Runs of this node ------------------------------------------------------------------------------------

  /** Returns whether a key can be added to, so that what others add at the same time adds up. */
  canAdd(slot: number, by: number, result: Value): boolean {
    const { rows, schema } = this.#table;
    if (schema.column !== 'integer' || typeof result !== 'number') return false;
    if (!Number.isSafeInteger(by) || Math.abs(by) > MAX_ADDED || typeof schema.defaultValue === 'bigint')
      return false;
    if (rows.has(slot)) return typeof rows.value(slot) === 'number';
    // A value that is still there, or a row from before the document, is about to be removed by the open run.
    const text = rows.text(slot);
    const { document } = this;
    return (
      document.reading.standing(text) === undefined &&
      !document.switching.hasBase(text) &&
      document.writing.canBegin(text)
    );
  }

  /** Says whether a `clear` would not fit into one run, which has to name every key that it removes. */
  get clearsOneByOne(): boolean {
    const { rows } = this.#table;
    if (rows.size > MAX_CLEARED) return true;
    let characters = 0;
    for (const slot of rows.live()) characters += rows.text(slot).length;
    return characters > MAX_CLEARED_CHARACTERS;
  }

  /** Puts the open run of this node into the document; returns what it must carry. */
  write(
    run: RunOperations,
    author: AuthoredRun,
  ): Omit<DocumentSection, 'copies'> & { readonly operations: number } {
    const { schema, reporter } = this.#table;
    const { origin, position } = author;
    const effects = netEffects(run, { origin, isSet: schema.isSet, textOf: (id) => author.textOf(id) });
    const { entered, changes, operations, others } = this.document.writing.write(effects);
    const dot = { origin: this.#origins.intern(origin), sequence: run.firstSequence, stamp: run.firstStamp };
    const kind = run.kinds?.[0] ?? SET;
    const facts = reporter.listening ? reporter.facts(position, kind, dot) : undefined;
    // What stood beside a value of this node's that expired has a life of its own.
    const beginsAnew = (text: string): boolean => effects.keys.get(text)?.kind === 'delete';
    for (const texts of [effects.keys.keys(), others]) this.settleAll(texts, dot, { facts, beginsAnew });
    return {
      entered: entered.map(({ text, generation, start }) => ({ id: author.idOf(text), generation, start })),
      changes,
      operations,
    };
  }

  // Runs of others, and replay ---------------------------------------------------------------------------

  /**
   * Does what can be done with a run before it is its turn: `textOf` gives the keys it is believed to mean. Returns
   * nothing for a run without changes. Throws `OPERATION_INVALID`, as {@link check} would.
   */
  *prepare(run: DecodedRun, textOf: (id: number) => string): Work<ReadyRun | undefined> {
    if (run.document === undefined) return undefined;
    const prepared = this.#prepare(run, textOf);
    yield 1 + run.count;
    const content = yield* this.document.folding.prepare(prepared.carried);
    this.document.folding.compare(prepared.effects, prepared.carried);
    yield 1 + content.operations;
    const { ids, kinds, state } = run;
    const known = new Map<number, string>();
    for (let index = 0; index < run.count; index++) {
      const id = ids[index] as number;
      if (id < state.keys && hasKey(kinds?.[index])) known.set(id, textOf(id));
    }
    for (const { id } of run.document.entered) if (id < state.keys) known.set(id, textOf(id));
    return { by: this, prepared, known, content };
  }

  /** Returns what was prepared of a run, unless its keys turn out to be others. */
  #readied(ready: ReadyRun | undefined, textOf: (id: number) => string): Prepared | undefined {
    if (ready?.by !== this) return undefined;
    for (const [id, text] of ready.known) if (textOf(id) !== text) return undefined;
    return ready.prepared;
  }

  /** Checks what a run carries for the document, changing nothing. Throws `OPERATION_INVALID`. */
  check(run: DecodedRun, textOf: (id: number) => string, ready?: ReadyRun): void {
    const prepared = this.#readied(ready, textOf) ?? this.#prepare(run, textOf);
    if (run.count > 1 && run.kinds?.includes(SWITCH) === true)
      throw malformed('a switch of mode among others');
    this.document.folding.check(prepared.effects, prepared.carried);
    this.#prepared = prepared;
  }

  #prepare(run: DecodedRun, textOf: (id: number) => string, end: number = run.count): Prepared {
    const { schema } = this.#table;
    const { document } = run;
    if (document === undefined) throw malformed('a run without changes for the document of its table');
    const effects = netEffects(run, { origin: run.origin, isSet: schema.isSet, textOf }, end);
    const entered = document.entered.map(({ id, generation, start }) => ({
      text: textOf(id),
      generation,
      start,
    }));
    return { run, effects, carried: { entered, changes: document.changes } };
  }

  /** Folds the operations of a checked run from `skip` up to `end` into document and rows. */
  fold(run: DecodedRun, range: { readonly skip: number; readonly end: number }, on: FoldedRun): void {
    const whole = range.end === run.count;
    const known = this.#prepared?.run === run && whole ? this.#prepared : undefined;
    this.#prepared = undefined;
    const prepared = known ?? this.#prepare(run, (id) => this.#textIn(on, id), range.end);
    const { effects } = prepared;
    const lives = this.#livesOf(run, effects, on);
    this.#beginsAnew = lives && ((slot, by) => lives.beginsAnew(slot, by));
    try {
      this.#take(run, range, { on, prepared, whole });
      lives?.noteHidden();
      lives?.noteMissed();
    } finally {
      this.#beginsAnew = undefined;
    }
  }

  /** In tables whose rows expire by creation. */
  #livesOf(run: DecodedRun, effects: RunEffects, on: FoldedRun): DocumentLives | undefined {
    if (this.#table.schema.expiry?.kind !== 'create') return undefined;
    return new DocumentLives(this.#table, this, { run, effects, on });
  }

  /** The key behind a number of a run. */
  #textIn({ dictionary }: FoldedRun, id: number): string {
    return this.#table.rows.text(dictionary.slot(id));
  }

  #take(
    run: DecodedRun,
    range: { readonly skip: number; readonly end: number },
    { on, prepared, whole }: { readonly on: FoldedRun; readonly prepared: Prepared; readonly whole: boolean },
  ): void {
    const { effects, carried } = prepared;
    const { document } = this;
    const { origin, letting } = on;
    const others = whole
      ? document.folding.apply(effects, carried, letting?.room)
      : document.folding.applyPart(
          effects,
          this.#prepare(run, (id) => this.#textIn(on, id)).effects,
          carried,
        );
    if (letting !== undefined)
      this.waited.letBy(letting.base + range.end - 1, lastOf(run, range.end, origin));
    if (on.base !== undefined) {
      this.#teller.tell({ run, range, effects, others, on, base: on.base });
      return;
    }
    for (const [text, { sequence, stamp }] of effects.keys)
      this.settle(text, { origin, sequence, stamp }, undefined);
    const first = { origin, sequence: run.firstSequence, stamp: run.firstStamp };
    for (const text of others) if (!effects.keys.has(text)) this.settle(text, first, undefined);
  }

  /** The values under a slot's key that its row does not show; none while the open run replaces them. */
  othersIn(slot: number): { readonly value: Value; readonly origin: string }[] {
    const [first, ...others] = this.document.reading.values(this.#table.rows.text(slot));
    if (first === undefined || !this.shows(slot, first)) return [];
    return others.map((other) => ({ value: this.valueOf(other), origin: other.origin }));
  }

  /** Lists what this node did since the document began, as far as it still stands. */
  effectsOfOwn(): OwnEffect[] {
    return this.document.switching.effectsOf((text) => this.#table.authors.isOwn(this.#origins.intern(text)));
  }

  /** Slots whose rows are not what stands in the document: to be put, and to be removed. */
  differences(): { readonly put: readonly number[]; readonly removed: readonly number[] } {
    const { rows } = this.#table;
    const put: number[] = [];
    const removed: number[] = [];
    for (const text of this.document.reading.keys()) {
      const standing = this.document.reading.standing(text);
      const slot = rows.slotOf(text);
      if (!this.shows(slot, standing)) put.push(slot);
    }
    for (const slot of rows.live()) {
      const text = rows.text(slot);
      if (this.document.reading.covers(text) && this.document.reading.standing(text) === undefined)
        removed.push(slot);
    }
    return { put, removed };
  }
}

/** The last operation of the first `end` of a run. */
function lastOf(run: DecodedRun, end: number, origin: number): Dot {
  const stamp = run.stamps === undefined ? run.firstStamp : (run.stamps[end - 1] as number);
  return { origin, sequence: run.firstSequence + end - 1, stamp };
}

function hasKey(kind: number | undefined): boolean {
  return kind !== CLEAR && kind !== SWITCH;
}
