import { basename } from 'node:path';
import { Emitter } from '../work/emitter.ts';
import type { Recovery } from '../log/backend.ts';
import { asTablecastError } from '../backends/sqlite/failure.ts';
import { type Snapshot, openSnapshot } from '../backends/sqlite/snapshot.ts';
import type { ErrorCode } from '../errors.ts';
import type { Operation } from '../log/operations/operation.ts';
import { Origins } from '../log/operations/origin.ts';
import { modeNamed } from '../modes/registry.ts';
import { Dispatcher } from '../projection/telling/dispatcher.ts';
import { Projection } from '../projection/projection.ts';
import { readFacts } from '../projection/replay/recovery.ts';
import type { Schema } from '../schema/index.ts';
import { type Fold, type OnRead, type ReadLog, type Walked, broken, foldLog } from './log-check.ts';
import type { OnFileProgress } from './progress.ts';
import { type TableSum, sumTable } from './table-sum.ts';

/** A damage is one thing that is wrong (corruption), with its place. */
export interface Damage {
  /** Names the file, without its directory. */
  readonly file: string;
  /** Says in one line what is wrong and where in the file. */
  readonly problem: string;
}

/** A verified database is one that {@link verifyFiles} looked through. */
export interface VerifiedDatabase {
  /** Names the file, without its directory. */
  readonly file: string;
  /** Names the node it belongs to; undefined when that could not be read. */
  readonly node: string | undefined;
  /** Is the last position of the log. */
  readonly position: number;
  /** Says how far the log is trimmed: positions up to here stand only in checkpoints, summed up. */
  readonly trimmedTo: number;
  /** Counts the segments that were read and folded, as `operations` does the operations. */
  readonly segments: number;
  readonly operations: number;
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
}

/** A finding is what was found of one database. */
export interface DatabaseFinding {
  readonly database: VerifiedDatabase;
  readonly damages: readonly Damage[];
}

/**
 * Looks through all of a database file, also while its node runs, and changes nothing: SQLite's complete
 * check; the checksum of every record; that no operation of any life is missing; that every table can be
 * rebuilt; and, while the log reaches back to its beginning, that it gives what the checkpoints say. Takes
 * the memory of a node with these tables.
 */
export async function verifyDatabase(file: string, onProgress?: OnFileProgress): Promise<DatabaseFinding> {
  const name = basename(file);
  const damages: Damage[] = [];
  let database: VerifiedDatabase = { ...EMPTY, file: name };
  let snapshot: Snapshot | undefined;
  try {
    snapshot = openSnapshot(file);
    for (const line of snapshot.structure()) damages.push({ file: name, problem: `SQLite: ${line}` });
    const recovery = snapshot.inspect();
    const { lastPosition: position, trimmedTo, tornSegments } = recovery;
    const { node, schemas } = readFacts(recovery);
    database = { ...database, position, trimmedTo, node: node?.id };
    if (tornSegments > 0) throw broken(TORN);
    database = { ...database, ...(await foldAll(snapshot, { recovery, schemas, onProgress })) };
  } catch (error) {
    const failure = asTablecastError(error, { file, action: 'read' });
    // The caller has to do with what is no damage: a file that is not there, or may not be read.
    if (!SAYS_DAMAGE.has(failure.code)) throw failure;
    damages.push({ file: name, problem: failure.message });
  } finally {
    snapshot?.close();
  }
  return { database, damages };
}

const SAYS_DAMAGE: ReadonlySet<ErrorCode> = new Set([
  'BACKEND_DAMAGED',
  'BACKEND_FOREIGN',
  'DECLARATION_INVALID',
  'OPERATION_INVALID',
]);

const EMPTY = { node: undefined, position: 0, trimmedTo: 0, segments: 0, operations: 0, tables: [] };

const TORN =
  'the last segment does not match its checksum; the node cuts it off at its next start if it was torn by a crash';

/** Names what is folded, and who is told how far it is. */
interface Folding {
  readonly recovery: Recovery;
  readonly schemas: readonly Schema[];
  readonly onProgress: OnFileProgress | undefined;
}

async function foldAll(
  snapshot: Snapshot,
  { recovery, schemas, onProgress }: Folding,
): Promise<Pick<VerifiedDatabase, 'segments' | 'operations' | 'tables'>> {
  const read = snapshot.read.bind(snapshot);
  const { lastPosition: total } = recovery;
  const onRead = (done: number): void => onProgress?.({ step: 'log', done, total });
  const { walked, sums } = await foldAndSum(read, { recovery, schemas, onRead });
  const tables = sums.map(({ name, rows }) => ({ name, rows }));
  if (recovery.trimmedTo === 0 && recovery.checkpoints.length > 0) {
    const whole = await foldAndSum(read, { recovery: { ...recovery, checkpoints: [] }, schemas, onRead });
    requireSame(sums, whole.sums);
  }
  return { ...walked, tables };
}

/** Only the sums outlive it, so that two folds are never in memory together. */
async function foldAndSum(
  read: ReadLog,
  { recovery, schemas, onRead }: Omit<Folding, 'onProgress'> & { readonly onRead: OnRead },
): Promise<{ readonly walked: Walked; readonly sums: readonly TableSum[] }> {
  const fold = emptyFold(schemas);
  const walked = await foldLog(read, recovery, fold, onRead);
  return { walked, sums: sumsOf(fold) };
}

function emptyFold(schemas: readonly Schema[]): Fold {
  const origins = new Origins();
  const parts = {
    origins,
    operations: new Emitter<Operation>(),
    wall: { now: () => 0, believed: () => 0 },
    dispatcher: new Dispatcher(),
    journal: { next: noWrites, close: noWrites },
    modeOf: modeNamed,
    session: 0,
  };
  const projections = new Map(
    schemas.map((schema) => [schema.name, new Projection(schema, modeNamed(schema), parts)]),
  );
  return { projections, origins };
}

function sumsOf({ projections, origins }: Fold): readonly TableSum[] {
  return Array.from(projections.values(), (projection) => sumTable(projection, origins));
}

/** Throws when a checkpoint and the log behind it give something else than the whole log. */
function requireSame(sums: readonly TableSum[], replayed: readonly TableSum[]): void {
  for (const [index, { name, rows, state, sum }] of sums.entries()) {
    const other = replayed[index];
    if (other?.state === state && other.sum === sum) continue;
    throw broken(
      `table ${name}: its checkpoint and the log behind it give ${rows} rows, the whole log ${other?.rows ?? 0}, and not the same`,
    );
  }
}

function noWrites(): never {
  throw new Error('A table that is verified takes no writes.');
}
