import type { ZeekData } from '../../../../src/zeek/protocol/data/zeek-data.ts';
import { writeTagged } from '../../../../src/zeek/protocol/data/tagged.ts';
import { writeJson } from '../../../../src/zeek/protocol/json/writer.ts';
import type { ZeekChangeKind } from '../../../../src/zeek/protocol/table-changes.ts';
import type { ZeekTable } from '../../../../src/zeek/protocol/zeek-table.ts';

/** `Cluster::PublishOnChangeAttr`. */
export interface PublishOnChange {
  readonly changes: readonly ZeekChangeKind[];
  /** A topic, or one per key; default the table's. */
  readonly topic?: string | ((index: readonly ZeekData[]) => string) | undefined;
  readonly maxBatchSize?: number | undefined;
  readonly maxBatchDelayMs?: number | undefined;
}

/** A table as the script package describes it. */
export interface SimTableWords {
  readonly type: string;
  readonly types?: Readonly<Record<string, string>> | undefined;
  readonly expiry?: readonly [kind: string, after: string] | undefined;
  readonly ownTopic?: boolean | undefined;
}

/** A table of the simulated script. */
export interface SimTableOptions {
  readonly table: ZeekTable;
  readonly publish: PublishOnChange;
  /** What the script package says of it on 9.0, in Zeek's words; left out, no more than its type. */
  readonly words?: SimTableWords | undefined;
  readonly expire?: { readonly kind: 'create' | 'write'; readonly seconds: number } | undefined;
}

/** One row; no value where a set has none and where Zeek would hold a null pointer. */
export interface SimRow {
  readonly index: readonly ZeekData[];
  readonly value: ZeekData;
  /** Milliseconds since 1970. */
  readonly deadline: number | undefined;
}

/** The text that makes keys equal. */
export function rowKey(index: readonly ZeekData[]): string {
  return index.map((column) => writeJson(writeTagged(column, 'strict'))).join(',');
}

/** The rows of one table in one node. */
export class SimTable {
  readonly options: SimTableOptions;
  readonly rows: Map<string, SimRow> = new Map();
  /** False after a script assigned a fresh table to the variable: nothing is published or applied any more. */
  attached = true;

  constructor(options: SimTableOptions) {
    this.options = options;
  }

  get(index: readonly ZeekData[]): SimRow | undefined {
    return this.rows.get(rowKey(index));
  }

  /** Zeek's access times are whole seconds, so a row goes up to a second early. */
  put(index: readonly ZeekData[], value: ZeekData): SimRow | undefined {
    const key = rowKey(index);
    const previous = this.rows.get(key);
    const { expire } = this.options;
    const fresh = expire === undefined ? undefined : (Math.floor(Date.now() / 1000) + expire.seconds) * 1000;
    const deadline = expire?.kind === 'create' ? (previous?.deadline ?? fresh) : fresh;
    this.rows.set(key, { index, value, deadline });
    return previous;
  }

  take(index: readonly ZeekData[]): SimRow | undefined {
    const key = rowKey(index);
    const previous = this.rows.get(key);
    this.rows.delete(key);
    return previous;
  }
}
