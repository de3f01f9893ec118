/** The events of the script package with which Zeek nodes say which tables they have, and what they are. */
import { string, type ZeekData } from '../protocol/data/zeek-data.ts';
import { writeEvent, type ZeekEvent, type ZeekTableDescription } from '../protocol/index.ts';
import { nameOf, nodeTopic } from './script-events.ts';

const DESCRIBED = 'Tablecast::described';

/** Bounds the parts of one answer, and the tables in each. */
const MAX_PARTS = 64;
const MAX_TABLES = 256;
/** Bounds the types that one table mentions, and the text of each. */
const MAX_TYPES = 256;
const MAX_TEXT = 16_384;

/** Units of an interval as Zeek prints it, in milliseconds. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ['day', 86_400_000],
  ['hr', 3_600_000],
  ['min', 60_000],
  ['sec', 1000],
  ['msec', 1],
  ['usec', 0.001],
]);

/** The clock that lets rows go at Zeek, in milliseconds. */
export interface FoundExpiry {
  readonly kind: 'create' | 'write';
  readonly ms: number;
}

/** A table as a Zeek node describes it. */
export interface FoundTable {
  readonly name: string;
  readonly description: ZeekTableDescription;
  readonly expiry: FoundExpiry | undefined;
  /** Its changes go to a topic that is not told. */
  readonly hasOwnTopic: boolean;
}

/** A part of what a Zeek node says of its tables. */
export interface Described {
  /** The node's name, empty without a cluster. */
  readonly name: string;
  readonly id: string;
  /** The Tablecast node that asked. */
  readonly node: string;
  readonly part: number;
  readonly parts: number;
  readonly tables: readonly FoundTable[];
}

/** Returns the frame that asks a Zeek node for its tables. */
export function descriptionsWantedFrame(zeekNode: string, node: string): string {
  const args = [string(node)];
  return writeEvent({ topic: nodeTopic(zeekNode), name: 'Tablecast::descriptions_wanted', args });
}

/** Reads a part of an answer; undefined if the event is none. Tables that are not well-formed are left out. */
export function readDescribed(event: ZeekEvent): Described | undefined {
  if (event.name !== DESCRIBED || event.args.length !== 6) return undefined;
  const [name, id, node] = event.args.map(nameOf);
  const [part, parts, list] = event.args.slice(3);
  if (name === undefined || id === undefined || node === undefined) return undefined;
  if (part?.type !== 'count' || parts?.type !== 'count' || list?.type !== 'vector') return undefined;
  if (parts.data > MAX_PARTS || part.data < 1 || part.data > parts.data) return undefined;
  const tables = list.data.slice(0, MAX_TABLES).map(tableOf);
  const found = tables.filter((table) => table !== undefined);
  return { name, id, node, part: Number(part.data), parts: Number(parts.data), tables: found };
}

function tableOf(data: ZeekData): FoundTable | undefined {
  if (data.type !== 'vector' || data.data.length !== 6) return undefined;
  const [name, , , kind] = data.data.map(nameOf);
  const [type, after] = [data.data[1], data.data[4]].map(textOf);
  const types = typesOf(data.data[2]);
  const own = data.data[5];
  if (name === undefined || type === undefined || types === undefined) return undefined;
  if (kind === undefined || after === undefined || own?.type !== 'boolean') return undefined;
  return { name, description: { type, types }, expiry: expiryOf(kind, after), hasOwnTopic: own.data };
}

function textOf(data: ZeekData | undefined): string | undefined {
  return data?.type === 'string' && data.data.length <= MAX_TEXT ? data.data : undefined;
}

function typesOf(data: ZeekData | undefined): Readonly<Record<string, string>> | undefined {
  if (data?.type !== 'vector' || data.data.length > MAX_TYPES) return undefined;
  const types: [string, string][] = [];
  for (const one of data.data) {
    if (one.type !== 'vector' || one.data.length !== 2) return undefined;
    const name = nameOf(one.data[0]);
    const text = textOf(one.data[1]);
    if (name === undefined || text === undefined) return undefined;
    types.push([name, text]);
  }
  return Object.fromEntries(types);
}

/** Undefined where Zeek tells of no clock, or of one that cannot be read or never lets anything go. */
function expiryOf(kind: string, after: string): FoundExpiry | undefined {
  if (kind !== 'create' && kind !== 'write') return undefined;
  const ms = millisecondsOf(after);
  return ms === undefined || ms < 1 ? undefined : { kind, ms };
}

/** Reads an interval as Zeek prints it: `1.0 day 2.0 hrs`. */
function millisecondsOf(text: string): number | undefined {
  const words = text.split(' ');
  let ms = 0;
  for (let at = 0; at < words.length; at += 2) {
    const unit = UNITS.get((words[at + 1] ?? '').replace(/s$/, ''));
    const number = Number(words[at] || Number.NaN);
    if (unit === undefined || !Number.isFinite(number)) return undefined;
    ms += number * unit;
  }
  return Math.round(ms);
}
