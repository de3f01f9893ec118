import { stampToMs } from '../log/operations/hybrid-clock.ts';
import type { Operation } from '../log/operations/operation.ts';
import { Origins } from '../log/operations/origin.ts';
import { modeNamed } from '../modes/registry.ts';
import { loadCheckpoint } from '../projection/checkpoints/adoption.ts';
import type { Change } from '../projection/telling/change.ts';
import { decodeCheckpoint } from '../projection/checkpoints/checkpoint-reader.ts';
import { Dispatcher } from '../projection/telling/dispatcher.ts';
import { Projection } from '../projection/projection.ts';
import { type RunPlaces, replaySegment } from '../projection/replay/replay.ts';
import { type Key, type Schema, type Value, compileSchema } from '../schema/index.ts';
import { Emitter } from '../work/emitter.ts';
import { FACTS, type TablePlan, columnsOf, keyValues } from './columns.ts';
import type { Basis, FedSegment, ProjectionStart, TableOrder } from './messages.ts';
import { requireColumnNames } from './options.ts';
import type { KeyHistory, SqlRow, VersionStart } from './target.ts';
import type { Transform } from './transform.ts';

/** The tables of a projection as this node's log makes them, and what of them the target does not have yet. */
export class Fold {
  readonly tables: readonly FoldedTable[];
  readonly #origins = new Origins();
  readonly #projections: ReadonlyMap<string, Projection>;

  constructor(start: ProjectionStart, transform: Transform) {
    const context = {
      modeOf: modeNamed,
      origins: this.#origins,
      wall: { now: () => 0, believed: () => 0 },
      dispatcher: new Dispatcher(),
      journal: { next: noWrites, close: noWrites },
      operations: new Emitter<Operation>(),
      session: 0,
    };
    this.tables = start.tables.map((order) => {
      const schema = compileSchema(order.name, order.declaration);
      const projection = new Projection(schema, modeNamed(schema), context);
      const plan = planOf(schema, order, { start, transform });
      return new FoldedTable(plan, projection, { origins: this.#origins, transform });
    });
    this.#projections = new Map(this.tables.map((table) => [table.plan.table, table.projection]));
  }

  /** Counts the rows and versions that the target does not have. */
  get waiting(): number {
    return this.tables.reduce((sum, table) => sum + table.waiting, 0);
  }

  /** Begins with rows as they were. */
  load({ checkpoints, after }: Basis): void {
    for (const { table, chunks } of checkpoints) {
      const projection = this.#projections.get(table);
      if (projection === undefined) continue;
      const checkpoint = decodeCheckpoint(chunks, projection.schema, true);
      loadCheckpoint(projection, this.#origins, checkpoint, { position: after });
    }
  }

  /** Takes in what follows in the log; what tables that stand behind it do not have is noted. */
  apply(segment: FedSegment): void {
    const end = segment.position + segment.span - 1;
    for (const table of this.tables) table.noting = table.from < end;
    replaySegment(segment, {
      projections: this.#projections,
      origins: this.#origins,
      telling: (name, places) => {
        for (const table of this.tables) if (table.plan.table === name) table.places = places;
      },
    });
    for (const table of this.tables)
      if (table.plan.table === segment.adopted) table.isUnknown = table.from < end;
  }

  /** Forgets what no row or operation refers to any more. */
  compact(): void {
    for (const { projection } of this.tables) projection.compact();
  }
}

function noWrites(): never {
  throw new Error('A projected table takes no writes.');
}

/** Plans the table that a declaration becomes in SQL. */
function planOf(
  schema: Schema,
  order: TableOrder,
  { start, transform }: { readonly start: ProjectionStart; readonly transform: Transform },
): TablePlan {
  const columns = columnsOf(schema, order.columns);
  const keyCount = schema.keyTypes.length;
  const values = transform.columns ?? columns.slice(keyCount);
  requireColumnNames(
    schema.name,
    [...columns.slice(0, keyCount), ...values].map(({ name }) => name),
  );
  return {
    table: schema.name,
    into: order.into,
    columns: [...columns.slice(0, keyCount), ...values, ...(start.existing ? [] : FACTS)],
    keyCount,
    history: start.history,
    existing: start.existing,
  };
}

/** A folded table gives a table's rows as rows of SQL. */
export class FoldedTable {
  readonly plan: TablePlan;
  readonly projection: Projection;
  /** Up to here the target has everything. */
  from = Infinity;
  noting = false;
  /** The places of the run that is folded. */
  places: RunPlaces = { first: 0, places: undefined };
  /** True when rows changed without it being told which. */
  isUnknown = false;
  readonly #origins: Origins;
  readonly #transform: Transform;
  readonly #textOf: (key: Key) => string;
  #changed = new Set<string>();
  #histories = new Map<string, VersionStart[]>();
  #versions = 0;

  constructor(
    plan: TablePlan,
    projection: Projection,
    parts: { readonly origins: Origins; readonly transform: Transform },
  ) {
    this.plan = plan;
    this.projection = projection;
    this.#origins = parts.origins;
    this.#transform = parts.transform;
    const { schema } = projection;
    this.#textOf = schema.textKeys ? (key) => key as string : (key) => schema.keyText(key);
    projection.reporter.changes.observable.subscribe((change) => this.#note(change));
  }

  get waiting(): number {
    return this.#changed.size + this.#versions + (this.isUnknown ? 1 : 0);
  }

  #note(change: Change): void {
    if (!this.noting) return;
    const text = this.#textOf(change.key);
    this.#changed.add(text);
    if (!this.plan.history) return;
    const { key, value, operation } = change;
    const { time, origin, sequence } = operation;
    const { first, places } = this.places;
    const position = places?.[operation.position - first] ?? operation.position;
    const isThere = change.kind === 'new' || change.kind === 'changed';
    const row = isThere ? this.#row({ key, value, origin, sequence, time }) : undefined;
    const versions = this.#histories.get(text);
    if (versions === undefined) this.#histories.set(text, [{ position, time, row }]);
    else versions.push({ position, time, row });
    this.#versions++;
  }

  #row(of: { key: Key; value: Value; origin: string; sequence: number; time: number }): SqlRow | undefined {
    const { schema } = this.projection;
    const { key, value, origin, sequence, time } = of;
    const cells = [...keyValues(schema, key)];
    if (!this.#transform.isPlain) {
      const values = this.#transform.valuesOf({ table: schema.name, key, value, origin, time });
      if (values === undefined) return undefined;
      if (!schema.isSet || this.#transform.columns !== undefined) cells.push(...values);
    } else if (!schema.isSet) cells.push(value);
    if (!this.plan.existing) cells.push(origin, sequence, time);
    return cells;
  }

  #rowIn(slot: number): SqlRow | undefined {
    const { rows } = this.projection;
    return this.#row({
      key: rows.key(slot),
      value: rows.value(slot),
      origin: this.#origins.at(rows.origin(slot)).text,
      sequence: rows.sequence(slot),
      time: stampToMs(rows.stamp(slot)),
    });
  }

  /** Every row there is to be, in parts. */
  *all(perPart: number): Generator<SqlRow[]> {
    let part: SqlRow[] = [];
    for (const slot of this.projection.rows.live()) {
      const row = this.#rowIn(slot);
      if (row !== undefined && part.push(row) === perPart) {
        yield part;
        part = [];
      }
    }
    yield part;
  }

  /** Tells whether there is to be a row under a key of the target's. */
  has(key: SqlRow): boolean {
    const { schema, rows } = this.projection;
    const slot = rows.find(schema.keyText(schema.composite ? key : key[0]));
    return slot !== undefined && (this.#transform.isPlain || this.#rowIn(slot) !== undefined);
  }

  /** Gives up the rows that the target does not have; they count as written from now on. */
  take(): { readonly puts: SqlRow[]; readonly removed: SqlRow[]; readonly histories: KeyHistory[] } {
    const { schema, rows } = this.projection;
    const puts: SqlRow[] = [];
    const removed: SqlRow[] = [];
    const histories: KeyHistory[] = [];
    for (const text of this.#changed) {
      const slot = rows.find(text);
      const row = slot === undefined ? undefined : this.#rowIn(slot);
      if (row === undefined) removed.push(keyValues(schema, schema.keyOf(text)));
      else puts.push(row);
    }
    for (const [text, versions] of this.#histories)
      histories.push({ key: keyValues(schema, schema.keyOf(text)), versions });
    this.#changed = new Set();
    this.#histories = new Map();
    this.#versions = 0;
    return { puts, removed, histories };
  }
}
