import type { VersionVector } from '../../log/operations/version-vector.ts';
import type { Schema, Value } from '../../schema/index.ts';
import {
  type Change,
  type ChangeCause,
  type ChangeKind,
  type Conflict,
  type OperationFacts,
  type WriteSource,
  changeOf,
  toOperation,
} from './change.ts';
import type { ProjectionContext } from '../context.ts';
import { Emitter } from '../../work/emitter.ts';
import type { Lives } from '../held/lives.ts';
import type { Dot } from '../rows/dot.ts';
import type { Rows } from '../rows/rows.ts';

/** Tells subscribers of one table what its operations did; costs nothing while nobody subscribes. */
export class Reporter {
  readonly changes: Emitter<Change> = new Emitter<Change>();
  readonly conflicts: Emitter<Conflict> = new Emitter<Conflict>();
  readonly #schema: Schema;
  readonly #rows: Rows;
  readonly #context: ProjectionContext;
  readonly #lives: Lives;
  /** Is the source of the write that was told of last; the next one most often has the same. */
  #source: WriteSource = { table: '', origin: '', stamp: -1 };
  #sourceOrigin = -1;
  readonly #cause: { -readonly [Name in keyof ChangeCause]: ChangeCause[Name] };

  constructor(
    rows: Rows,
    table: { readonly schema: Schema; readonly held: { readonly lives: Lives } },
    context: ProjectionContext,
  ) {
    this.#schema = table.schema;
    this.#lives = table.held.lives;
    this.#rows = rows;
    this.#context = context;
    this.#cause = { source: this.#source, position: 0, sequence: 0, value: undefined };
  }

  /** Says whether anybody wants to know of changes or operations. */
  get wanted(): boolean {
    return this.changes.observed || this.#context.operations.observed;
  }

  /** Says whether anybody wants to know of anything at all. */
  get listening(): boolean {
    return this.wanted || this.conflicts.observed;
  }

  /** Says whether of a plain write nothing has to be told but the change it makes: see {@link wrote}. */
  get brief(): boolean {
    return !this.#context.operations.observed && !this.conflicts.observed;
  }

  /** Returns what made the change of a plain write; valid until the next call. */
  causeOf(position: number, value: Value, dot: Dot): ChangeCause {
    const cause = this.#cause;
    if (dot.stamp !== this.#source.stamp || dot.origin !== this.#sourceOrigin) {
      const origin = this.#context.origins.at(dot.origin).text;
      this.#source = { table: this.#schema.name, origin, stamp: dot.stamp };
      this.#sourceOrigin = dot.origin;
      cause.source = this.#source;
    }
    cause.position = position;
    cause.sequence = dot.sequence;
    cause.value = value;
    return cause;
  }

  /** The same for many; they are drawn when it is their turn. */
  wroteAll(changes: Iterable<Change>): void {
    this.#context.dispatcher.emitAll(this.changes, changes);
  }

  /** Tells of the change that a plain write made, when that is all there is to tell: see {@link brief}. */
  wrote(change: Change): void {
    this.#context.dispatcher.emit(this.changes, change);
  }

  /** Does something when it is its turn among what is told. */
  inTurn(act: () => void): void {
    this.#context.dispatcher.emit({ next: act }, undefined);
  }

  facts(
    position: number,
    kind: number,
    dot: Dot,
    on?: { readonly slot: number; readonly value: Value },
  ): OperationFacts {
    return {
      position,
      table: this.#schema.name,
      origin: this.#context.origins.at(dot.origin).text,
      sequence: dot.sequence,
      kind,
      key: on === undefined ? undefined : this.#rows.key(on.slot),
      value: on?.value,
      stamp: dot.stamp,
    };
  }

  /** Keeps back what is told until {@link release}: what a subscriber writes is told after all of it. */
  hold(): void {
    this.#context.dispatcher.hold();
  }

  release(): void {
    this.#context.dispatcher.release();
  }

  /** Tells of an operation and of the change it made. */
  effect(kind: ChangeKind, slot: number, previous: Value, facts: OperationFacts): void {
    if (!this.#context.operations.observed) return this.change(kind, slot, previous, facts);
    this.hold();
    this.operation(facts);
    this.change(kind, slot, previous, facts);
    this.release();
  }

  operation(facts: OperationFacts): void {
    const { operations, dispatcher } = this.#context;
    if (operations.observed) dispatcher.emit(operations, toOperation(facts));
  }

  change(kind: ChangeKind, slot: number, previous: Value, facts: OperationFacts): void {
    if (!this.changes.observed) return;
    // The place of a row that is not there holds a number all the same when the table's values are numbers.
    const before = kind === 'new' ? undefined : previous;
    const key = facts.key ?? this.#rows.key(slot);
    const { position, sequence, row } = facts;
    const value = row === undefined ? facts.value : row.value;
    const cause = { source: facts, position, sequence, value };
    this.#context.dispatcher.emit(this.changes, changeOf(kind, key, before, cause));
  }

  /**
   * Reports what an operation is about to replace or remove, if its author had not seen it: a row, or
   * for a key without one its removal, which may be the latest `clear`. When that has happened already,
   * `before` is what was there.
   */
  unseen(
    slot: number,
    facts: OperationFacts,
    by: {
      readonly seen: VersionVector;
      readonly clear?: Dot | undefined;
      readonly before?: Rows | undefined;
    },
  ): void {
    if (!this.conflicts.observed) return;
    const { seen, clear, before: rows = this.#rows } = by;
    const here = rows.has(slot);
    const unseen = (dot: Dot | undefined): boolean => {
      if (dot === undefined || seen.get(dot.origin) >= dot.sequence) return false;
      return (
        this.#context.origins.at(dot.origin).text !== facts.origin && !this.#lives.isForgotten(dot.origin)
      );
    };
    const lost = [rows.dot(slot), here ? undefined : clear].find(unseen);
    if (lost === undefined) return;
    const { text } = this.#context.origins.at(lost.origin);
    this.#conflict(slot, facts, {
      kept: { value: facts.value, origin: facts.origin, sequence: facts.sequence },
      lost: { value: here ? rows.value(slot) : undefined, origin: text, sequence: lost.sequence },
    });
  }

  /** Reports that an operation did not take effect because of one that its author had not seen. */
  overruled(
    slot: number,
    facts: OperationFacts,
    by: { readonly dot: Dot; readonly seen: VersionVector },
  ): void {
    if (!this.conflicts.observed) return;
    const { origins } = this.#context;
    const author = origins.at(by.dot.origin).text;
    const loser = origins.find(facts.origin) as number;
    if (author === facts.origin || by.seen.get(loser) >= facts.sequence) return;
    const value = this.#rows.has(slot) ? this.#rows.value(slot) : undefined;
    this.#conflict(slot, facts, {
      kept: { value, origin: author, sequence: by.dot.sequence },
      lost: { value: facts.value, origin: facts.origin, sequence: facts.sequence },
    });
  }

  #conflict(slot: number, facts: OperationFacts, sides: Pick<Conflict, 'kept' | 'lost'>): void {
    this.#context.dispatcher.emit(this.conflicts, {
      table: facts.table,
      key: this.#rows.key(slot),
      ...sides,
      operation: toOperation(facts),
    });
  }

  complete(): void {
    this.changes.complete();
    this.conflicts.complete();
  }
}
