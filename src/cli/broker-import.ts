import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type BrokerStore, type BrokerStoreEntry, isTablecastError, readBrokerStore } from '../index.ts';
import { counted } from './counted.ts';
import { usageError } from './failure.ts';
import { isUnusable } from './left-out.ts';
import { fileFailure, requireFile } from './named-files.ts';
import { readJsonFile } from './json-file.ts';
import { note, visible } from './output.ts';
import { ProgressLine } from './progress.ts';
import { PacedWrites, type WriteTarget } from './paced-writes.ts';

const REPORTED_SKIPS = 3;
const STORE_FILE = /^___sync_store_.+\.sqlite$/;
const NS_PER_MS = 1_000_000n;
const WHERE_STORES_ARE =
  'Name the folder with the files ___sync_store_….sqlite, Broker::table_store_db_directory of Zeek, or one of them.';

/** The flags say how stores of Zeek's Broker are imported. */
export interface BrokerFlags {
  readonly brokerStore?: string | undefined;
  readonly type?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly zeekTables?: string | undefined;
  readonly strict?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** An imported store says what came of it. */
export interface ImportedStore {
  readonly rows: number;
  /** Rows whose deadline had passed. */
  readonly expired: number;
  /** Rows with strings that are not UTF-8: see `textOfBytes`. */
  readonly escaped: number;
  /** Rows that the table does not take. */
  readonly refused: number;
  /** Rows that cannot be read. */
  readonly damaged: number;
}

/** A description says what a table's type is, in Zeek's words. */
interface Description {
  readonly type: string;
  readonly types?: Readonly<Record<string, string>> | undefined;
}

/** Returns the files of a store, or of every store in a folder. Throws `OPTION_INVALID` when there is none. */
export function storeFiles(path: string): readonly string[] {
  requireFile(path, WHERE_STORES_ARE);
  const names = namesIn(path);
  if (names === undefined) return [path];
  if (names.length > 0) return names.toSorted().map((name) => join(path, name));
  throw usageError(`${path} holds no Broker store.`, WHERE_STORES_ARE);
}

/** Returns the stores in a folder; undefined for a file. Throws `IMPORT_INVALID` for what may not be looked at. */
function namesIn(path: string): readonly string[] | undefined {
  try {
    if (!statSync(path).isDirectory()) return undefined;
    return readdirSync(path).filter((name) => STORE_FILE.test(name));
  } catch (error) {
    throw fileFailure(path, 'read', error);
  }
}

/** Opens a store with the type that the flags give it, if they give one. */
export function openStore(file: string, name: string | undefined, flags: BrokerFlags): BrokerStore {
  const { type, types, zeekTables } = flags;
  if (type !== undefined) return readBrokerStore(file, { type, types: namedTypes(types ?? []) });
  const table = name ?? /___sync_store_(.+)\.sqlite$/.exec(file)?.[1];
  const described =
    zeekTables === undefined || table === undefined ? undefined : describedIn(zeekTables).get(table);
  return readBrokerStore(file, described ?? {});
}

function namedTypes(texts: readonly string[]): Record<string, string> {
  const entries = texts.map((text) => {
    const at = text.indexOf('=');
    if (at > 0) return [text.slice(0, at).trim(), text.slice(at + 1).trim()] as const;
    throw usageError(
      `--types ${visible(text)} names no type.`,
      "Write --types 'Site::Level=enum { LOW, HIGH }'.",
    );
  });
  return Object.fromEntries(entries);
}

/** Returns the tables in a JSON file: those of an attachment, or a whole configuration with `zeek`. */
function describedIn(file: string): ReadonlyMap<string, Description> {
  const hint = 'Give the `tables` of an attachment, or a whole configuration, as JSON.';
  const content = readJsonFile(file, 'file of --zeek-tables', hint);
  const tables = attachments(content).flatMap(({ tables: named }) => Object.entries(named ?? {}));
  return new Map(
    tables.map(([name, table]) => {
      if (isDescription(table)) return [name, { type: table.type, types: table.types }];
      throw usageError(
        `${file} gives ${visible(name)} no type.`,
        `Write "${name}": { "type": "table[addr] of count" }.`,
      );
    }),
  );
}

function attachments(content: unknown): readonly { readonly tables?: object | undefined }[] {
  if (typeof content !== 'object' || content === null) return [];
  if ('zeek' in content)
    return [content.zeek].flat().filter((part) => typeof part === 'object' && part !== null);
  return [{ tables: 'tables' in content && isObject(content.tables) ? content.tables : content }];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isDescription(value: unknown): value is Description {
  if (!isObject(value) || !('type' in value) || typeof value.type !== 'string') return false;
  const types: unknown = 'types' in value ? value.types : undefined;
  return (
    types === undefined || (isObject(types) && Object.values(types).every((text) => typeof text === 'string'))
  );
}

/** Writes the rows of a store that are still valid into a table, and returns when all are durable there. */
export async function importStore(
  store: BrokerStore,
  target: WriteTarget,
  flags: BrokerFlags,
): Promise<ImportedStore> {
  const now = BigInt(Date.now()) * NS_PER_MS;
  const counts = { expired: 0, escaped: 0, refused: 0, damaged: 0 };
  const leaveOut = (error: Error): void => {
    if (++counts.damaged <= REPORTED_SKIPS) note(`left out: ${visible(error.message)}`);
  };
  const writes = new PacedWrites(target);
  const progress = new ProgressLine(target.table.name, flags);
  let read = 0;
  try {
    for (const entry of store.entries(flags.strict === true ? undefined : leaveOut)) {
      read++;
      if (entry.expiry !== undefined && entry.expiry <= now) {
        counts.expired++;
        continue;
      }
      if (!written(writes, entry, flags.strict === true)) {
        if (++counts.refused <= REPORTED_SKIPS) note(`left out: ${shownKey(entry)} does not fit the table`);
        continue;
      }
      if (entry.escaped) counts.escaped++;
      if (await writes.paced())
        progress.at(() => ({ count: writes.rows, unit: 'rows', share: read / store.size }));
    }
    await writes.end();
  } catch (error) {
    throw await writes.ended(error, isUnusable(error));
  } finally {
    progress.end();
  }
  return { rows: writes.rows, ...counts };
}

/** Writes one row; false when the table does not take it. */
function written(writes: PacedWrites, { key, value }: BrokerStoreEntry, isStrict: boolean): boolean {
  try {
    writes.write(key, value);
    return true;
  } catch (error) {
    const unusable = isTablecastError(error, 'KEY_INVALID') || isTablecastError(error, 'VALUE_INVALID');
    if (isStrict || !unusable) throw error;
    return false;
  }
}

function shownKey({ key }: BrokerStoreEntry): string {
  const columns = [key].flat().map((column) => (typeof column === 'object' ? '…' : String(column)));
  return visible(columns.join(', '));
}

/** Returns one line about an import, for people. */
export function storeSummary(
  name: string,
  { rows, expired, escaped, refused, damaged }: ImportedStore,
): string {
  const odd = [
    `${expired} expired`,
    ...(escaped === 0 ? [] : [`${escaped} with bytes that are not UTF-8`]),
    ...(refused === 0 ? [] : [`${refused} left out`]),
    ...(damaged === 0 ? [] : [`${damaged} that cannot be read left out`]),
  ];
  return `${name}: ${counted(rows, 'row')} imported, ${odd.join(', ')}`;
}
