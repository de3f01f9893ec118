import type { Key, Schema, Value } from '../../schema/index.ts';
import { columnText, formOf, keyForm } from '../forms.ts';
import type { HostedTable } from '../host.ts';
import { MAX_LISTINGS, RECENT_MS } from '../limits.ts';
import { Recent } from '../past/recent.ts';
import { Problem } from '../problem.ts';
import { Snapshot } from './snapshot.ts';
import { type Order, matching, sorted } from './sorted.ts';

/** By what rows are put in order. */
export type SortBy = 'key' | 'value' | 'time' | 'origin';

/** Says which rows of a table are listed, and in which order. */
export interface Wanted {
  readonly prefix: string | undefined;
  readonly search: string | undefined;
  /** Undefined: in the order in which they appeared. */
  readonly sort: SortBy | undefined;
  readonly descending: boolean;
}

/** Rows as of one position, in an order. */
export interface Listing {
  readonly snapshot: Snapshot;
  /** Slots of the snapshot. */
  readonly order: Uint32Array;
}

/** Describes what listings are made of. */
export interface ListingParts {
  /** The text of an origin by its number. */
  originText(origin: number): string;
  /** The last position of the log. */
  position(): number;
}

/** Keeps what is being paged through: so many listings at most, each until nobody has asked for it for a while. */
export class Listings {
  readonly #parts: ListingParts;
  readonly #recent = new Recent<Listing>(MAX_LISTINGS, RECENT_MS);

  constructor(parts: ListingParts) {
    this.#parts = parts;
  }

  /** Lists a table as it is now. */
  open(hosted: HostedTable, wanted: Wanted): Promise<Listing> {
    const nameAt = (position: number): string => nameOf(hosted, wanted, position);
    return this.#recent.of(
      () => nameAt(this.#parts.position()),
      () => list(hosted, wanted, this.#parts),
      ({ snapshot }) => nameAt(snapshot.position),
    );
  }

  /** A listing that was opened before. Throws a problem when it is not kept any more. */
  again(hosted: HostedTable, wanted: Wanted, position: number): Promise<Listing> {
    const present = this.#recent.find(nameOf(hosted, wanted, position));
    if (present !== undefined) return present;
    throw new Problem('GONE', `The rows as of position ${position} are not kept any more.`, {
      hint: 'Ask for the first page again, without a position.',
      retryable: true,
    });
  }

  close(): void {
    this.#recent.close();
  }
}

function nameOf(
  { table }: HostedTable,
  { prefix, search, sort, descending }: Wanted,
  position: number,
): string {
  return JSON.stringify([table.name, prefix, search, sort, descending, position]);
}

async function list({ projection }: HostedTable, wanted: Wanted, parts: ListingParts): Promise<Listing> {
  const { schema } = projection;
  const snapshot = await Snapshot.of(projection, () => parts.position());
  const rows = await matching(snapshot, fitting(snapshot, schema, wanted));
  const order = orderOf(snapshot, wanted, parts);
  return { snapshot, order: order === undefined ? rows : await sorted(rows, order) };
}

function fitting(snapshot: Snapshot, schema: Schema, { prefix, search }: Wanted): (slot: number) => boolean {
  const sought = search?.toLowerCase();
  if (prefix === undefined && sought === undefined) return () => true;
  return (slot) => {
    const columns = keyColumns(schema, snapshot.key(slot));
    if (prefix !== undefined && columns[0]?.startsWith(prefix) !== true) return false;
    if (sought === undefined || columns.some((column) => column.toLowerCase().includes(sought))) return true;
    return (
      schema.valueType !== undefined && valueText(schema, snapshot.value(slot)).toLowerCase().includes(sought)
    );
  };
}

/** The columns of a key in their text forms. */
function keyColumns(schema: Schema, key: Key): readonly string[] {
  const form = keyForm(schema, key);
  return schema.composite ? (form as readonly unknown[]).map(columnText) : [columnText(form)];
}

function valueText({ valueType }: Schema, value: Value): string {
  return valueType === undefined ? '' : columnText(formOf(valueType, value));
}

function orderOf(snapshot: Snapshot, wanted: Wanted, parts: ListingParts): Order | undefined {
  const order = ascending(snapshot, wanted.sort, parts);
  if (order === undefined || !wanted.descending) return order;
  return (one, other) => order(other, one);
}

function ascending(snapshot: Snapshot, by: SortBy | undefined, parts: ListingParts): Order | undefined {
  switch (by) {
    case 'key':
      return (one, other) => compared(snapshot.key(one), snapshot.key(other));
    case 'value':
      return (one, other) => compared(snapshot.value(one), snapshot.value(other));
    case 'time':
      return (one, other) => snapshot.stamp(one) - snapshot.stamp(other);
    case 'origin': {
      const texts = new Map<number, string>();
      const text = (row: number): string => {
        const origin = snapshot.origin(row);
        const known = texts.get(origin) ?? parts.originText(origin);
        texts.set(origin, known);
        return known;
      };
      return (one, other) => compared(text(one), text(other));
    }
    default:
      return undefined;
  }
}

/** Numbers by size, text by its code units, keys of several columns by the first that differs, anything else by its JSON. */
function compared(one: unknown, other: unknown): number {
  if (isNumber(one) && isNumber(other)) return one < other ? -1 : one > other ? 1 : 0;
  if (Array.isArray(one) && Array.isArray(other)) {
    for (let at = 0; at < one.length; at++) {
      const order = compared(one[at], other[at]);
      if (order !== 0) return order;
    }
    return 0;
  }
  const [left, right] = [textOf(one), textOf(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && !Number.isNaN(value));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
