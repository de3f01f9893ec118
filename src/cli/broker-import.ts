import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BrokerStore,
  type BrokerStoreEntry,
  type MapTable,
  type SetTable,
  type Table,
  isTablecastError,
  readBrokerStore,
} from '../index.ts';
import { usageError } from './failure.ts';
import { note, visible } from './output.ts';

/** Rows written and not yet confirmed at which writing waits. */
const MAX_UNCONFIRMED = 8192;
const ROWS_PER_TURN = 1024;
const REPORTED_SKIPS = 3;
const STORE_FILE = /^___sync_store_.+\.sqlite$/;
const NS_PER_MS = 1_000_000n;

/** How stores of Zeek's Broker are imported. */
export interface BrokerFlags {
  readonly brokerStore?: string | undefined;
  readonly type?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly zeekTables?: string | undefined;
  readonly strict?: boolean | undefined;
}

/** What came of one store. */
export interface ImportedStore {
  readonly rows: number;
  /** Rows whose deadline had passed. */
  readonly expired: number;
  /** Rows with strings that are not UTF-8, written as Zeek prints them. */
  readonly escaped: number;
  /** Rows that the table does not take. */
  readonly refused: number;
}

/** What is said of a table's type, in Zeek's words. */
interface Description {
  readonly type: string;
  readonly types?: Readonly<Record<string, string>> | undefined;
}

/** The files of a store, or of every store in a folder. Throws `OPTION_INVALID` when there is none. */
export function storeFiles(path: string): readonly string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true) return [path];
  const names = readdirSync(path).filter((name) => STORE_FILE.test(name));
  if (names.length > 0) return names.toSorted().map((name) => join(path, name));
  throw usageError(
    `${path} holds no Broker store.`,
    'Name the folder with the files ___sync_store_….sqlite: Broker::table_store_db_directory of Zeek.',
  );
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

/** The tables in a JSON file: those of an attachment, or a whole configuration with `zeek`. */
function describedIn(file: string): ReadonlyMap<string, Description> {
  const tables = attachments(parseJson(file)).flatMap(({ tables: named }) => Object.entries(named ?? {}));
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

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw usageError(
      `${file} cannot be read as JSON: ${String(error)}.`,
      'Give the file of --zeek-tables anew.',
    );
  }
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

/** Writes the rows of a store that are still valid into a table, and returns when all have arrived. */
export async function importStore(
  store: BrokerStore,
  target: { readonly table: Table; confirmed(count: number): Promise<void> },
  flags: BrokerFlags,
): Promise<ImportedStore> {
  const now = BigInt(Date.now()) * NS_PER_MS;
  const counts = { rows: 0, expired: 0, escaped: 0, refused: 0 };
  for (const entry of store.entries()) {
    if (entry.expiry !== undefined && entry.expiry <= now) {
      counts.expired++;
      continue;
    }
    if (!written(target.table, entry, flags.strict === true)) {
      if (++counts.refused > REPORTED_SKIPS) continue;
      note(`left out: ${shownKey(entry)} does not fit the table`);
      continue;
    }
    if (entry.escaped) counts.escaped++;
    if (++counts.rows % ROWS_PER_TURN !== 0) continue;
    await target.confirmed(counts.rows - MAX_UNCONFIRMED);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await target.confirmed(counts.rows);
  return counts;
}

/** Writes one row; false when the table does not take it. */
function written(table: Table, { key, value }: BrokerStoreEntry, isStrict: boolean): boolean {
  try {
    if (table.declaration.value === undefined) (table as unknown as SetTable).add(key);
    else (table as MapTable).set(key, value);
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

/** One line about an import, for people. */
export function storeSummary(name: string, { rows, expired, escaped, refused }: ImportedStore): string {
  const odd = [
    `${expired} expired`,
    ...(escaped === 0 ? [] : [`${escaped} with bytes that are not UTF-8, as Zeek prints them`]),
    ...(refused === 0 ? [] : [`${refused} left out`]),
  ];
  return `${name}: ${rows} rows imported, ${odd.join(', ')}`;
}
