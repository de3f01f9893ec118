import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { TablecastError } from '../errors.ts';
import { checkNodeId } from '../log/operations/origin.ts';
import { sha256Of } from './files.ts';
import type { OnFileProgress } from './progress.ts';

/** Beside the database in a backup: what it is, and what its files must be, byte for byte. */
export const MANIFEST_FILE = 'manifest.json';
export const SUMS_FILE = 'SHA256SUMS';

/** Numbers the format, which a later version of this program may raise; a backup with a greater number is refused. */
const MANIFEST_FORMAT = 1;
const MAX_MANIFEST_BYTES = 1024 * 1024;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const schema = v.strictObject({
  format: v.literal(MANIFEST_FORMAT),
  node: v.string(),
  createdAt: v.pipe(v.string(), v.isoTimestamp()),
  position: count,
  trimmedTo: count,
  bytes: count,
  tables: v.array(v.strictObject({ name: v.string(), rows: count })),
});

/** A manifest is what a backup says of itself. */
export interface Manifest {
  readonly format: 1;
  /** The node whose database it holds. */
  readonly node: string;
  /** The moment it shows, at the latest, in ISO 8601. */
  readonly createdAt: string;
  /** The last position of the log in it; operations up to `trimmedTo` are summed up in checkpoints. */
  readonly position: number;
  readonly trimmedTo: number;
  /** Size of the database. */
  readonly bytes: number;
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
}

/** Returns the name of a node's database, in its directory and in a backup. */
export function databaseName(nodeId: string): string {
  return `${nodeId}.tablecast.db`;
}

/** The manifest as it is written. */
export function manifestText(manifest: Omit<Manifest, 'format'>): string {
  return `${JSON.stringify({ format: MANIFEST_FORMAT, ...manifest }, undefined, 2)}\n`;
}

/** Makes the error for a backup that is not, or no longer, what was written. */
export function unsoundBackup(directory: string, problem: string): TablecastError {
  return new TablecastError('BACKEND_DAMAGED', `${directory} is no sound backup: ${problem}`, {
    hint: 'Use another backup; `tablecast verify` says whether one is sound.',
    details: { file: directory },
  });
}

/** Reads and checks the manifest of a backup. Throws `BACKEND_DAMAGED`, or `BACKEND_NEWER` for a later format. */
export function readManifest(directory: string): Manifest {
  const content = parse(directory);
  const { format } = content as { readonly format?: unknown };
  if (typeof format === 'number' && format > MANIFEST_FORMAT) {
    throw new TablecastError('BACKEND_NEWER', `${directory} is a backup of format ${format}.`, {
      hint: `Update Tablecast on this machine: this version reads backups up to format ${MANIFEST_FORMAT}.`,
      details: { file: directory, version: format },
    });
  }
  const result = v.safeParse(schema, content);
  if (!result.success) {
    const member = result.issues[0].path?.map(({ key }) => String(key)).join('.') ?? 'all of it';
    throw unsoundBackup(directory, `${MANIFEST_FILE} is not what this program writes (${member})`);
  }
  try {
    // It becomes the name of a file.
    checkNodeId(result.output.node);
  } catch {
    throw unsoundBackup(directory, `${MANIFEST_FILE} names no node`);
  }
  return result.output;
}

function parse(directory: string): object {
  const file = join(directory, MANIFEST_FILE);
  try {
    const found = statSync(file);
    // A pipe or a device has no end.
    if (!found.isFile()) throw new Error('it is no regular file');
    if (found.size > MAX_MANIFEST_BYTES) throw new Error('it is too large');
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof content === 'object' && content !== null) return content;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw unsoundBackup(directory, `${MANIFEST_FILE} cannot be read (${reason})`);
  }
  throw unsoundBackup(directory, `${MANIFEST_FILE} holds no object`);
}

/** Returns what `SHA256SUMS` says of a backup as it is now; `sha256sum -c` reads it. */
export async function sumsOf(
  directory: string,
  { node }: Pick<Manifest, 'node'>,
  onProgress?: OnFileProgress,
): Promise<string> {
  const lines: string[] = [];
  for (const name of [databaseName(node), MANIFEST_FILE]) {
    lines.push(`${await sha256Of(join(directory, name), onProgress)}  ${name}\n`);
  }
  return lines.join('');
}
