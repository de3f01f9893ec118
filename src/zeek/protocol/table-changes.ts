/** `Cluster::table_change_infos(header, infos)`: what `&publish_on_change` sends and applies. */
import { Buffer } from 'node:buffer';
import { isTablecastError, TablecastError } from '../../errors.ts';
import { writeTagged } from './data/tagged.ts';
import { none, string, vector, type ZeekData } from './data/zeek-data.ts';
import { writeJson } from './json/writer.ts';
import type { ZeekLimits } from './limits.ts';
import { writeEvent, type ZeekEvent } from './messages.ts';
import { decodeValue, type AtomValue, type NestedValue } from './values/decode.ts';
import { encodeIndex, encodeValue } from './values/encode.ts';
import type { ZeekTable } from './zeek-table.ts';
import { typeText } from './zeek-type.ts';

/** The event's name. */
export const tableChangeEvent = 'Cluster::table_change_infos';

/** A kind says what happened to a row, as Zeek says it. */
export type ZeekChangeKind = 'new' | 'changed' | 'removed' | 'expired';

const wireKinds: ReadonlyMap<ZeekChangeKind, string> = new Map([
  ['new', 'TABLE_ELEMENT_NEW'],
  ['changed', 'TABLE_ELEMENT_CHANGED'],
  ['removed', 'TABLE_ELEMENT_REMOVED'],
  ['expired', 'TABLE_ELEMENT_EXPIRED'],
]);
const kindsByWire: ReadonlyMap<string, ZeekChangeKind> = new Map(
  [...wireKinds].map(([kind, wire]) => [wire, kind]),
);

/** The key of a row: one value, or an array for several columns. */
export type ZeekKey = AtomValue | NestedValue | readonly (AtomValue | NestedValue)[];

/** One change of one row, in the forms JavaScript users see. */
export interface ZeekChange {
  readonly kind: ZeekChangeKind;
  readonly key: ZeekKey;
  /** The new value; undefined for sets and for removals. */
  readonly value: AtomValue | NestedValue | undefined;
  /** The new value as Zeek spelt it; undefined where {@link value} is. */
  readonly said: ZeekData | undefined;
  /**
   * Is what was there before, as far as Zeek says so: the previous value of a changed row, the value of one
   * that is gone. Not checked against the declaration.
   */
  readonly before: ZeekData | undefined;
  /** Says when the change happened by Zeek's network time, in milliseconds since 1970. */
  readonly time: number;
}

/** A change to send. */
export interface OutgoingChange {
  readonly kind: ZeekChangeKind;
  readonly key: unknown;
  readonly value?: unknown;
  /** Milliseconds since 1970. Decides nothing in Zeek. */
  readonly time: number;
}

/** A header says whose changes of which table follow. */
export interface ChangeHeader {
  /** Qualified name of the table. */
  readonly table: string;
  /** Says when the batch was published, in milliseconds since 1970. */
  readonly time: number;
  /** `Cluster::node_id()` of the Zeek node, or what another client calls itself; may be empty. */
  readonly nodeId: string;
}

/** The header of a batch and its changes, not yet looked into. */
export interface RawChanges {
  readonly header: ChangeHeader;
  readonly infos: readonly ZeekData[];
}

/** A batch read: what can be applied, and why the rest cannot. */
export interface ReadChanges {
  readonly changes: readonly ZeekChange[];
  readonly refused: readonly { readonly position: number; readonly error: TablecastError }[];
}

function invalid(what: string): TablecastError {
  return new TablecastError('FRAME_INVALID', `A table change from Zeek is not well-formed: ${what}.`, {
    hint: 'It was dropped. Check that every Zeek node runs version 8.2 or later.',
  });
}

function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n);
}

/**
 * Returns the header and the undecoded changes of an event; undefined if the event is another one.
 *
 * @throws TablecastError `FRAME_INVALID` or `LIMIT_EXCEEDED`
 */
export function readChangeHeader(event: ZeekEvent, limits: ZeekLimits): RawChanges | undefined {
  if (event.name !== tableChangeEvent) return undefined;
  const [header, infos] = event.args;
  if (event.args.length !== 2 || header?.type !== 'vector' || infos?.type !== 'vector') {
    throw invalid('the event has other arguments');
  }
  const [table, time, nodeId] = header.data;
  if (
    table?.type !== 'string' ||
    time?.type !== 'timestamp' ||
    nodeId?.type !== 'string' ||
    header.data.length !== 3
  ) {
    throw invalid('the header has other fields');
  }
  if (Math.max(table.data.length, nodeId.data.length) > limits.maxNameLength) {
    throw invalid('the header has a name that is too long');
  }
  if (infos.data.length > limits.maxChangesPerFrame) {
    throw new TablecastError('LIMIT_EXCEEDED', `A frame from Zeek has ${infos.data.length} changes.`, {
      hint: 'Lower the batch size of Cluster::publish_table, or raise maxChangesPerFrame.',
      details: { limit: limits.maxChangesPerFrame },
    });
  }
  return {
    header: { table: table.data, time: milliseconds(time.data), nodeId: nodeId.data },
    infos: infos.data,
  };
}

function readKey(table: ZeekTable, data: readonly ZeekData[]): ZeekKey {
  if (data.length !== table.index.length) {
    throw new TablecastError(
      'KEY_INVALID',
      `${table.name} has ${table.index.length} index columns, the change ${data.length}.`,
      {
        hint: 'Declare the table here as the Zeek script does; the change was not applied.',
        details: { table: table.name, expected: `${table.index.length} columns` },
      },
    );
  }
  const columns = table.index.map((type, at) =>
    decodeValue(type, data[at] ?? none, `${table.name} index ${at + 1}`),
  );
  return columns.length === 1 && columns[0] !== undefined ? columns[0] : Object.freeze(columns);
}

function readValue(table: ZeekTable, value: ZeekData): AtomValue | NestedValue | undefined {
  if (table.value !== undefined) return decodeValue(table.value, value, `${table.name} value`);
  if (value.type === 'none') return undefined;
  throw new TablecastError(
    'VALUE_INVALID',
    `${table.name} is declared as a set, the change has a ${value.type}.`,
    {
      hint: 'Declare the table here as the Zeek script does; the change was not applied.',
    },
  );
}

function readChange(table: ZeekTable, info: ZeekData): ZeekChange {
  if (info.type !== 'vector' || info.data.length !== 5) throw invalid('a change has other fields');
  const [wireKind, time, key, value = none, previous = none] = info.data;
  const kind = wireKind?.type === 'enum-value' ? kindsByWire.get(wireKind.data) : undefined;
  if (kind === undefined) throw invalid('a change of unknown kind');
  if (time?.type !== 'timestamp' || key?.type !== 'vector') throw invalid('a change without time or index');
  const writes = kind === 'new' || kind === 'changed';
  const told = writes ? previous : value;
  return {
    kind,
    key: readKey(table, key.data),
    value: writes ? readValue(table, value) : undefined,
    said: writes && value.type !== 'none' ? value : undefined,
    before: told.type === 'none' ? undefined : told,
    time: milliseconds(time.data),
  };
}

/** Returns the changes of a batch against the table's declaration; never throws, one bad change spoils no other. */
export function readChanges(table: ZeekTable, raw: RawChanges): ReadChanges {
  const changes: ZeekChange[] = [];
  const refused: { position: number; error: TablecastError }[] = [];
  for (const [position, info] of raw.infos.entries()) {
    try {
      changes.push(readChange(table, info));
    } catch (error) {
      if (!isTablecastError(error)) throw error;
      refused.push({ position, error });
    }
  }
  return { changes, refused };
}

function timestamp(time: number): ZeekData {
  return { type: 'timestamp', data: BigInt(Math.trunc(time)) * 1_000_000n };
}

/** Returns one change as data, checked against the declaration. @throws TablecastError `VALUE_INVALID` */
function encodeChange(table: ZeekTable, change: OutgoingChange): ZeekData {
  const index = encodeIndex(table.index, change.key, `${table.name} key`);
  const writes = change.kind === 'new' || change.kind === 'changed';
  if (table.value === undefined && change.value !== undefined) {
    throw new TablecastError('VALUE_INVALID', `${table.name} is a set and takes no value.`, {
      hint: 'Nothing was sent to Zeek. Leave the value out.',
    });
  }
  // Zeek needs neither the removed nor the previous value, and skips a removal that has the latter.
  const value =
    writes && table.value !== undefined
      ? encodeValue(table.value, change.value, `${table.name} value`)
      : none;
  if (value.type === 'none' && writes && table.value !== undefined) {
    throw new TablecastError('VALUE_INVALID', `${table.name} needs a ${typeText(table.value)}.`, {
      hint: 'Nothing was sent to Zeek: a row without a value would be a null entry there.',
    });
  }
  const kind = wireKinds.get(change.kind) ?? '';
  return vector({ type: 'enum-value', data: kind }, timestamp(change.time), vector(...index), value, none);
}

function changeEvent(table: ZeekTable, header: ChangeHeader, infos: readonly ZeekData[]): ZeekEvent {
  return {
    topic: table.topic,
    name: tableChangeEvent,
    args: [vector(string(header.table), timestamp(header.time), string(header.nodeId)), vector(...infos)],
  };
}

/** A size says how many changes and bytes go into one frame. */
export interface BatchSize {
  readonly maxChanges: number;
  readonly maxBytes: number;
}

/** The frames say what goes to Zeek, and what must not. */
export interface ChangeFrames {
  readonly frames: readonly string[];
  readonly refused: readonly { readonly change: OutgoingChange; readonly error: TablecastError }[];
}

/**
 * Returns the frames of any number of changes, in order, none larger than said. A change that Zeek could not
 * store is left out and reported; the others go.
 */
export function writeChanges(
  table: ZeekTable,
  changes: Iterable<OutgoingChange>,
  options: { readonly header: Omit<ChangeHeader, 'table'>; readonly batch: BatchSize },
): ChangeFrames {
  const frames: string[] = [];
  const refused: { change: OutgoingChange; error: TablecastError }[] = [];
  const { before, after } = envelope(table, { ...options.header, table: table.name });
  const { maxBytes, maxChanges } = options.batch;
  const empty = Buffer.byteLength(before + after);
  let infos: string[] = [];
  let bytes = empty;
  const flush = (): void => {
    if (infos.length > 0) frames.push(before + infos.join(',') + after);
    infos = [];
    bytes = empty;
  };
  for (const change of changes) {
    try {
      const info = writeJson(writeTagged(encodeChange(table, change), 'strict'));
      // One byte for the comma before it.
      const size = Buffer.byteLength(info) + 1;
      if (empty + size > maxBytes) throw tooLarge(table, { size, limit: maxBytes });
      if (infos.length >= maxChanges || bytes + size > maxBytes) flush();
      infos.push(info);
      bytes += size;
    } catch (error) {
      if (!isTablecastError(error)) throw error;
      refused.push({ change, error });
    }
  }
  flush();
  return { frames, refused };
}

/** Returns the text of a frame before and after its changes; they are the last thing in it. */
function envelope(table: ZeekTable, header: ChangeHeader): { before: string; after: string } {
  const text = writeEvent(changeEvent(table, header, []));
  const at = text.lastIndexOf('[]') + 1;
  return { before: text.slice(0, at), after: text.slice(at) };
}

function tooLarge(table: ZeekTable, { size, limit }: { size: number; limit: number }): TablecastError {
  return new TablecastError('LIMIT_EXCEEDED', `A change of ${table.name} takes ${size} bytes.`, {
    hint: 'Nothing was sent to Zeek. Split the value over several rows.',
    details: { table: table.name, limit, size },
  });
}
