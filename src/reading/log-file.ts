import type { Observable } from 'rxjs';
import { Emitter } from '../work/emitter.ts';
import type { Backend, Segment } from '../log/backend.ts';
import { type ReadOnlyStore, openReadOnly } from '../backends/sqlite/reader.ts';
import { TablecastError } from '../errors.ts';
import type { NodeEvent } from '../events.ts';
import { LogView, type Moment, rowsOf } from './log-view.ts';
import { KeyNames } from '../log/runs/key-names.ts';
import { LOG_NAMES } from '../log/trimming/log-keeper.ts';
import { OperationLog } from '../log/keeping/operation-log.ts';
import type { OperationRange } from '../log/reading/operation-stream.ts';
import type { Operation } from '../log/operations/operation.ts';
import { Origins, originText } from '../log/operations/origin.ts';
import { SegmentStore } from '../log/keeping/segment-store.ts';
import { modeNamed } from '../modes/registry.ts';
import { Dispatcher } from '../projection/telling/dispatcher.ts';
import { Projection } from '../projection/projection.ts';
import type { Conflict } from '../projection/telling/change.ts';
import { readFacts, rebuild } from '../projection/replay/recovery.ts';
import type { Key, Schema, PlainDeclaration, Value } from '../schema/index.ts';
import type { ProjectOptions } from '../sql/options.ts';
import { Projections } from '../sql/projecting.ts';
import type { QueryCell } from '../sql/queries/messages.ts';
import type { QueryOptions, QueryResult } from '../sql/queries/queries.ts';
import type { SqlProjection } from '../sql/sql-projection.ts';
import { systemEnvironment } from '../system-environment.ts';

/** A log file is a node's database, read without a node. It shows what was committed when it was opened. */
export interface LogFile {
  /** Names the node that writes the file; undefined when none has yet. */
  readonly nodeId: string | undefined;
  /** Lists the sqlite tables it has held, with their declarations. */
  readonly tables: ReadonlyMap<string, Readonly<PlainDeclaration>>;
  /** Is the last position of the log; 0 for an empty one. */
  readonly position: number;
  /** Replays operations and completes; by default all that is kept. Fails with `LOG_TRIMMED` before that. */
  operations(range?: OperationRange): Observable<Operation>;
  /** Replays the same at the reader's own pace, for `for await`. */
  follow(range?: OperationRange): AsyncIterableIterator<Operation, undefined>;
  /**
   * Gives the rows of a moment, as `Log.stateAt` does. Rejects with `LOG_TRIMMED` when the log does not reach
   * back to the beginning.
   */
  stateAt(moment: Moment): Promise<ReadonlyMap<Key, Value>>;
  /**
   * Gives a table's rows at {@link position}, also of a log that was trimmed. Throws `OPTION_INVALID` for an
   * unknown table.
   */
  rows(table: string): ReadonlyMap<Key, Value>;
  /**
   * Gives the newest conflicts that the log of a table tells, so many at most, oldest first: the whole log is read.
   * Rejects with `LOG_TRIMMED` when it does not reach back to the beginning. Throws `OPTION_INVALID` for an unknown
   * table.
   */
  conflicts(table: string, most: number): Promise<readonly Conflict[]>;
  /**
   * Puts tables into an SQL database as they are at {@link position}, as `node.project` does; the projection stays
   * there, and `reached()` says when. Throws `OPTION_INVALID`.
   */
  project(tables: string | readonly string[], options: ProjectOptions): SqlProjection;
  /** Answers a query about the tables as they are at {@link position}: see `node.query`. */
  query(sql: string, parameters?: readonly QueryCell[], options?: QueryOptions): Promise<QueryResult>;
  /** Tells what happens to projections. */
  readonly events: Observable<NodeEvent>;
  /** Releases the file; projections end. Idempotent. */
  close(): void;
}

/**
 * Opens the database file of a node (`<id>.tablecast.db`) to read its log, also while the node runs; the file
 * is never changed. It checks the whole file and loads the rows of all its tables.
 *
 * Throws `BACKEND_FOREIGN`, `BACKEND_NEWER`, `BACKEND_DAMAGED`, `BACKEND_READ_ONLY` or `BACKEND_FAILED`.
 */
export async function openLogFile(file: string): Promise<LogFile> {
  const reader = openReadOnly(file);
  try {
    return await load(reader);
  } catch (error) {
    reader.close();
    throw error;
  }
}

async function load(reader: ReadOnlyStore): Promise<LogFile> {
  const { recovery } = reader;
  const store = new SegmentStore('sqlite', readOnlyBackend(reader), {
    environment: systemEnvironment,
    listener: { advanced: () => undefined, failed: () => undefined, recovered: () => undefined },
  });
  await store.open();
  const dispatcher = new Dispatcher();
  const log = new OperationLog(systemEnvironment, new Map([['sqlite', store]]), dispatcher);
  const operations = new Emitter<Operation>();
  const origins = new Origins();
  const { node, schemas } = readFacts(recovery);
  const parts = {
    origins,
    operations,
    wall: { now: () => 0, believed: () => 0 },
    dispatcher,
    journal: log.journal,
    modeOf: modeNamed,
    session: 0,
  };
  const projections = new Map(
    schemas.map((schema) => [schema.name, new Projection(schema, modeNamed(schema), parts)]),
  );
  await rebuild(store, recovery, { projections, origins });
  log.startAt(Math.max(recovery.lastPosition, ...recovery.checkpoints.map(({ position }) => position)));
  const names = recovery.checkpoints.find(({ table }) => table === LOG_NAMES);
  const known = names === undefined ? undefined : KeyNames.decode(names.chunks);
  const events = new Emitter<NodeEvent>();
  const view = new LogView({
    environment: systemEnvironment,
    log,
    live: operations.observable,
    origins,
    projections,
    names: () => known,
  });
  const projected = {
    environment: systemEnvironment,
    log,
    origins,
    projections,
    past: view,
    life: () => (node === undefined ? '' : originText(node.id, node.epoch)),
    report: (event: NodeEvent) => events.next(event),
  };
  const sql = new Projections(projected);
  const projectionOf = (table: string): Projection => {
    const projection = projections.get(table);
    if (projection === undefined) throw unknownTable(table, projections.keys());
    return projection;
  };
  return {
    nodeId: node?.id,
    tables: declarationsOf(schemas),
    position: view.position,
    operations: (range = {}) => view.operations({ ...range, until: range.until ?? view.position }),
    follow: (range = {}) => view.follow({ ...range, until: range.until ?? view.position }),
    stateAt: (moment) => view.stateAt(moment),
    rows: (table) => rowsOf(projectionOf(table)),
    conflicts: (table, most) => view.conflicts(projectionOf(table), { position: view.position, most }),
    project: (tables, options) => sql.begin(tables, options),
    query: (text, parameters, options) => sql.ask({ sql: text, parameters, options }),
    events: events.observable,
    close: () => {
      void sql.close();
      reader.close();
    },
  };
}

function declarationsOf(schemas: readonly Schema[]): ReadonlyMap<string, Readonly<PlainDeclaration>> {
  return new Map(schemas.map(({ name, declaration }) => [name, declaration]));
}

function unknownTable(table: string, known: Iterable<string>): TablecastError {
  return new TablecastError('OPTION_INVALID', `The file has no table ${JSON.stringify(table)}.`, {
    hint: `Its tables are: ${[...known].join(', ') || 'none'}.`,
    details: { table },
  });
}

/** A backend that shows one moment of a file, whatever is committed to it meanwhile. */
function readOnlyBackend(reader: ReadOnlyStore): Backend {
  const { lastPosition } = reader.recovery;
  const known = ({ position }: Segment): boolean => position <= lastPosition;
  const refused = (): Promise<never> => Promise.reject(readOnly());
  return {
    name: 'sqlite',
    durable: true,
    open: () => Promise.resolve(reader.recovery),
    read: async (after, maxBytes) => reader.read(after, maxBytes).filter(known),
    commit: refused,
    writeCheckpoint: refused,
    trim: refused,
    seal: refused,
    positionKeeping: refused,
    close: async () => reader.close(),
  };
}

function readOnly(): TablecastError {
  return new TablecastError('BACKEND_READ_ONLY', 'A log file is open for reading only.', {
    hint: 'Open the node to write.',
  });
}
