import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { asTablecastError } from '../backends/sqlite/failure.ts';
import { TablecastError, isTablecastError } from '../errors.ts';
import { LOCK_FILE, statOf } from './files.ts';
import { MANIFEST_FILE, type Manifest, SUMS_FILE, databaseName, readManifest, sumsOf } from './manifest.ts';
import type { OnFileProgress } from './progress.ts';
import { type Damage, type VerifiedDatabase, verifyDatabase } from './verify-database.ts';

const DATABASE = /^[^.].*\.tablecast\.db$/;
const MAX_SUMS_BYTES = 1024 * 1024;

/** The options of a verification say who is told how far it is. */
export interface VerifyOptions {
  readonly onProgress?: OnFileProgress | undefined;
}

/** A verification is what {@link verifyFiles} found. */
export interface Verification {
  readonly path: string;
  readonly kind: 'backup' | 'directory' | 'file';
  /** Says when a backup was made, in ISO 8601; undefined for what is no backup. */
  readonly createdAt: string | undefined;
  readonly databases: readonly VerifiedDatabase[];
  /** Is empty when everything is as it was written. */
  readonly damages: readonly Damage[];
}

/**
 * Reads everything in a backup, in the directory of a node or in one database file, also while a node runs,
 * and changes nothing. The result has each damage with its place; in a backup every byte counts.
 *
 * Throws `OPTION_INVALID` when there is nothing to verify, `BACKEND_NEWER` for a later format,
 * `BACKEND_READ_ONLY` or `BACKEND_FAILED` when a file cannot be read.
 */
export async function verifyFiles(path: string, options: VerifyOptions = {}): Promise<Verification> {
  const { onProgress } = options;
  const place = resolve(path);
  const stat = statOf(place);
  if (stat === undefined) throw nothingThere(place, 'There is no such file or directory.');
  if (!stat.isDirectory()) return verifyAll(place, { kind: 'file', files: [place], onProgress });
  try {
    if (existsSync(join(place, MANIFEST_FILE)) || existsSync(join(place, SUMS_FILE)))
      return await verifyBackup(place, onProgress);
    const names = readdirSync(place).filter((name) => DATABASE.test(name));
    if (names.length === 0) throw nothingThere(place, 'It holds no database of a node and no backup.');
    return await verifyAll(place, {
      kind: 'directory',
      files: names.toSorted().map((name) => join(place, name)),
      onProgress,
    });
  } catch (error) {
    throw asTablecastError(error, { file: place, action: 'read' });
  }
}

function nothingThere(path: string, problem: string): TablecastError {
  return new TablecastError('OPTION_INVALID', `${path} cannot be verified. ${problem}`, {
    hint: 'Name a backup, the directory of a node, or a database file.',
    details: { file: path },
  });
}

async function verifyAll(
  path: string,
  { kind, files, onProgress }: { kind: Verification['kind']; files: readonly string[] } & VerifyOptions,
): Promise<Verification> {
  const databases: VerifiedDatabase[] = [];
  const damages: Damage[] = [];
  for (const file of files) {
    const found = await verifyDatabase(file, onProgress);
    databases.push(found.database);
    damages.push(...found.damages);
  }
  return { path, kind, createdAt: undefined, databases, damages };
}

async function verifyBackup(path: string, onProgress: OnFileProgress | undefined): Promise<Verification> {
  const manifest = soundManifest(path);
  if ('problem' in manifest) {
    return { path, kind: 'backup', createdAt: undefined, databases: [], damages: [manifest] };
  }
  const name = databaseName(manifest.node);
  const database = statOf(join(path, name));
  if (database?.isFile() !== true) {
    const problem = database === undefined ? 'the database is missing' : 'the database is no regular file';
    const missing = { file: name, problem };
    return { path, kind: 'backup', createdAt: manifest.createdAt, databases: [], damages: [missing] };
  }
  const outer = await differences(path, manifest, onProgress);
  const found = { path, kind: 'backup', createdAt: manifest.createdAt } as const;
  try {
    const verified = await verifyDatabase(join(path, name), onProgress);
    const all = [...outer, ...verified.damages];
    if (all.length === 0 && !isAsSaid(manifest, verified.database)) {
      all.push({ file: MANIFEST_FILE, problem: 'it tells of other content than the database has' });
    }
    return { ...found, databases: [verified.database], damages: all };
  } catch (error) {
    // A changed byte can make it look like a file of a later format, for one.
    if (outer.length === 0 || !isTablecastError(error)) throw error;
    return { ...found, databases: [], damages: [...outer, { file: name, problem: error.message }] };
  }
}

function soundManifest(path: string): Manifest | Damage {
  try {
    return readManifest(path);
  } catch (error) {
    if (!isTablecastError(error, 'BACKEND_DAMAGED')) throw error;
    return { file: MANIFEST_FILE, problem: error.message };
  }
}

/** Lists how a backup's files differ from what was written, byte for byte. */
async function differences(
  path: string,
  manifest: Manifest,
  onProgress: OnFileProgress | undefined,
): Promise<readonly Damage[]> {
  const written = readSums(path);
  const present = await sumsOf(path, manifest, onProgress);
  const damages = present
    .split('\n')
    .filter((line) => line !== '' && !written.split('\n').includes(line))
    .map((line) => ({
      file: basename(line.slice(line.indexOf(' ') + 2)),
      problem: `its SHA-256 is not the one in ${SUMS_FILE}`,
    }));
  if (damages.length === 0 && written !== present) {
    damages.push({ file: SUMS_FILE, problem: 'it is missing, or not what was written' });
  }
  const known = new Set([databaseName(manifest.node), MANIFEST_FILE, SUMS_FILE, LOCK_FILE]);
  const others = readdirSync(path).filter((name) => !known.has(name));
  return [...damages, ...others.map((file) => ({ file, problem: 'it is no part of the backup' }))];
}

function readSums(path: string): string {
  const file = join(path, SUMS_FILE);
  const size = statOf(file)?.size ?? 0;
  return size === 0 || size > MAX_SUMS_BYTES ? '' : readFileSync(file, 'latin1');
}

function isAsSaid(manifest: Manifest, database: VerifiedDatabase): boolean {
  const { node, position, trimmedTo, tables } = database;
  const said = JSON.stringify([manifest.node, manifest.position, manifest.trimmedTo, manifest.tables]);
  return said === JSON.stringify([node, position, trimmedTo, tables]);
}
