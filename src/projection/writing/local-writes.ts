import { CLEAR, DELETE, EXPIRE, INCREMENT, SET } from '../../log/operations/operation.ts';
import { type Key, type Value, sumWithin } from '../../schema/index.ts';
import type { DocumentFold } from '../folding/document-fold.ts';
import { BEGINNING_WEIGHT } from '../folding/document-weight.ts';
import type { Effects } from '../folding/effects.ts';
import type { Rows } from '../rows/rows.ts';
import { MAX_TOUCHED } from '../rows/touches.ts';
import { Undo } from '../rows/undo.ts';
import type { TableState } from '../table-state.ts';
import { changeOf } from '../telling/change.ts';
import type { Reporter } from '../telling/reporter.ts';
import type { Authors } from './authors.ts';
import type { LocalAuthor } from './local-author.ts';

/** Rows that are written again in one turn of the event loop: some milliseconds. */
const TOUCHED_IN_A_TURN = 4096;

/** The table is what this node writes. */
type WrittenTable = TableState & {
  readonly effects: Effects;
  readonly authors: Authors;
  readonly inForce: { readonly documents: DocumentFold | undefined };
};

/**
 * Makes what this node writes, itself or for an author who has no log of his own: the operation takes its place in the
 * log, the row changes, and subscribers are told, in one call.
 */
export class LocalWrites {
  readonly #table: WrittenTable;
  // At hand for each write.
  readonly #rows: Rows;
  readonly #reporter: Reporter;
  readonly #effects: Effects;
  readonly #authors: Authors;
  #undo: Undo | undefined;

  constructor(table: WrittenTable) {
    this.#table = table;
    this.#rows = table.rows;
    this.#reporter = table.reporter;
    this.#effects = table.effects;
    this.#authors = table.authors;
  }

  /** Writes a canonical value to a slot; `key` is its key, for callers that have it at hand. */
  set(slot: number, value: Value, author: LocalAuthor = this.#authors.main as LocalAuthor, key?: Key): void {
    const position = author.place();
    const rows = this.#rows;
    const reporter = this.#reporter;
    const effects = this.#effects;
    effects.watch?.remember(slot);
    if (!reporter.wanted) {
      rows.put(slot, value, author.set(slot, value));
      effects.deadlines?.note(slot);
      return;
    }
    const kind = rows.has(slot) ? 'changed' : 'new';
    const previous = kind === 'new' ? undefined : rows.value(slot);
    const dot = author.set(slot, value);
    rows.put(slot, value, dot);
    effects.deadlines?.note(slot);
    if (reporter.brief)
      reporter.wrote(changeOf(kind, key ?? rows.key(slot), previous, reporter.causeOf(position, value, dot)));
    else reporter.effect(kind, slot, previous, reporter.facts(position, SET, dot, { slot, value }));
  }

  /**
   * Adds to the number in a slot; `result` is what the row then holds. Where that cannot add up with
   * what others add at the same time, the result is written instead.
   */
  increment(slot: number, by: number | bigint, result: Value): void {
    const amount = Number(by);
    if (this.#table.inForce.documents?.canAdd(slot, amount, result) !== true) return this.set(slot, result);
    const author = this.#authors.main as LocalAuthor;
    const position = author.place();
    const rows = this.#rows;
    const reporter = this.#reporter;
    this.#effects.watch?.remember(slot);
    const kind = rows.has(slot) ? 'changed' : 'new';
    const previous = rows.value(slot);
    const dot = author.increment(slot, amount);
    if (kind === 'new') author.weigh(BEGINNING_WEIGHT);
    rows.put(slot, result, dot);
    this.#effects.deadlines?.note(slot);
    if (!reporter.wanted) return;
    const facts = reporter.facts(position, INCREMENT, dot, { slot, value: amount });
    reporter.effect(kind, slot, previous, { ...facts, row: { value: result } });
  }

  /** Adds to a whole number, from the default on where there is none; where the type's range ends, so does the sum. */
  add(slot: number, by: number): void {
    const { valueType, defaultValue } = this.#table.schema;
    const present = this.#rows.has(slot) ? this.#rows.value(slot) : (defaultValue ?? 0);
    this.increment(slot, by, sumWithin(valueType as 'count' | 'int', present as number | bigint, by));
  }

  /** Removes a slot's row and tells whether there was one; the operation is written either way. */
  delete(slot: number, author: LocalAuthor = this.#authors.main as LocalAuthor): boolean {
    const position = author.place();
    const present = this.#rows.has(slot);
    this.#effects.takeAway('removed', slot, author.remove(DELETE, slot), { kind: DELETE, position });
    return present;
  }

  /** Removes every row with one operation. */
  clear(): void {
    const { documents } = this.#table.inForce;
    if (documents?.clearsOneByOne === true) {
      for (const slot of Array.from(this.#rows.live())) this.delete(slot);
      return;
    }
    const author = this.#authors.main as LocalAuthor;
    const position = author.place();
    if (documents !== undefined) author.weigh(this.#rows.size);
    const seen = this.#table.held.sequences;
    this.#effects.clearRows(author.remove(CLEAR, -1), seen, { position, seen });
  }

  /** Removes a slot's row because its time is over; the operation names the very write it expires. */
  expire(slot: number, author: LocalAuthor = this.#authors.main as LocalAuthor): void {
    const { documents } = this.#table.inForce;
    if (documents !== undefined && documents.othersIn(slot).length > 0) return this.#expireOne(slot, author);
    const position = author.place();
    this.#effects.takeAway('expired', slot, author.expire(slot), { kind: EXPIRE, position });
  }

  /** Expires one of several values under a key, in a run of its own, so that another stands at once. */
  #expireOne(slot: number, author: LocalAuthor): void {
    author.closeRun();
    const position = author.place();
    const dot = author.expire(slot);
    const facts = this.#reporter.facts(position, EXPIRE, dot, { slot, value: undefined });
    this.#reporter.operation(facts);
    author.closeRun();
  }

  /**
   * Prolongs the life of the row in a slot. The value is written again, as if it were new, where the touch would not be
   * understood: by a document, by peers of earlier versions (`isPlain` is false), or when too many are remembered.
   */
  touch(slot: number, isPlain: boolean): void {
    const { touches } = this.#rows;
    const value = this.#rows.value(slot);
    if (this.#table.inForce.documents?.canAdd(slot, 0, value) === true) return this.increment(slot, 0, value);
    const isRemembered = touches !== undefined && (touches.of(slot) > 0 || touches.size < MAX_TOUCHED);
    if (!isPlain || !isRemembered || this.#table.inForce.documents !== undefined)
      return this.set(slot, value);
    const author = this.#authors.main as LocalAuthor;
    const position = author.place();
    this.#effects.watch?.remember(slot);
    this.#effects.touch(slot, author.touch(slot), { position });
  }

  /**
   * Writes the values of rows again whose life a touch prolongs, for peers that do not understand it: so many as fit into a
   * turn. Returns whether there are more.
   */
  writeTouched(): boolean {
    const { touches } = this.#rows;
    const before = touches?.size ?? 0;
    let left = TOUCHED_IN_A_TURN;
    for (const [slot] of touches?.entries() ?? []) {
      // A touch that came before its row waits for it.
      if (!this.#rows.has(slot)) continue;
      this.set(slot, this.#rows.value(slot));
      left--;
      if (left === 0) break;
    }
    // A touch dated ahead of this clock stays, although its row was written: without progress there is no end.
    return left === 0 && (touches?.size ?? 0) < before;
  }

  // Batches ------------------------------------------------------------------------------------------------

  /** Remembers from now on what is replaced. */
  beginUndo(): void {
    this.#undo = new Undo(this.#rows, this.#table.versions, this.#effects.watch);
    this.#effects.watch = this.#undo;
    this.#table.inForce.documents?.document.writing.beginUndo();
  }

  endUndo(): void {
    this.#end(true);
  }

  /** Puts every row back to where it was at {@link beginUndo}. */
  undo(): void {
    for (const slot of this.#undo?.takeBack() ?? []) this.#effects.deadlines?.note(slot);
    this.#end(false);
  }

  #end(stands: boolean): void {
    this.#effects.watch = this.#undo?.also;
    this.#undo = undefined;
    this.#table.inForce.documents?.document.writing.endUndo(stands);
  }
}
