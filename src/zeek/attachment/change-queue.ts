import { stampToMs } from '../../log/operations/hybrid-clock.ts';
import type { Change } from '../../projection/telling/change.ts';
import type { OutgoingChange } from '../protocol/index.ts';
import type { AttachedTable } from './attached-table.ts';
import { ABSENT, type OwnChanges, type RowState, withStates } from './own-changes.ts';

/** Changes that may wait for Zeek; beyond it tables are sent whole instead. */
const MAX_WAITING = 65_536;
/** Rows of a table that are sent again after a connection broke, because Zeek may not have got them. */
const MAX_RECENT = 65_536;
/** Bounds how long before the last sign of life something was sent that may not have arrived. */
const RECENT_MS = 2000;

/** One change on its way. */
export interface WaitingChange {
  readonly attached: AttachedTable;
  /** The table's own topic reaches every Zeek node. */
  readonly topic: string;
  /** It may be sent when the log is durable up to here. */
  readonly position: number;
  readonly change: OutgoingChange;
  /** States in which Zeek may have the row before; undefined where nothing is known of that. */
  readonly before?: readonly RowState[] | undefined;
}

/** A row that Zeek may not have got. */
export interface UncertainRow {
  readonly attached: AttachedTable;
  readonly key: unknown;
  readonly before: readonly RowState[] | undefined;
}

interface Sent extends UncertainRow {
  readonly at: number;
}

/** Returns the change to send for one that subscribers were told of. */
export function outgoing(change: Change<unknown, unknown>): OutgoingChange {
  const { kind, key, value, operation } = change;
  const { time } = operation;
  if (kind === 'new' || kind === 'changed') return { kind: 'new', key, value, time };
  return { kind: kind === 'expired' ? 'expired' : 'removed', key, time };
}

/** Returns the row before a change that subscribers were told of. */
export function stateBefore({ kind, previous }: Change<unknown, unknown>): readonly RowState[] {
  return [kind === 'new' ? ABSENT : { present: true, value: previous }];
}

/** Returns the change that makes a row at Zeek what it is here now. */
export function asItStands({ projection }: AttachedTable, key: unknown, now: number): OutgoingChange {
  const { rows, schema } = projection;
  const slot = rows.find(schema.keyText(key));
  if (slot === undefined) return { kind: 'removed', key, time: now };
  const time = stampToMs(rows.stamp(slot));
  return { kind: 'new', key, value: schema.isSet ? undefined : rows.value(slot), time };
}

/** The queue holds what waits to be published, in the order of this node's log. */
export class ChangeQueue {
  #waiting: WaitingChange[] = [];
  /** Holds what was sent and may not have arrived, by the text of its key, the oldest first. */
  readonly #recent = new Map<AttachedTable, Map<string, Sent>>();
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

  /** Remembers what was sent, until a sign of life that is later by a while. */
  sent(changes: readonly WaitingChange[], times: { readonly now: number; readonly heardAt: number }): void {
    this.#forgetArrived(times.heardAt);
    for (const { attached, change, before } of changes) {
      const recent = this.#recent.get(attached) ?? new Map<string, Sent>();
      this.#recent.set(attached, recent);
      const keyText = attached.projection.schema.keyText(change.key);
      const known = recent.get(keyText);
      recent.delete(keyText);
      const states = known === undefined ? before : withStates(known.before, before);
      recent.set(keyText, { attached, key: change.key, before: states, at: times.now });
      if (recent.size > MAX_RECENT) recent.delete(recent.keys().next().value ?? '');
    }
  }

  /** Zeek changed a row: what was sent of it is not to be sent again. */
  forget(attached: AttachedTable, keyText: string): void {
    this.#recent.get(attached)?.delete(keyText);
  }

  /** The connection broke; `heardAt` is the last sign of life. */
  broke(heardAt: number): void {
    this.#forgetArrived(heardAt);
  }

  #forgetArrived(heardAt: number): void {
    for (const recent of this.#recent.values()) {
      for (const [keyText, { at }] of recent) {
        if (at > heardAt - RECENT_MS) break;
        recent.delete(keyText);
      }
    }
  }

  /** Lists what of a table changed here and may not have reached Zeek: what waits, and what is uncertain. */
  own(attached: AttachedTable): OwnChanges {
    if (this.overflowed.has(attached)) return 'all';
    const { schema } = attached.projection;
    const states = new Map<string, readonly RowState[] | undefined>();
    for (const [keyText, { before }] of this.#recent.get(attached) ?? []) states.set(keyText, before);
    for (const { attached: whose, change, before } of this.#waiting) {
      if (whose !== attached) continue;
      const keyText = schema.keyText(change.key);
      states.set(keyText, states.has(keyText) ? withStates(states.get(keyText), before) : before);
    }
    return states;
  }

  /** Returns whether changes of a table wait. */
  has(attached: AttachedTable): boolean {
    return this.overflowed.has(attached) || this.#waiting.some((waiting) => waiting.attached === attached);
  }

  /** Returns the keys of a table whose changes wait. */
  waiting(attached: AttachedTable): readonly unknown[] {
    return this.#waiting.filter((waiting) => waiting.attached === attached).map(({ change }) => change.key);
  }

  /** Returns the rows that Zeek may not have got, because a connection broke soon after they were sent. */
  takeUncertain(): readonly UncertainRow[] {
    const uncertain = Array.from(this.#recent.values(), (recent) => [...recent.values()]).flat();
    this.#recent.clear();
    return uncertain;
  }
}
