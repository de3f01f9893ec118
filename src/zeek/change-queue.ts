import { stampToMs } from '../log/hybrid-clock.ts';
import type { Change } from '../projection/change.ts';
import type { OutgoingChange } from '../transport/zeek/index.ts';
import type { AttachedTable } from './attached-table.ts';

/** Changes that may wait for Zeek; beyond it tables are sent whole instead. */
const MAX_WAITING = 65_536;
/** Changes that are looked at again after a connection broke, because Zeek may not have got them. */
const MAX_RECENT = 10_000;
const RECENT_MS = 2000;

/** One change on its way. */
export interface WaitingChange {
  readonly attached: AttachedTable;
  /** The table's own topic reaches every Zeek node. */
  readonly topic: string;
  /** It may be sent when the log is durable up to here. */
  readonly position: number;
  readonly change: OutgoingChange;
}

interface Sent {
  readonly attached: AttachedTable;
  readonly key: unknown;
  readonly at: number;
}

/** The change to send for one that subscribers were told of. */
export function outgoing(change: Change<unknown, unknown>): OutgoingChange {
  const { kind, key, value, operation } = change;
  const { time } = operation;
  if (kind === 'new' || kind === 'changed') return { kind: 'new', key, value, time };
  return { kind: kind === 'expired' ? 'expired' : 'removed', key, time };
}

/** The change that makes a row at Zeek what it is here now. */
export function asItStands({ projection }: AttachedTable, key: unknown, now: number): OutgoingChange {
  const { rows, schema } = projection;
  const slot = rows.find(schema.keyText(key));
  if (slot === undefined) return { kind: 'removed', key, time: now };
  const time = stampToMs(rows.stamp(slot));
  return { kind: 'new', key, value: schema.isSet ? undefined : rows.value(slot), time };
}

/** What waits to be published, in the order of this node's log. */
export class ChangeQueue {
  #waiting: WaitingChange[] = [];
  #recent: Sent[] = [];
  /** Tables of which more changed than is kept. */
  readonly overflowed: Set<AttachedTable> = new Set();

  get length(): number {
    return this.#waiting.length;
  }

  /** Position of the first change that waits. */
  get first(): number | undefined {
    return this.#waiting[0]?.position;
  }

  push(waiting: WaitingChange): void {
    if (this.#waiting.length >= MAX_WAITING) {
      for (const { attached } of this.#waiting) this.overflowed.add(attached);
      this.#waiting = [];
    }
    if (this.overflowed.has(waiting.attached)) return;
    this.#waiting.push(waiting);
  }

  /** Takes the next changes of one table and topic that may be sent, at most `limit`; none if the first may not. */
  take(limit: number, maySend: (waiting: WaitingChange) => boolean): readonly WaitingChange[] {
    const [first] = this.#waiting;
    let count = 0;
    while (count < limit && count < this.#waiting.length) {
      const waiting = this.#waiting[count] as WaitingChange;
      if (waiting.attached !== first?.attached || waiting.topic !== first.topic || !maySend(waiting)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** Remembers what was sent for a while. */
  sent(changes: readonly WaitingChange[], now: number): void {
    const kept = this.#recent.findIndex(({ at }) => at > now - RECENT_MS);
    this.#recent = kept < 0 ? [] : this.#recent.slice(kept);
    for (const { attached, change } of changes) this.#recent.push({ attached, key: change.key, at: now });
    if (this.#recent.length <= MAX_RECENT) return;
    this.#recent = this.#recent.slice(-MAX_RECENT);
  }

  /** Rows that Zeek may not have got, because a connection broke soon after they were sent. */
  takeUncertain(): readonly { readonly attached: AttachedTable; readonly key: unknown }[] {
    const uncertain = this.#recent;
    this.#recent = [];
    return uncertain;
  }
}
