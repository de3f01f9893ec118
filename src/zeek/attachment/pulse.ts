/** The events of the script package with which Zeek nodes say what they hold, published and heard. */
import { count, string, type ZeekData } from '../protocol/data/zeek-data.ts';
import { writeEvent, type ZeekEvent } from '../protocol/index.ts';
import { nameOf, nodeTopic } from './script-events.ts';

/** Begins the topics of pulses and echoes. */
export const PULSE_TOPIC = 'tablecast/pulse/';

const PULSE = 'Tablecast::pulse';
const ECHOED = 'Tablecast::echoed';

/** Bounds the entries of each list in a pulse; a longer one is cut. */
const MAX_TALLIES = 4096;

/** A pulse says how a Zeek node stands. All numbers count since it started; what it heard of a node that was silent for a day is forgotten. */
export interface Pulse {
  /** The node's name, empty without a cluster. */
  readonly name: string;
  readonly id: string;
  /** Says how many rows each table has. */
  readonly rows: ReadonlyMap<string, number>;
  /** Says how many frames of changes it published, by topic; undefined if it cannot tell. */
  readonly published: ReadonlyMap<string, number> | undefined;
  /** Says how many changes it heard from a Tablecast node, by {@link heardKey}. */
  readonly heard: ReadonlyMap<string, number>;
}

/** Returns under which key a pulse counts what was heard of a table from a node. */
export function heardKey(node: string, table: string): string {
  return `${node} ${table}`;
}

/** Reads a pulse; undefined if the event is none, or not well-formed. */
function readPulse({ name: event, args }: ZeekEvent): Pulse | undefined {
  if (event !== PULSE || args.length !== 6) return undefined;
  const [name, id] = args.map(nameOf);
  const numbered = args[2];
  const [rows, published, heard] = args.slice(3).map(tallies);
  if (name === undefined || id === undefined || numbered?.type !== 'boolean') return undefined;
  if (rows === undefined || published === undefined || heard === undefined) return undefined;
  return { name, id, rows, published: numbered.data ? published : undefined, heard };
}

/** Reads a vector of records that end with a count; the other fields together are its key. */
function tallies(data: ZeekData): ReadonlyMap<string, number> | undefined {
  if (data.type !== 'vector') return undefined;
  const found = new Map<string, number>();
  for (const record of data.data.slice(0, MAX_TALLIES)) {
    if (record.type !== 'vector') continue;
    const names = record.data.slice(0, -1).map(nameOf);
    const number = record.data.at(-1);
    if (number?.type === 'count' && !names.includes(undefined))
      found.set(names.join(' '), Number(number.data));
  }
  return found;
}

/** Returns the frame that asks a Zeek node to say when everything sent before was handled. */
export function echoWantedFrame(zeekNode: string, node: string, number: number): string {
  const args = [string(node), count(number)];
  return writeEvent({ topic: nodeTopic(zeekNode), name: 'Tablecast::echo_wanted', args });
}

/** Reads either; undefined for any other event. */
export function echoOrPulse(event: ZeekEvent): Echo | Pulse | undefined {
  return readEcho(event) ?? readPulse(event);
}

/** An echo says that a Zeek node has handled everything that was sent before its number. */
export interface Echo {
  readonly zeekNode: string;
  readonly node: string;
  readonly number: number;
}

/** Reads an echo; undefined if the event is none, or not well-formed. */
function readEcho({ name, args }: ZeekEvent): Echo | undefined {
  if (name !== ECHOED || args.length !== 3) return undefined;
  const [zeekNode, node] = args.map(nameOf);
  const number = args[2];
  if (zeekNode === undefined || node === undefined || number?.type !== 'count') return undefined;
  return { zeekNode, node, number: Number(number.data) };
}
