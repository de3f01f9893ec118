import { CLEAR, EXPIRE, INCREMENT, SET } from '../../log/operations/operation.ts';
import type { Dictionary } from '../../log/runs/dictionary.ts';
import type { VersionVector } from '../../log/operations/version-vector.ts';
import type { DecodedRun } from '../../log/runs/run.ts';
import type { NetEffect, RunEffects, Standing, TableDocument } from '../../modes/conflict-mode.ts';
import type { Value } from '../../schema/index.ts';
import { type OperationFacts, changeOf } from '../telling/change.ts';
import type { Live } from './effects.ts';
import type { TableState } from '../table-state.ts';
import { type Dot, MovingDot } from '../rows/dot.ts';
import type { Letting } from './waited-runs.ts';

/** A folded run is what is known of the run that is folded. */
export interface FoldedRun {
  readonly origin: number;
  readonly dictionary: Dictionary;
  readonly seen: VersionVector;
  /** Position of the operation at index 0, were it applied; undefined when nobody is told. */
  readonly base: number | undefined;
  /** Undefined on replay: what waited for the run then takes effect with it. */
  readonly letting?: Letting | undefined;
}

/** A run that went into the document, on its way to the rows and to those who listen. */
export interface ToldRun {
  readonly run: DecodedRun;
  readonly range: { readonly skip: number; readonly end: number };
  readonly effects: RunEffects;
  /** Keys to look at that its operations do not name. */
  readonly others: ReadonlySet<string>;
  readonly on: FoldedRun;
  readonly base: number;
}

/** One operation on a key, and what its run does to the key in the end. */
interface KeyOperation {
  readonly kind: number;
  readonly slot: number;
  readonly dot: MovingDot;
  readonly facts: OperationFacts;
  readonly effect: NetEffect | undefined;
  readonly live: Live;
}

/** A document is shown in the rows of its table, key by key. */
interface ShownDocument {
  readonly document: Pick<TableDocument, 'reading'>;
  valueOf(standing: Standing): Value;
  shows(slot: number, standing: Standing | undefined): boolean;
  place(slot: number, standing: Standing | undefined, by: Dot): void;
  put(slot: number, value: Value, dot: Dot): void;
  settle(text: string, by: Dot, facts: OperationFacts | undefined): void;
}

/** A `set` on its way to its row. */
interface PlainWrite {
  readonly slot: number;
  readonly dot: MovingDot;
  readonly value: Value;
  readonly position: number;
}

/** Brings rows in line with the document operation by operation, and tells of each. */
export class DocumentTeller {
  readonly #table: TableState;
  readonly #fold: ShownDocument;

  constructor(table: TableState, fold: ShownDocument) {
    this.#table = table;
    this.#fold = fold;
  }

  tell(told: ToldRun): void {
    const { run, range, effects, others, on, base } = told;
    const { rows, reporter, schema } = this.#table;
    const { numbers, cells } = run.values;
    const dot = new MovingDot(on.origin);
    let cellAt = 0;
    let addAt = 0;
    for (let index = 0; index < range.end; index++) {
      const kind = run.kinds === undefined ? SET : (run.kinds[index] as number);
      let value: Value;
      if (kind === SET && !schema.isSet) {
        value = numbers === undefined ? schema.fromColumn(cells?.[cellAt] ?? 0) : numbers[cellAt];
        cellAt++;
      } else if (kind === INCREMENT) {
        value = run.added[addAt++];
      }
      if (index < range.skip) continue;
      dot.sequence = run.firstSequence + index;
      dot.stamp = run.stamps === undefined ? run.firstStamp : (run.stamps[index] as number);
      const position = base + index;
      if (kind === CLEAR) {
        this.#cleared(told, dot, { position, seen: on.seen });
        continue;
      }
      const slot = on.dictionary.slot(run.ids[index] as number);
      if (kind === SET && reporter.brief && this.#wrote({ slot, dot, value, position }, effects)) continue;
      const facts = reporter.facts(position, kind, dot, { slot, value });
      reporter.operation(facts);
      const effect = effects.keys.get(rows.text(slot));
      this.#key({ kind, slot, dot, facts, effect, live: { position, seen: on.seen } });
    }
    // What waited for the run took effect with it.
    if (others.size === 0) return;
    const facts = reporter.facts(base + range.end - 1, SET, dot);
    for (const text of others) if (!effects.keys.has(text)) this.#fold.settle(text, dot, facts);
  }

  /** The short way for a write that stands in the end and of which nothing but the change is told; false when it is not that. */
  #wrote({ slot, dot, value, position }: PlainWrite, { origin, keys }: RunEffects): boolean {
    const { rows, reporter } = this.#table;
    const text = rows.text(slot);
    if (keys.get(text)?.sequence !== dot.sequence) return false;
    const standing = this.#fold.document.reading.standing(text);
    if (standing?.sequence !== dot.sequence || standing.origin !== origin) return false;
    if (this.#fold.shows(slot, standing)) return true;
    // What others added to a counter is in the row, and not in the operation.
    if (!Object.is(this.#fold.valueOf(standing), value)) return false;
    const kind = rows.has(slot) ? 'changed' : 'new';
    const previous = kind === 'new' ? undefined : rows.value(slot);
    this.#fold.place(slot, standing, dot);
    reporter.wrote(changeOf(kind, rows.key(slot), previous, reporter.causeOf(position, value, dot)));
    return true;
  }

  #cleared({ effects, others }: ToldRun, dot: MovingDot, live: Live): void {
    const { rows, reporter } = this.#table;
    const facts = reporter.facts(live.position, CLEAR, dot);
    reporter.operation(facts);
    for (const text of others) {
      const slot = rows.known(text);
      if (slot === undefined || !rows.has(slot) || effects.keys.has(text)) continue;
      if (this.#fold.document.reading.standing(text) !== undefined) continue;
      const previous = rows.value(slot);
      this.#fold.place(slot, undefined, dot);
      reporter.change('cleared', slot, previous, facts);
    }
  }

  #key(operation: KeyOperation): void {
    const { slot, dot, effect } = operation;
    // What a clear in the same run took away again leaves nothing to tell.
    if (effect === undefined) return;
    const standing = this.#fold.document.reading.standing(this.#table.rows.text(slot));
    if (this.#fold.shows(slot, standing)) return this.#unchanged(operation, standing);
    if (effect.sequence !== dot.sequence) this.#onTheWay(operation, standing);
    else this.#last(operation, standing);
  }

  /** The row is what it will be already: only a write that did not take effect is worth a word. */
  #unchanged(operation: KeyOperation, standing: Standing | undefined): void {
    const { kind, effect, dot } = operation;
    if (effect?.sequence !== dot.sequence || kind === EXPIRE) return;
    if (!isMine(operation, standing)) this.#overruled(operation);
  }

  /** Not the last operation of its run on the key: it shows only if the last one stands. */
  #onTheWay(operation: KeyOperation, standing: Standing | undefined): void {
    const { kind, slot, dot, facts, effect } = operation;
    const { rows, reporter } = this.#table;
    if (effect?.kind === 'add' || !isMine(operation, standing)) return;
    const previous = rows.value(slot);
    const present = rows.has(slot);
    if (kind === SET || (kind === INCREMENT && present)) {
      this.#unseen(operation);
      const value = kind === SET ? facts.value : Number(previous) + Number(facts.value);
      this.#fold.put(slot, value, dot);
      reporter.change(present ? 'changed' : 'new', slot, previous, { ...facts, row: { value } });
    } else if (present && kind !== INCREMENT) {
      rows.remove(slot, dot);
      reporter.change(kind === EXPIRE ? 'expired' : 'removed', slot, previous, {
        ...facts,
        row: { value: undefined },
      });
    }
  }

  #last(operation: KeyOperation, standing: Standing | undefined): void {
    const { kind, slot, dot, facts } = operation;
    const { rows, reporter } = this.#table;
    const previous = rows.value(slot);
    const present = rows.has(slot);
    const mine = isMine(operation, standing);
    if (mine) this.#unseen(operation);
    this.#fold.place(slot, standing, dot);
    const change = present ? 'changed' : 'new';
    if (standing !== undefined) reporter.change(change, slot, previous, holding(facts, rows.value(slot)));
    else reporter.change(kind === EXPIRE ? 'expired' : 'removed', slot, previous, holding(facts, undefined));
    if (!mine && kind !== EXPIRE) this.#overruled(operation);
  }

  #unseen({ kind, slot, facts, live }: KeyOperation): void {
    if (kind !== SET || !this.#table.reporter.conflicts.observed) return;
    this.#table.reporter.unseen(slot, facts, live);
  }

  #overruled({ kind, slot, facts, live }: KeyOperation): void {
    const { rows, reporter } = this.#table;
    // What is added does not replace anything, so that it loses only with the counter itself.
    if (!reporter.conflicts.observed || (kind === INCREMENT && rows.has(slot))) return;
    if (rows.sequence(slot) === 0) return;
    const dot = rows.dot(slot);
    // What replaces what stands only waits for something else that its author had seen.
    if (live.seen.get(dot.origin) >= dot.sequence) return;
    reporter.overruled(slot, facts, { dot, seen: this.#table.held.contextOf(dot.origin) });
  }
}

/** Returns whether what stands is what the operation's run made of the key. */
function isMine({ effect, facts }: KeyOperation, standing: Standing | undefined): boolean {
  if (effect === undefined || effect.kind === 'delete') return standing === undefined;
  if (standing === undefined) return false;
  return standing.origin === facts.origin && standing.sequence === effect.sequence;
}

/** The facts of an operation whose row then holds a value. */
function holding(facts: OperationFacts, value: Value): OperationFacts {
  return Object.is(facts.value, value) ? facts : { ...facts, row: { value } };
}
