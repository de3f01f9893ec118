import { isTablecastError } from '../../errors.ts';
import { isDuration } from '../../schema/index.ts';
import type { ZeekHost } from '../host.ts';
import { MAX_ZEEK_TABLES, type ZeekTableOptions } from '../options.ts';
import type { Selection } from '../selection.ts';
import { type AttachedTable, attachTable, type KnownTableOptions } from './attached-table.ts';
import type { FoundTable } from './described.ts';

/** Bytes of the descriptions of tables that were found. */
const MAX_FOUND_BYTES = 1_048_576;

/** Remembers over restarts of this node which tables were found at Zeek, so that they are there before Zeek is. */
export class FoundMemory {
  readonly #host: ZeekHost;
  readonly #name: string;
  readonly #found = new Map<string, FoundTable>();
  #bytes = 0;
  #isKept = true;

  constructor(host: ZeekHost, scope: string) {
    this.#host = host;
    this.#name = `${scope}:tables`;
  }

  has(name: string): boolean {
    return this.#found.has(name);
  }

  get(name: string): FoundTable | undefined {
    return this.#found.get(name);
  }

  hasRoomFor(found: FoundTable): boolean {
    return this.#bytes - bytesOf(this.#found.get(found.name)) + bytesOf(found) <= MAX_FOUND_BYTES;
  }

  add(found: FoundTable): void {
    this.#bytes += bytesOf(found) - bytesOf(this.#found.get(found.name));
    this.#found.set(found.name, found);
    this.#isKept = false;
  }

  /** Keeps what was added, if the node keeps anything. */
  keep(): void {
    if (!this.#isKept) this.#host.remember(this.#name, [...this.#found.values()]);
    this.#isKept = true;
  }

  /** Declares the tables that were found in earlier lives and are selected now; those that cannot be are found anew. */
  attachAll(selection: Selection): readonly AttachedTable[] {
    const recalled = this.#host.recall(this.#name);
    const known = Array.isArray(recalled) ? recalled.slice(0, MAX_ZEEK_TABLES).filter(isFound) : [];
    return known.map((found) => this.#attach(found, selection)).filter((table) => table !== undefined);
  }

  #attach(found: FoundTable, selection: Selection): AttachedTable | undefined {
    const options = selection.optionsOf(found.name);
    if (options === undefined || (this.#host.hasOther(found.name) && !selection.names(found.name))) return;
    try {
      const attached = attachTable(this.#host, found.name, knownOptions(found, options));
      this.add(found);
      return attached;
    } catch (error) {
      if (isTablecastError(error)) return undefined;
      throw error;
    }
  }
}

function bytesOf(found: FoundTable | undefined): number {
  return found === undefined ? 0 : JSON.stringify(found).length;
}

function isFound(kept: unknown): kept is FoundTable {
  if (typeof kept !== 'object' || kept === null) return false;
  const { name, description } = kept as Partial<FoundTable>;
  return typeof name === 'string' && typeof description?.type === 'string';
}

/** Returns the options of a table that was found: its type and clock are Zeek's, unless the user gave a clock. */
export function knownOptions(
  { description, expiry }: FoundTable,
  options: ZeekTableOptions,
): KnownTableOptions {
  const types = { ...options.types, ...description.types };
  const known = { ...options, type: description.type, types };
  const isGiven = options.createExpire !== undefined || options.writeExpire !== undefined;
  if (expiry === undefined || isGiven || !isDuration(expiry.ms)) return known;
  return expiry.kind === 'create'
    ? { ...known, createExpire: expiry.ms }
    : { ...known, writeExpire: expiry.ms };
}
