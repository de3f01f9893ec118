/** The events of the script package in `zeek/`. */
import { count, string, type ZeekData } from '../protocol/data/zeek-data.ts';
import { writeEvent, type ZeekEvent } from '../protocol/index.ts';

/** Is where Zeek nodes announce that they started. */
export const ANNOUNCE_TOPIC = 'tablecast/announce/';
const NODE_TOPIC = 'tablecast/node/';
const STATUS_TOPIC = 'tablecast/status/';

const MAX_WANTED = 1024;
const MAX_NAME = 1024;

/** Names the topic that one Zeek node alone subscribes to. */
export function nodeTopic(zeekNode: string): string {
  return `${NODE_TOPIC}${zeekNode}/`;
}

/** Returns which Zeek node alone subscribes to a topic; undefined if it is no such topic. */
export function nodeIdOf(topic: string): string | undefined {
  return topic.startsWith(NODE_TOPIC) ? topic.slice(NODE_TOPIC.length, -1) : undefined;
}

/** A Zeek node has started and its tables are empty. */
export interface NodeStarted {
  /** The node's name, empty without a cluster. */
  readonly name: string;
  /** Its node id, new with each start. */
  readonly id: string;
  /** A topic that only this node subscribes to. */
  readonly replyTo: string;
  /** Full names of the tables to fill. */
  readonly wanted: readonly string[];
  /** The script names these tables; else the package found them. */
  readonly isListed: boolean;
}

/** A state is what stands in the script's log. */
export type StatusState = 'attached' | 'caught-up' | 'diverged' | 'refused' | 'detached';

/** Returns a name in an event; undefined if it is none or too long. */
export function nameOf(data: ZeekData | undefined): string | undefined {
  return data?.type === 'string' && data.data.length <= MAX_NAME ? data.data : undefined;
}

/** Reads an announcement; undefined if the event is none, or not well-formed. */
export function readNodeStarted(event: ZeekEvent): NodeStarted | undefined {
  const isListed = event.name === 'Tablecast::node_started';
  if ((!isListed && event.name !== 'Tablecast::tables_found') || event.args.length !== 4) return undefined;
  const [name, id, replyTo] = event.args.map(nameOf);
  const list = event.args[3];
  if (name === undefined || id === undefined || replyTo === undefined || replyTo === '') return undefined;
  if (list?.type !== 'vector' || list.data.length > MAX_WANTED) return undefined;
  const wanted = list.data.map(nameOf).filter((table) => table !== undefined);
  return { name, id, replyTo, wanted, isListed };
}

/** Returns the frame that tells a Zeek node that its announcement has arrived. */
export function acknowledgedFrame(topic: string, node: string, id: string): string {
  return writeEvent({ topic, name: 'Tablecast::acknowledged', args: [string(node), string(id)] });
}

/** Returns the frame that tells a Zeek node that all rows of a table have been sent. */
export function refilledFrame(topic: string, node: string, done: { table: string; rows: number }): string {
  const args = [string(node), string(done.table), count(done.rows)];
  return writeEvent({ topic, name: 'Tablecast::refilled', args });
}

/** Returns the frame of one line in the script's log. */
export function statusFrame(
  node: string,
  state: StatusState,
  about: { readonly table?: string | undefined; readonly rows: number; readonly detail: string },
): string {
  const args = [
    string(node),
    string(about.table ?? ''),
    string(state),
    count(about.rows),
    string(about.detail.slice(0, MAX_NAME)),
  ];
  return writeEvent({ topic: STATUS_TOPIC, name: 'Tablecast::status', args });
}
