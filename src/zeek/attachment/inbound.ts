import { isTablecastError } from '../../errors.ts';
import { stampToMs } from '../../log/operations/hybrid-clock.ts';
import type { LocalAuthor } from '../../projection/writing/local-author.ts';
import {
  readChangeHeader,
  readChanges,
  type ZeekChange,
  type ZeekEvent,
  type ZeekLimits,
} from '../protocol/index.ts';
import type { AttachedTable } from './attached-table.ts';
import type { ZeekHost } from '../host.ts';
import type { Teller } from './teller.ts';
import { isAsPublished } from './published.ts';
import type { ZeekNodes } from './zeek-nodes.ts';

/** Zeek's access times are whole seconds, so that a row may go that much before its deadline. */
const EXPIRY_TOLERANCE_MS = 1000;
/** Beyond this Zeek's network time is not the present, as when it reads a trace, and says nothing about ours. */
const MAX_CLOCK_DIFFERENCE_MS = 3_600_000;

const TABLECAST_ID = /^tablecast:([A-Za-z0-9][A-Za-z0-9_.-]{0,63})@[0-9a-z]{1,11}$/;

/** The parts are what applying changes needs to know. */
export interface InboundParts {
  readonly host: ZeekHost;
  readonly tables: ReadonlyMap<string, AttachedTable>;
  readonly nodes: ZeekNodes;
  readonly teller: Teller;
  readonly limits: ZeekLimits;
  /** A frame of changes arrived from a Zeek node. */
  heard(nodeId: string, topic: string): void;
  /** A row was changed by Zeek, and is so here now. */
  applied(attached: AttachedTable, keyText: string): void;
  /** A node id that was not heard of before. */
  unseen(nodeId: string): void;
  /** Another node of this group is attached to the same cluster. */
  shared(nodeId: string): void;
}

interface Batch {
  readonly attached: AttachedTable;
  readonly author: LocalAuthor;
  /** Milliseconds by which this machine's clock was ahead of Zeek's when the batch came. */
  readonly aheadMs: number;
}

/** Writes what Zeek nodes publish into the log, as operations of the node that published it. */
export class Inbound {
  readonly #parts: InboundParts;

  constructor(parts: InboundParts) {
    this.#parts = parts;
  }

  /** Takes one event from Zeek; what is not a change of an attached table is left alone. Never throws. */
  take(event: ZeekEvent): void {
    try {
      this.#take(event);
    } catch (error) {
      if (!isTablecastError(error)) throw error;
      this.#parts.teller.note({
        code: 'zeek-refused',
        what: 'Frames from Zeek were not taken over',
        example: error.message,
      });
    }
  }

  #take(event: ZeekEvent): void {
    const { host, tables, nodes, teller, limits } = this.#parts;
    const raw = readChangeHeader(event, limits);
    const attached = raw === undefined ? undefined : tables.get(raw.header.table);
    if (raw === undefined || attached === undefined || attached.isHeld) return;
    if (this.#isOurs(raw.header.nodeId)) return;
    const { nodeId, time } = raw.header;
    this.#parts.heard(nodeId, event.topic);
    if (nodes.meet(nodeId)) this.#parts.unseen(nodeId);
    const { changes, refused } = readChanges(attached.zeek, raw);
    const author = host.author(attached.projection, nodes.proxyOf(nodeId));
    const batch: Batch = { attached, author, aheadMs: host.environment.now() - time };
    host.together(() => {
      for (const change of changes) this.#applyOrNote(change, batch);
    });
    for (const { error } of refused) {
      const what = `Changes of ${attached.name} from Zeek were not taken over`;
      teller.note({ code: 'zeek-refused', table: attached.name, what, example: error.message });
    }
  }

  /** Returns whether a frame comes from a node of this group: its operations arrive by replication. */
  #isOurs(nodeId: string): boolean {
    const id = TABLECAST_ID.exec(nodeId)?.[1];
    if (id === undefined) return false;
    const { host } = this.#parts;
    if (id === host.id) return true;
    if (!host.knows(id)) return false;
    this.#parts.shared(id);
    return true;
  }

  #applyOrNote(change: ZeekChange, batch: Batch): void {
    try {
      this.#apply(change, batch);
    } catch (error) {
      if (!isTablecastError(error)) throw error;
      const { name } = batch.attached;
      const what = `Changes of ${name} from Zeek were not taken over`;
      this.#parts.teller.note({ code: 'zeek-refused', table: name, what, example: error.message });
    }
  }

  #apply(change: ZeekChange, { attached, author, aheadMs }: Batch): void {
    const { projection } = attached;
    const { schema, rows } = projection;
    const keyText = schema.keyText(change.key);
    const slot = rows.slotOf(keyText);
    this.#compare(change, attached, slot);
    this.#write(change, slot, { attached, author, aheadMs });
    this.#parts.applied(attached, keyText);
  }

  #write(change: ZeekChange, slot: number, { attached, author, aheadMs }: Batch): void {
    const { projection } = attached;
    const { schema } = projection;
    switch (change.kind) {
      case 'new':
      case 'changed':
        projection.local.set(slot, schema.isSet ? undefined : schema.value(change.value), author);
        return;
      case 'removed':
        projection.local.delete(slot, author);
        return;
      case 'expired':
        if (isExpired(attached, slot, { change, aheadMs, by: author.origin }))
          projection.local.expire(slot, author);
    }
  }

  /** Notices that Zeek had another row than this node: something was lost or overtook something. */
  #compare(change: ZeekChange, attached: AttachedTable, slot: number): void {
    const { rows } = attached.projection;
    if (change.kind === 'new' || change.kind === 'expired') return;
    const present = rows.has(slot);
    if (change.kind === 'removed' && (!present || change.before === undefined)) return;
    const same =
      present &&
      (change.before === undefined || isAsPublished(attached.zeek, rows.value(slot), change.before));
    if (same) return;
    const key = String(rows.key(slot));
    const what = `Zeek had another row than this node in ${attached.name}`;
    const example = present ? key : `${key} (missing here)`;
    this.#parts.teller.note({ code: 'zeek-diverged', table: attached.name, what, example });
  }
}

/** Returns whether a row that Zeek let go is the one held here: not one written after Zeek's decision. */
function isExpired(
  { projection: { rows } }: AttachedTable,
  slot: number,
  gone: { readonly change: ZeekChange; readonly aheadMs: number; readonly by: number },
): boolean {
  if (!rows.has(slot)) return false;
  // Changes that one node publishes arrive in its order.
  if (rows.origin(slot) === gone.by) return true;
  if (Math.abs(gone.aheadMs) > MAX_CLOCK_DIFFERENCE_MS) return true;
  return stampToMs(rows.stamp(slot)) <= gone.change.time + EXPIRY_TOLERANCE_MS;
}
