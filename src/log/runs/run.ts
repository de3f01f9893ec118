import { ByteReader, malformed } from '../bytes/bytes.ts';
import { crc32 } from '../bytes/checksum.ts';
import type { ColumnType } from '../../schema/schema.ts';
import { type Column, readColumn, readTexts } from '../bytes/column.ts';
import { type Epoch, readEpoch } from '../operations/epoch.ts';
import { EXPIRE, INCREMENT, SET } from '../operations/operation.ts';
import { MAX_ORIGIN_BYTES } from '../operations/origin.ts';
import { markTouches, readKinds, readTimes } from './run-stretches.ts';

/** The version of the layout below; a reader refuses any other. docs/protocol.md describes it. */
export const RUN_VERSION = 1;
export const HAS_KINDS = 1;
export const HAS_TIMES = 2;
export const HAS_EPOCH = 4;
export const HAS_CHANGES = 8;
const CHECK_BYTES = 4;

/** Most operations in one run. */
export const MAX_RUN_OPERATIONS = 4096;
/** Longest table name, in bytes. */
export const MAX_TABLE_NAME_BYTES = 128;
/** Most entries in the context of one run. */
const MAX_CONTEXT = 16_384;

/** Most changes of a document in one run. */
const MAX_CHANGES = 256;
/** Most bytes of one of them. */
const MAX_CHANGE_BYTES: number = 4 * 1024 * 1024;

/** A counter that a run was the first to add to. */
export interface EnteredKey {
  /** Key number in the author's dictionary. */
  readonly id: number;
  readonly generation: number;
  readonly start: number;
}

/** A section is what a run carries for the document behind its table, in modes that have one. */
export interface DocumentSection {
  readonly entered: readonly EnteredKey[];
  readonly changes: readonly Uint8Array[];
  /** Says whether the run writes again what its author wrote before and a switch of mode passed over. */
  readonly copies: boolean;
}

/** The operations of a run, column by column. */
export interface RunOperations {
  readonly firstSequence: number;
  readonly count: number;
  readonly firstStamp: number;
  /** Undefined when all operations carry `firstStamp`. */
  readonly stamps: Float64Array | undefined;
  /** Undefined when all operations are `set`. */
  readonly kinds: Uint8Array | undefined;
  readonly ids: Uint32Array;
  /** One cell per `set`, in order. */
  readonly values: Column;
  /** One number per `increment`, in order. */
  readonly added: readonly number[];
}

/** A header identifies a run; it is readable without the dictionary of its origin. */
export interface RunHeader {
  readonly table: string;
  readonly origin: string;
  /** Drawn anew each time the origin's node opens: two contents under one name can be told apart. */
  readonly session: number;
  readonly firstSequence: number;
  readonly count: number;
  /** The switch of mode its author had made or heard of last; undefined before any. */
  readonly epoch: Epoch | undefined;
}

/** An entry says what the author had seen when the run began, as far as it changed since the run before. */
export interface ContextEntry {
  /** Index in the author's dictionary of origins. */
  readonly origin: number;
  readonly sequence: number;
}

/** The state says where a run stands in its origin's dictionaries. */
export interface DictionaryState {
  readonly chapter: number;
  readonly keys: number;
  readonly origins: number;
}

/** A run with its columns unpacked; ids and origins still refer to the author's dictionaries. */
export interface DecodedRun extends RunHeader, RunOperations {
  readonly state: DictionaryState;
  readonly newOrigins: readonly string[];
  readonly context: readonly ContextEntry[];
  readonly newKeys: readonly string[];
  /** Is what it carries for the table's document, in modes that have one. */
  readonly document: DocumentSection | undefined;
  /** Two numbers per `expire`: origin (author's dictionary) and sequence of the write it names. */
  readonly expired: readonly number[];
}

/** Checks the checksum and reads what identifies a run. Throws `OPERATION_INVALID`. */
export function readRunHeader(bytes: Uint8Array): RunHeader {
  return openRun(bytes).header;
}

/** Returns whether the bytes of a run say that it carries changes of a document. */
export function carriesChanges(run: Uint8Array): boolean {
  return ((run[1] as number) & HAS_CHANGES) !== 0;
}

/** A run whose checksum and header were read, and nothing else. */
export interface OpenedRun {
  readonly header: RunHeader;
  /** Stands behind the header. */
  readonly reader: ByteReader;
  readonly flags: number;
}

/** The columns are unpacked into, one run after the other, where each is done with before the next. */
export class RunColumns {
  readonly ids: Uint32Array = new Uint32Array(MAX_RUN_OPERATIONS);
  readonly numbers: Float64Array = new Float64Array(MAX_RUN_OPERATIONS);
}

/** Checks the checksum and reads what identifies a run. Throws `OPERATION_INVALID`. */
export function openRun(bytes: Uint8Array): OpenedRun {
  const end = endOf(bytes);
  if (crc32(bytes.subarray(0, end)) !== checkAt(bytes, end))
    throw malformed('a run whose checksum does not match');
  return readOpening(new ByteReader(bytes, 0, end));
}

/**
 * Reads what identifies a run and leaves its checksum alone: of runs that this node's log gave, or of which somebody
 * else works it out. Throws `OPERATION_INVALID`.
 */
export function readRunName(bytes: Uint8Array): RunHeader {
  return readOpening(new ByteReader(bytes, 0, endOf(bytes))).header;
}

/** Returns the little-endian number in the four bytes behind a run. */
function checkAt(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  return (low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0;
}

function endOf(bytes: Uint8Array): number {
  const end = bytes.length - CHECK_BYTES;
  if (end < 16) throw malformed(`a run of ${bytes.length} bytes`);
  return end;
}

function readOpening(reader: ByteReader): OpenedRun {
  const version = reader.byte();
  if (version !== RUN_VERSION)
    throw malformed(`a run of version ${version}, this program reads ${RUN_VERSION}`);
  const flags = reader.byte();
  if (flags > (HAS_KINDS | HAS_TIMES | HAS_EPOCH | HAS_CHANGES)) throw malformed(`a run with flags ${flags}`);
  const table = reader.text(MAX_TABLE_NAME_BYTES);
  const origin = reader.text(MAX_ORIGIN_BYTES);
  const session = reader.uint32();
  const firstSequence = reader.varint();
  const count = reader.varint();
  if (count < 1 || count > MAX_RUN_OPERATIONS) throw malformed(`a run of ${count} operations`);
  if (firstSequence < 1 || !Number.isSafeInteger(firstSequence + count))
    throw malformed(`sequence ${firstSequence}`);
  const epoch = (flags & HAS_EPOCH) === 0 ? undefined : readEpoch(reader);
  return { header: { table, origin, session, firstSequence, count, epoch }, reader, flags };
}

/** Unpacks a run of a table whose values travel as `type`. Throws `OPERATION_INVALID`. */
export function decodeRun(bytes: Uint8Array, type: ColumnType): DecodedRun {
  return readRun(openRun(bytes), type);
}

/**
 * Returns the rest of a run. With `into`, what is returned is good until the next one is read into the same
 * columns.
 */
export function readRun(
  { header, reader, flags }: OpenedRun,
  type: ColumnType,
  into?: RunColumns,
): DecodedRun {
  const { state, newOrigins, context, newKeys } = readDictionary(reader);
  const firstStamp = reader.float64();
  if (!(firstStamp >= 0 && Number.isSafeInteger(firstStamp))) throw malformed(`a time of ${firstStamp}`);
  const stamps = (flags & HAS_TIMES) === 0 ? undefined : readTimes(reader, firstStamp, header.count);
  const kinds = (flags & HAS_KINDS) === 0 ? undefined : readKinds(reader, header.count);
  const ids = reader.fixedWidth(header.count, reader.byte(), into?.ids);
  const tally = countKinds(kinds, header.count);
  const values = readColumn(reader, type === 'none' ? 0 : tally.sets, type, into?.numbers);
  const expired: number[] = [];
  for (let index = 0; index < tally.expires * 2; index++) expired.push(reader.varint());
  if (kinds !== undefined && tally.expires > 0) markTouches(kinds, expired);
  const carried = (flags & HAS_CHANGES) === 0 ? undefined : readDocument(reader, tally.adds);
  if (carried === undefined && tally.adds > 0) throw malformed('additions in a run without a document');
  if (reader.remaining !== 0) throw malformed(`${reader.remaining} bytes behind a run`);
  const { table, origin, session, firstSequence, count, epoch } = header;
  const { added, document } = carried ?? NO_DOCUMENT;
  // Every member by its name: objects spread into another are copied member by member, for every run that comes.
  return {
    table,
    origin,
    session,
    firstSequence,
    count,
    epoch,
    state,
    newOrigins,
    context,
    newKeys,
    firstStamp,
    stamps,
    kinds,
    ids,
    values,
    expired,
    added,
    document,
  };
}

function readDictionary(
  reader: ByteReader,
): Pick<DecodedRun, 'state' | 'newOrigins' | 'context' | 'newKeys'> {
  const state = { chapter: reader.varint(), keys: reader.varint(), origins: reader.varint() };
  const newOrigins: string[] = [];
  const originCount = reader.count('new origins', MAX_CONTEXT, 2);
  for (let index = 0; index < originCount; index++) newOrigins.push(reader.text(MAX_ORIGIN_BYTES));
  const context: ContextEntry[] = [];
  const contextCount = reader.count('context entries', MAX_CONTEXT, 2);
  for (let index = 0; index < contextCount; index++) {
    context.push({ origin: reader.varint(), sequence: reader.varint() });
  }
  const keyCount = reader.count('new keys', MAX_RUN_OPERATIONS);
  const newKeys = keyCount === 0 ? [] : readTexts(reader, keyCount);
  return { state, newOrigins, context, newKeys };
}

function countKinds(
  kinds: Uint8Array | undefined,
  count: number,
): { sets: number; expires: number; adds: number } {
  if (kinds === undefined) return { sets: count, expires: 0, adds: 0 };
  let sets = 0;
  let adds = 0;
  let expires = 0;
  for (let index = 0; index < count; index++) {
    if (kinds[index] === SET) sets++;
    else if (kinds[index] === INCREMENT) adds++;
    else if (kinds[index] === EXPIRE) expires++;
  }
  return { sets, expires, adds };
}

const NO_DOCUMENT: Pick<DecodedRun, 'added' | 'document'> = { document: undefined, added: [] };

function readDocument(
  reader: ByteReader,
  adds: number,
): { readonly added: readonly number[]; readonly document: DocumentSection } {
  const added = Array.from(reader.float64s(adds));
  const copies = reader.byte() === 1;
  const entered: EnteredKey[] = [];
  const enteredCount = reader.count('counters begun', MAX_RUN_OPERATIONS, 10);
  for (let index = 0; index < enteredCount; index++)
    entered.push({ id: reader.varint(), generation: reader.varint(), start: reader.float64() });
  const changes: Uint8Array[] = [];
  const count = reader.count('changes', MAX_CHANGES, 2);
  for (let index = 0; index < count; index++)
    changes.push(reader.raw(reader.count('bytes of a change', MAX_CHANGE_BYTES)));
  return { added, document: { entered, changes, copies } };
}
