import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isTablecastError, TablecastError } from '../../errors.ts';
import type { Recovery } from '../../log/backend.ts';
import {
  type Connection,
  openReading,
  openWriting,
  requireSynchronous,
  setSynchronous,
  type Durability,
  writeDurability,
  writeState,
} from './connection.ts';
import { makeDirectories, syncDirectory } from './directories.ts';
import { asTablecastError, damaged } from './failure.ts';
import { additions, APPLICATION_ID, FORMAT_VERSION, schemaOf } from './format.ts';
import { type FileLock, lockFile, requireAlone } from './lock.ts';
import type { StoreOptions } from './messages.ts';
import { type Inspection, inspect, requireOurs } from './recovery.ts';
import { Store } from './store.ts';

const PAGE_BYTES = 4096;
const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;
const APPLICATION_ID_OFFSET = 68;

/** Damaged files kept side by side before an operator has to look at them. */
const MAX_SET_ASIDE = 100;

const EMPTY: Inspection = {
  recovery: {
    lastPosition: 0,
    trimmedTo: 0,
    facts: new Map(),
    checkpoints: [],
    closedCleanly: true,
    lastDurability: undefined,
    tornSegments: 0,
    setAside: undefined,
  },
  tornAt: undefined,
  generation: 0,
  version: FORMAT_VERSION,
  lock: undefined,
};

/** Returns the one name of a file: absolute, links followed, its directory created. */
function locate(file: string): string {
  const absolute = resolve(file);
  makeDirectories(dirname(absolute));
  const real = existsSync(absolute)
    ? realpathSync(absolute)
    : join(realpathSync(dirname(absolute)), basename(absolute));
  if (!existsSync(real)) return real;
  if (!statSync(real).isFile()) {
    throw new TablecastError('BACKEND_FAILED', `${real} is not a regular file, so no database can be there`, {
      hint: 'Give the path of a file; it is created when it does not exist.',
      details: { file: real },
    });
  }
  accessSync(real, constants.R_OK | constants.W_OK);
  return real;
}

/**
 * Refuses a foreign file by its first bytes, before SQLite would put files of its own beside it.
 * Only while the lock is held: closing a file drops the locks this process has on it.
 */
function requireHeader(file: string): void {
  const header = Buffer.alloc(HEADER_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, header, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(descriptor);
  }
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new TablecastError('BACKEND_FOREIGN', `${file} is not an SQLite database`, {
      hint: 'Give another path, or move the file away; it was left as it is.',
      details: { file },
    });
  }
  requireOurs(header.readUInt32BE(APPLICATION_ID_OFFSET), file);
}

/** Under another name first, so that a crash at any point leaves no file, or a whole one. */
function create(file: string): void {
  const unfinished = `${file}.new`;
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(unfinished + suffix, { force: true });
  write(unfinished);
  renameSync(unfinished, file);
  syncDirectory(dirname(file));
}

function write(file: string): void {
  const connection = openWriting(file, false);
  try {
    connection.pragma(`page_size = ${PAGE_BYTES}`);
    setSynchronous(connection, 'FULL');
    connection.transaction(() => {
      connection.pragma(`application_id = ${APPLICATION_ID}`);
      connection.pragma(`user_version = ${FORMAT_VERSION}`);
      for (const sql of schemaOf(FORMAT_VERSION)) connection.exec(sql);
    })();
    connection.pragma('journal_mode = WAL');
  } finally {
    connection.close();
  }
}

function inspectFile(file: string): Inspection {
  requireHeader(file);
  // Through a connection that cannot write, so that a refused file stays as it is.
  const connection = openReading(file);
  try {
    return inspect(connection, file, 'loaded');
  } finally {
    connection.close();
  }
}

function setAside(file: string): string {
  for (let number = 1; number <= MAX_SET_ASIDE; number += 1) {
    const target = `${file}.damaged-${number}`;
    if (existsSync(target) || existsSync(`${target}-wal`)) continue;
    for (const suffix of ['-wal', '-shm', '']) {
      if (existsSync(file + suffix)) renameSync(file + suffix, target + suffix);
    }
    return target;
  }
  throw new TablecastError(
    'BACKEND_DAMAGED',
    `${file} is damaged, and ${MAX_SET_ASIDE} damaged files lie beside it`,
    {
      hint: 'Find out what damages the files of this disk; then move the files named .damaged-… away.',
      details: { file },
    },
  );
}

/** Throws `BACKEND_DAMAGED` for a write-ahead log whose database is gone: a new one would take over what is in it. */
function requireNoLog(file: string): void {
  const size = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (size > 0) throw damaged(file, `it is gone, and its write-ahead log ${file}-wal is there`);
}

function recover(file: string, failureMode: StoreOptions['failureMode']): Inspection {
  try {
    if (!existsSync(file)) {
      requireNoLog(file);
      create(file);
      return EMPTY;
    }
    // A new file gets its name when it is whole: an empty one was cut off.
    if (statSync(file).size === 0)
      throw damaged(file, 'it is empty, although a new one is never: its content is lost');
    return inspectFile(file);
  } catch (error) {
    const failure = asTablecastError(error, { file, action: 'read' });
    if (failureMode === 'refuse' || !isTablecastError(failure, 'BACKEND_DAMAGED')) throw failure;
    const target = setAside(file);
    create(file);
    return { ...EMPTY, recovery: { ...EMPTY.recovery, setAside: target } };
  }
}

/** Opens the writing connection, and makes durable that this file is open and what recovery decided. */
function begin(options: StoreOptions, found: Inspection, lock: FileLock): Connection {
  const connection = openWriting(options.file, true);
  try {
    connection.pragma('wal_autocheckpoint = 0');
    if (connection.pragma('journal_mode = WAL', { simple: true }) !== 'wal') {
      throw new TablecastError('BACKEND_FAILED', `${options.file} cannot use a write-ahead log`, {
        hint: 'Put the directory on a local disk.',
      });
    }
    if (options.maxFileBytes !== undefined) {
      connection.pragma(`max_page_count = ${Math.max(1, Math.floor(options.maxFileBytes / PAGE_BYTES))}`);
    }
    setSynchronous(connection, 'FULL');
    connection
      .transaction(() => {
        for (const sql of additions(found.version, FORMAT_VERSION)) connection.exec(sql);
        if (found.version < FORMAT_VERSION) connection.pragma(`user_version = ${FORMAT_VERSION}`);
        writeState(connection, 'clean', 0);
        writeState(connection, 'lock', lock.identity);
        writeDurability(connection, durabilityBefore(found, options.durability));
        if (found.tornAt !== undefined) {
          connection.prepare('DELETE FROM segments WHERE position = ?').run(found.tornAt);
          writeState(connection, 'torn_to', found.recovery.lastPosition);
        }
      })
      .immediate();
    requireSynchronous(connection, 'FULL');
    // SQLite does this for its new log as well, but takes no notice when it fails.
    syncDirectory(dirname(options.file));
    if (options.durability === 'interval') setSynchronous(connection, 'NORMAL');
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Says with which durability a file is marked until somebody has committed: what may be missing must be heard of again. */
function durabilityBefore({ recovery }: Inspection, own: Durability): Durability {
  const { closedCleanly, lastDurability, tornSegments } = recovery;
  const mayLack = tornSegments > 0 || (!closedCleanly && lastDurability !== 'commit');
  return mayLack ? 'interval' : own;
}

/** An open store and what was found. */
export interface OpenedStore {
  readonly store: Store;
  /** The file's real path. */
  readonly file: string;
  readonly recovery: Recovery;
  readonly generation: number;
}

/**
 * Locks, verifies and opens a file, or creates it. Whatever it throws is a `TablecastError` with the file,
 * the cause and what to do; a refused file is left as it was.
 */
export function openStore(options: StoreOptions, failed: (error: TablecastError) => void): OpenedStore {
  let lock: FileLock | undefined;
  try {
    const file = locate(options.file);
    lock = lockFile(file, options.owner);
    const found = recover(file, options.failureMode);
    // A file of an earlier version does not say which lock its owner held; a reader is no owner.
    const isOther = found.lock !== undefined && found.lock !== lock.identity;
    if (!found.recovery.closedCleanly && isOther) requireAlone(file);
    const located = { ...options, file };
    const store = new Store(
      {
        connection: begin(located, found, lock),
        lock,
        lastPosition: found.recovery.lastPosition,
        isInDoubt: !found.recovery.closedCleanly || found.recovery.tornSegments > 0,
      },
      located,
      failed,
    );
    while (store.sweep(found.generation));
    return { store, file, recovery: found.recovery, generation: found.generation };
  } catch (error) {
    lock?.release();
    throw asTablecastError(error, { file: options.file, action: 'open' });
  }
}
