import { crc32 } from 'node:zlib';

/** `TBLC`: what `PRAGMA application_id` says in a database file of ours. */
export const APPLICATION_ID = 0x54424c43;

/** Is what `PRAGMA user_version` says; a file with a greater one is refused. */
export const FORMAT_VERSION = 2;

/** The schema of format 1, word for word as SQLite keeps it. */
const SCHEMA_1: readonly string[] = [
  'CREATE TABLE segments (position INTEGER PRIMARY KEY, span INTEGER NOT NULL, "check" INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT',
  'CREATE TABLE checkpoints (name TEXT PRIMARY KEY, position INTEGER NOT NULL, generation INTEGER NOT NULL, chunks INTEGER NOT NULL, "check" INTEGER NOT NULL) STRICT, WITHOUT ROWID',
  'CREATE TABLE checkpoint_chunks (generation INTEGER NOT NULL, chunk INTEGER NOT NULL, "check" INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (generation, chunk)) STRICT',
  'CREATE TABLE facts (name TEXT PRIMARY KEY, "check" INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID',
  'CREATE TABLE state (name TEXT PRIMARY KEY, "check" INTEGER NOT NULL, value INTEGER NOT NULL) STRICT, WITHOUT ROWID',
];

/** Lists what each later format adds. */
const ADDED: readonly (readonly string[])[] = [
  [
    'CREATE TABLE sealed (position INTEGER PRIMARY KEY, span INTEGER NOT NULL, "check" INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT',
  ],
];

/** Returns the statements that bring a file of one format to a later one. */
export function additions(from: number, to: number): readonly string[] {
  return ADDED.slice(from - 1, to - 1).flat();
}

/** Returns the whole schema of a format; a file whose schema differs is refused. */
export function schemaOf(version: number): readonly string[] {
  return [...SCHEMA_1, ...additions(1, version)];
}

/** Rows of the table `state`. */
export type StateName = 'clean' | 'durability' | 'trimmed_to' | 'torn_to' | 'lock';

/** Values of the row `durability` of the table `state`. */
export const DURABILITY_CODES = { commit: 1, interval: 2 } as const;

const head = new Uint8Array(24);
const headView = new DataView(head.buffer);

/**
 * CRC-32 over up to three numbers (each as 8 bytes, little-endian) and then the bytes, so that a record
 * found in the wrong place is as wrong as one with a flipped bit.
 */
export function checksum(numbers: readonly number[], ...parts: readonly Uint8Array[]): number {
  let offset = 0;
  for (const number of numbers) {
    headView.setUint32(offset, number % 0x1_0000_0000, true);
    headView.setUint32(offset + 4, Math.floor(number / 0x1_0000_0000), true);
    offset += 8;
  }
  let check = crc32(head.subarray(0, offset));
  for (const part of parts) {
    // crc32 of an empty array may answer 0 instead of the value so far.
    if (part.length > 0) check = crc32(part, check);
  }
  return check;
}

const utf8 = new TextEncoder();

/** Returns the checksum of a segment: over its position, its span and its bytes. */
export function segmentChecksum(position: number, span: number, bytes: Uint8Array): number {
  return checksum([position, span], bytes);
}

/** Returns the checksum of a checkpoint's row: over position, generation, number of chunks and table name. */
export function checkpointChecksum(row: {
  readonly name: string;
  readonly position: number;
  readonly generation: number;
  readonly chunks: number;
}): number {
  return checksum([row.position, row.generation, row.chunks], utf8.encode(row.name));
}

/** Returns the checksum of a fact: over the length of its name, the name and the bytes. */
export function factChecksum(name: string, bytes: Uint8Array): number {
  const encoded = utf8.encode(name);
  return checksum([encoded.length], encoded, bytes);
}

/** Returns the checksum of a row of `state`: over its value and its name. */
export function stateChecksum(name: StateName, value: number): number {
  return checksum([value], utf8.encode(name));
}
