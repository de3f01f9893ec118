import { TablecastError } from '../../errors.ts';
import type { Checkpoint, Recovery } from '../../log/backend.ts';
import type { Connection } from './connection.ts';
import { damaged } from './failure.ts';
import {
  APPLICATION_ID,
  checkpointChecksum,
  checksum,
  DURABILITY_CODES,
  factChecksum,
  FORMAT_VERSION,
  schemaOf,
  stateChecksum,
  type StateName,
} from './format.ts';
import { readTail } from './pages.ts';
import { readSealedEnd } from './sealed-rows.ts';

/** Files up to this size are checked as a whole at every open; of larger ones only what is loaded is. */
const FULL_CHECK_BYTES = 64 * 1024 * 1024;

/** `loaded`: what is read at once, so that the time does not grow with the log. */
export type CheckExtent = 'loaded' | 'everything';

/** An inspection is what a file holds, found without writing to it. */
export interface Inspection {
  readonly recovery: Recovery;
  /** Says where the torn last segment begins, if there is one. */
  readonly tornAt: number | undefined;
  /** The highest generation of a checkpoint, also of one that was never published. */
  readonly generation: number;
  /** The format the file has. */
  readonly version: number;
  /** Identifies the lock file that the last owner held; undefined for a file of version 0.2 or earlier. */
  readonly lock: number | undefined;
}

/** Refuses a file of another application. Throws `BACKEND_FOREIGN`. */
export function requireOurs(applicationId: unknown, file: string): void {
  if (applicationId === APPLICATION_ID) return;
  throw new TablecastError(
    'BACKEND_FOREIGN',
    `${file} is not a Tablecast database (application_id ${String(applicationId)}, ours is ${APPLICATION_ID})`,
    { hint: 'Give another path, or move the file away; it was left as it is.', details: { file } },
  );
}

/** Refuses a file of a later format. Throws `BACKEND_NEWER`. */
function readVersion(version: unknown, file: string): number {
  if (typeof version === 'number' && version >= 1 && version <= FORMAT_VERSION) return version;
  if (typeof version === 'number' && version > FORMAT_VERSION) {
    throw new TablecastError(
      'BACKEND_NEWER',
      `${file} has format ${version}; this version of Tablecast knows formats up to ${FORMAT_VERSION}`,
      { hint: 'Update Tablecast on this machine; the file was left as it is.', details: { file, version } },
    );
  }
  throw damaged(file, `its format version is ${String(version)}`);
}

function requireSchema(connection: Connection, file: string, version: number): void {
  const expected = schemaOf(version);
  const actual = connection
    .prepare<[], { name: string; sql: string }>('SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL')
    .all();
  const missing = expected.filter((sql) => !actual.some((row) => row.sql === sql));
  const extra = actual.filter((row) => !expected.includes(row.sql));
  if (missing.length === 0 && extra.length === 0) return;
  const what = missing.map((sql) => `missing or changed: ${sql.slice(0, sql.indexOf('(') - 1)}`);
  const more = extra.map((row) => `not ours: ${JSON.stringify(row.name)}`);
  throw damaged(file, `its schema differs (${[...what, ...more].slice(0, 5).join('; ')})`);
}

function quickCheck(connection: Connection, file: string, tables: readonly string[]): void {
  const checks = tables.length === 0 ? ['quick_check(1)'] : tables.map((table) => `quick_check(${table})`);
  for (const check of checks) {
    const result: unknown = connection.pragma(check, { simple: true });
    if (result !== 'ok') throw damaged(file, String(result));
  }
}

/** SQLite's own check; files up to 64 MiB are always checked as a whole. */
function checkStructure(connection: Connection, file: string, extent: CheckExtent): void {
  const pages = Number(connection.pragma('page_count', { simple: true }));
  const pageBytes = Number(connection.pragma('page_size', { simple: true }));
  const everything = extent === 'everything' || pages * pageBytes <= FULL_CHECK_BYTES;
  quickCheck(connection, file, everything ? [] : ['state', 'facts', 'checkpoints', 'checkpoint_chunks']);
}

function readStates(connection: Connection, file: string): Map<string, number> {
  const states = new Map<string, number>();
  for (const row of connection
    .prepare<[], { name: string; check: number; value: number }>('SELECT name, "check", value FROM state')
    .all()) {
    if (stateChecksum(row.name as StateName, row.value) !== row.check) {
      throw damaged(file, `the state ${JSON.stringify(row.name)} does not match its checksum`);
    }
    states.set(row.name, row.value);
  }
  return states;
}

function readFacts(connection: Connection, file: string): Map<string, Uint8Array> {
  const facts = new Map<string, Uint8Array>();
  for (const row of connection
    .prepare<[], { name: string; check: number; bytes: Buffer }>('SELECT name, "check", bytes FROM facts')
    .all()) {
    if (factChecksum(row.name, row.bytes) !== row.check) {
      throw damaged(file, `the fact ${JSON.stringify(row.name)} does not match its checksum`);
    }
    facts.set(row.name, new Uint8Array(row.bytes.buffer, row.bytes.byteOffset, row.bytes.byteLength));
  }
  return facts;
}

interface CheckpointRow {
  readonly name: string;
  readonly position: number;
  readonly generation: number;
  readonly chunks: number;
  readonly check: number;
}

function readCheckpoint(connection: Connection, file: string, row: CheckpointRow): Checkpoint {
  const where = `the checkpoint of table ${JSON.stringify(row.name)}`;
  if (checkpointChecksum(row) !== row.check) throw damaged(file, `${where} does not match its checksum`);
  const chunks = connection
    .prepare<[number], { chunk: number; check: number; bytes: Buffer }>(
      'SELECT chunk, "check", bytes FROM checkpoint_chunks WHERE generation = ? ORDER BY chunk',
    )
    .all(row.generation);
  if (chunks.length !== row.chunks)
    throw damaged(file, `${where} has ${chunks.length} of ${row.chunks} chunks`);
  return {
    table: row.name,
    position: row.position,
    chunks: chunks.map(({ chunk, check, bytes }) => {
      if (checksum([row.generation, chunk], bytes) !== check) {
        throw damaged(file, `chunk ${chunk} of ${where} does not match its checksum`);
      }
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }),
  };
}

function durabilityOf(code: number | undefined): Recovery['lastDurability'] {
  if (code === DURABILITY_CODES.commit) return 'commit';
  return code === DURABILITY_CODES.interval ? 'interval' : undefined;
}

/**
 * Verifies and loads everything but the log, of which it checks the last page. Writes nothing.
 * Throws `BACKEND_FOREIGN`, `BACKEND_NEWER` or `BACKEND_DAMAGED`.
 */
export function inspect(connection: Connection, file: string, extent: CheckExtent): Inspection {
  requireOurs(connection.pragma('application_id', { simple: true }), file);
  const version = readVersion(connection.pragma('user_version', { simple: true }), file);
  checkStructure(connection, file, extent);
  requireSchema(connection, file, version);
  const states = readStates(connection, file);
  const tail = readTail(connection, file);
  const sealedTo = version < 2 ? 0 : readSealedEnd(connection, file);
  const trimmedTo = states.get('trimmed_to') ?? 0;
  const rows = connection.prepare<[], CheckpointRow>('SELECT * FROM checkpoints ORDER BY name').all();
  const generation = connection
    .prepare<[], number | null>('SELECT max(generation) FROM checkpoint_chunks')
    .pluck()
    .get();
  return {
    recovery: {
      lastPosition: Math.max(trimmedTo, sealedTo, tail.lastPosition, states.get('torn_to') ?? 0),
      trimmedTo,
      facts: readFacts(connection, file),
      checkpoints: rows.map((row) => readCheckpoint(connection, file, row)),
      closedCleanly: states.get('clean') === 1,
      lastDurability: durabilityOf(states.get('durability')),
      tornSegments: tail.tornAt === undefined ? 0 : 1,
      setAside: undefined,
    },
    tornAt: tail.tornAt,
    generation: Math.max(generation ?? 0, ...rows.map((row) => row.generation)),
    version,
    lock: states.get('lock'),
  };
}
