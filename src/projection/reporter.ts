import { Subject } from 'rxjs';
import type { VersionVector } from '../log/version-vector.ts';
import type { Schema, Value } from '../schema/index.ts';
import { Change, type ChangeKind, type Conflict, type OperationFacts, toOperation } from './change.ts';
import type { ProjectionContext } from './context.ts';
import type { Dot, Rows } from './rows.ts';

/** Tells subscribers of one table what its operations did; costs nothing while nobody subscribes. */
export class Reporter {
  readonly changes: Subject<Change> = new Subject<Change>();
  readonly conflicts: Subject<Conflict> = new Subject<Conflict>();
  readonly #schema: Schema;
  readonly #rows: Rows;
  readonly #context: ProjectionContext;

  constructor(schema: Schema, rows: Rows, context: ProjectionContext) {
    this.#schema = schema;
    this.#rows = rows;
    this.#context = context;
  }

  /** Whether anybody wants to know of changes or operations. */
  get wanted(): boolean {
    return this.changes.observed || this.#context.operations.observed;
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

  operation(facts: OperationFacts): void {
    const { operations, dispatcher } = this.#context;
    if (operations.observed) dispatcher.emit(operations, toOperation(facts));
  }

  change(kind: ChangeKind, slot: number, previous: Value, facts: OperationFacts): void {
    if (!this.changes.observed) return;
    const row = { key: this.#rows.key(slot), value: facts.value, previous };
    this.#context.dispatcher.emit(this.changes, new Change(kind, row, facts));
  }

  /** Reports a row that an operation is about to replace or remove, if its author had not seen it. */
  unseen(slot: number, facts: OperationFacts, seen: VersionVector): void {
    if (!this.conflicts.observed) return;
    const rows = this.#rows;
    const origin = rows.origin(slot);
    const author = this.#context.origins.at(origin).text;
    if (author === facts.origin || seen.get(origin) >= rows.sequence(slot)) return;
    this.#context.dispatcher.emit(this.conflicts, {
      table: facts.table,
      key: rows.key(slot),
      kept: { value: facts.value, origin: facts.origin, sequence: facts.sequence },
      lost: { value: rows.value(slot), origin: author, sequence: rows.sequence(slot) },
      operation: toOperation(facts),
    });
  }

  complete(): void {
    this.changes.complete();
    this.conflicts.complete();
  }
}
