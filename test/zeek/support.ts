import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MapTable, NodeEvent, NodeOptions, SetTable, TableNode } from '../../src/index.ts';
import { openNode } from '../../src/index.ts';
import type { ZeekAttachment } from '../../src/zeek/attachment/zeek-attachment.ts';
import type { ZeekAttachmentOptions } from '../../src/zeek/options.ts';
import { later } from './protocol/watcher.ts';
import { e2eTables } from './cluster.ts';
import { PATIENCE_MS } from '../support/patience.ts';

export { cleanUp, later } from './protocol/watcher.ts';

// A real Zeek takes seconds for what the stand-in does at once, and should not be busy with questions alone.
const patience =
  process.env['ZEEK_BINARY'] === undefined
    ? { limitMs: PATIENCE_MS, pauseMs: 5 }
    : { limitMs: 4 * PATIENCE_MS, pauseMs: 100 };

/** Waits for something that nobody announces. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = 'it',
  { limitMs }: { readonly limitMs: number } = patience,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, patience.pauseMs));
  }
}

/** A node under test with what it told. */
export interface Attached {
  readonly node: TableNode;
  /** The first of its attachments. */
  readonly zeek: ZeekAttachment;
  readonly events: NodeEvent[];
  readonly counts: MapTable<string, number>;
  readonly hosts: SetTable<string>;
  readonly short: MapTable<string, number>;
  readonly codes: () => readonly string[];
}

/** Timings that lose no time. */
export const quick = { firstRetryMs: 10, maxRetryMs: 50, refillPauseMs: 60, reportMs: 20 };

/** The options of an attachment that loses no time. */
export function attachmentTo(
  url: string,
  options: Partial<ZeekAttachmentOptions> = {},
): ZeekAttachmentOptions {
  return { url, tables: e2eTables, timings: quick, ...options };
}

/** Opens a node that is attached to a cluster. */
export async function attached(
  options: NodeOptions,
  attachment: ZeekAttachmentOptions | readonly ZeekAttachmentOptions[],
): Promise<Attached> {
  const node = await openNode(options);
  later(() => node.close());
  const events: NodeEvent[] = [];
  node.events.subscribe((event) => events.push(event));
  const [zeek] = [attachment].flat().map((cluster) => node.attachZeek(cluster));
  if (zeek === undefined) throw new Error('no attachment');
  return {
    node,
    zeek,
    events,
    counts: node.tables.get('E2e::counts') as unknown as MapTable<string, number>,
    hosts: node.tables.get('E2e::hosts') as unknown as SetTable<string>,
    short: node.tables.get('E2e::short') as unknown as MapTable<string, number>,
    codes: () => events.map(({ code }) => code),
  };
}

/** Rows by key, in the order of the keys, whatever the order they came in. */
export function sorted(
  rows: Iterable<readonly [unknown, unknown]>,
): readonly (readonly [unknown, unknown])[] {
  return [...rows].toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

/** A directory that is removed after the test. */
export async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tablecast-zeek-'));
  later(() => rm(path, { recursive: true, force: true }));
  return path;
}
