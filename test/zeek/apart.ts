import type { NodeOptions } from '../../src/index.ts';
import type { ZeekAttachmentOptions } from '../../src/zeek/options.ts';
import type { ZeekEvent } from '../../src/zeek/protocol/index.ts';
import { tableChangeEvent } from '../../src/zeek/protocol/table-changes.ts';
import { Cable } from './cable.ts';
import { e2eTables, rowsOf, simulated } from './cluster.ts';
import type { TablecastScriptOptions } from './protocol/stand-in/tablecast-script.ts';
import type { StandIn } from './protocol/stand-in/server.ts';
import { type Attached, attached, attachmentTo, later, quick, sorted, until } from './support.ts';

export const timings = { ...quick, refillPauseMs: 60_000, answerMs: 8000, settleMs: 60 };
/** Does not wait for answers that will not come. */
export const impatient = { timings: { ...timings, answerMs: 300 } };
/** Zeek's nodes have announced themselves before. */
export const NEVER = 3_600_000;
export const counts = 'E2e::counts';

/** A Zeek cluster, and a cable to it that can be pulled. */
export interface Apart {
  readonly zeek: StandIn;
  readonly cable: Cable;
  readonly attachment: ZeekAttachmentOptions;
}

export async function cluster(
  options: Partial<ZeekAttachmentOptions> = {},
  script: Partial<TablecastScriptOptions> = {},
): Promise<Apart> {
  const tablecast = { tables: Object.keys(e2eTables), announceMs: NEVER, ...script };
  const zeek = simulated({ tablecast });
  await zeek.listen();
  later(() => zeek.stop());
  const cable = await Cable.to(zeek.url);
  return { zeek, cable, attachment: attachmentTo(cable.url, { timings, ...options }) };
}

/** A node that is attached, and has filled every Zeek node. */
export async function joined({ attachment }: Apart, options: NodeOptions = { id: 'a' }): Promise<Attached> {
  const a = await attached(options, attachment);
  await until(() => a.codes().filter((code) => code === 'zeek-refilled').length >= 3);
  return a;
}

export function rows(zeek: StandIn, node = 'manager'): readonly (readonly [unknown, unknown])[] {
  return sorted(rowsOf(zeek, node, counts));
}

/** Waits until both Zeek nodes and this one hold the same rows, and these. */
export async function allHold(
  { zeek }: Apart,
  a: Attached,
  wanted: Readonly<Record<string, number>>,
): Promise<void> {
  const text = JSON.stringify(sorted(Object.entries(wanted)));
  const all = (): string[] =>
    [rows(zeek), rows(zeek, 'worker'), sorted(a.counts)].map((one) => JSON.stringify(one));
  await until(() => all().every((one) => one === text), `all to hold ${text}`).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${all().join(' ')}`);
  });
}

/** Rows that Zeek wrote: of what this node sent in the last seconds it cannot know that it arrived. */
export async function begun(
  apart: Apart,
  a: Attached,
  wanted: Readonly<Record<string, number>>,
): Promise<void> {
  for (const [key, value] of Object.entries(wanted)) apart.zeek.node('worker').set(counts, key, value);
  await allHold(apart, a, wanted);
}

/** Many rows that Zeek wrote. */
export async function begunWith({ zeek }: Apart, a: Attached, size: number): Promise<void> {
  for (let at = 0; at < size; at++) zeek.node('worker').set(counts, `k${at}`, at);
  await until(() => a.counts.size === size, `${size} rows to arrive`);
}

export async function pulled({ cable }: Apart, a: Attached): Promise<void> {
  const lost = a.codes().filter((code) => code === 'zeek-lost').length;
  cable.pull();
  await until(() => a.codes().filter((code) => code === 'zeek-lost').length > lost);
}

/**
 * Lets this node come back once Zeek's nodes have told each other everything. A batch that still waited would be
 * told to this node as well, as a change of Zeek that crosses its own.
 */
export async function plugged({ zeek, cable }: Apart): Promise<void> {
  const agree = (): boolean => JSON.stringify(rows(zeek)) === JSON.stringify(rows(zeek, 'worker'));
  const haveTold = (): boolean => [...zeek.nodes.values()].every((node) => !node.hasUnpublished);
  await until(() => haveTold() && agree(), 'Zeek to agree');
  cable.plug();
}

export const isContent = ({ topic }: ZeekEvent): boolean => topic.startsWith('tablecast/content/');
export const isRows = (event: ZeekEvent): boolean => isContent(event) && event.name === tableChangeEvent;
export const ends = (event: ZeekEvent): boolean => event.name === 'Tablecast::content_ends';
/** What a node told under a code. */
export const of = (a: Attached, code: string): Attached['events'] =>
  a.events.filter((event) => event.code === code);
