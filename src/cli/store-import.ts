import { type BrokerStoreEntry, type StorageEntry, type TablecastError, isTablecastError } from '../index.ts';
import { counted } from './counted.ts';
import { isUnusable } from './left-out.ts';
import { note, visible } from './output.ts';
import { PacedWrites, type WriteTarget } from './paced-writes.ts';
import { ProgressLine } from './progress.ts';

const REPORTED_SKIPS = 3;
const NS_PER_MS = 1_000_000n;

type Entry = BrokerStoreEntry | StorageEntry;

/** A store is a table in one of Zeek's files: of Broker, or of the storage framework. */
export interface Store {
  readonly size: number;
  entries(onUnreadable?: (error: TablecastError) => void): Iterable<Entry>;
}

/** The flags say how a store is imported. */
export interface StoreFlags {
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

/** Writes the rows of a store that are still valid into a table, and returns when all are durable there. */
export async function importStore(
  store: Store,
  target: WriteTarget,
  flags: StoreFlags,
): Promise<ImportedStore> {
  const now = BigInt(Date.now()) * NS_PER_MS;
  const counts = { expired: 0, escaped: 0, refused: 0, damaged: 0 };
  const leaveOut = (error: Error): void => {
    if (++counts.damaged <= REPORTED_SKIPS) note(`left out: ${visible(error.message)}`);
  };
  if (flags.strict === true) lookThrough(store);
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

/** Throws at the first row that cannot be read, before any is written. */
function lookThrough(store: Store): void {
  const rows = store.entries()[Symbol.iterator]();
  while (rows.next().done !== true);
}

/** Writes one row; false when the table does not take it. */
function written(writes: PacedWrites, { key, value }: Entry, isStrict: boolean): boolean {
  try {
    writes.write(key, value);
    return true;
  } catch (error) {
    const unusable = isTablecastError(error, 'KEY_INVALID') || isTablecastError(error, 'VALUE_INVALID');
    if (isStrict || !unusable) throw error;
    return false;
  }
}

function shownKey({ key }: Entry): string {
  const columns = [key].flat().map((column) => (typeof column === 'object' ? '…' : String(column)));
  return visible(columns.join(', '));
}

/** Returns one line about an import, for people. */
export function storeSummary(
  name: string,
  { rows, expired, escaped, refused, damaged }: ImportedStore,
  escapedAre: string,
): string {
  const odd = [
    `${expired} expired`,
    ...(escaped === 0 ? [] : [`${escaped} ${escapedAre}`]),
    ...(refused === 0 ? [] : [`${refused} left out`]),
    ...(damaged === 0 ? [] : [`${damaged} that cannot be read left out`]),
  ];
  return `${name}: ${counted(rows, 'row')} imported, ${odd.join(', ')}`;
}
