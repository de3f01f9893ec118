/** The events of the script package with which a Zeek process tells what a table holds. */
import { count, string } from '../protocol/data/zeek-data.ts';
import { writeEvent, type ZeekEvent } from '../protocol/index.ts';
import { nameOf, nodeTopic } from './script-events.ts';

/** Begins the topics to which what Zeek tells goes; no Zeek node listens there. */
export const CONTENT_TOPIC = 'tablecast/content/';

const BEGINS = 'Tablecast::content_begins';
const ENDS = 'Tablecast::content_ends';

/** Names the topic where a node hears what it asked for. */
export function contentTopic(nodeId: string): string {
  return `${CONTENT_TOPIC}${nodeId}/`;
}

/** A question to one Zeek process. */
export interface ContentWanted {
  readonly zeekNode: string;
  readonly table: string;
  /** Is what the answer is known by. */
  readonly question: string;
  readonly maxRows: number;
}

/** Returns the frame of a question; only the process that is asked hears it. */
export function contentWantedFrame(node: string, wanted: ContentWanted): string {
  const { zeekNode, table, question, maxRows } = wanted;
  const args = [string(node), string(table), string(question), count(maxRows)];
  return writeEvent({ topic: nodeTopic(zeekNode), name: 'Tablecast::content_wanted', args });
}

/** Begin or end of an answer. */
export type ContentMark = {
  readonly zeekNode: string;
  readonly table: string;
  readonly question: string;
} & (
  | { readonly kind: 'begins'; readonly name: string; readonly rows: number }
  | { readonly kind: 'ends'; readonly complete: boolean }
);

/** Reads the begin or the end of an answer; undefined if the event is neither, or not well-formed. */
export function readContentMark({ name: event, args }: ZeekEvent): ContentMark | undefined {
  if (event === BEGINS && args.length === 5) {
    const [name, zeekNode, table, question] = args.map(nameOf);
    const rows = args[4];
    if (name === undefined || zeekNode === undefined || table === undefined || question === undefined) return;
    return rows?.type === 'count'
      ? { kind: 'begins', name, zeekNode, table, question, rows: Number(rows.data) }
      : undefined;
  }
  if (event === ENDS && args.length === 4) {
    const [zeekNode, table, question] = args.map(nameOf);
    const complete = args[3];
    if (zeekNode === undefined || table === undefined || question === undefined) return;
    return complete?.type === 'boolean'
      ? { kind: 'ends', zeekNode, table, question, complete: complete.data }
      : undefined;
  }
  return undefined;
}
