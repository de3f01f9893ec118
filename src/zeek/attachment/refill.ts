import { stampToMs } from '../../log/operations/hybrid-clock.ts';
import type { OutgoingChange } from '../protocol/index.ts';
import type { AttachedTable } from './attached-table.ts';

/** A request is what sends a whole table to one topic. */
export interface RefillRequest {
  readonly attached: AttachedTable;
  /** The table's own topic reaches every Zeek node. */
  readonly topic: string;
  /** Also says which rows are gone, as far as this node remembers. */
  readonly removals: boolean;
  /** A Zeek node asked for it and waits for the end. */
  readonly announced: boolean;
  /** Only these rows go, as they stand then; left out, the whole table. */
  readonly keys?: readonly unknown[] | undefined;
}

/** A table on its way to Zeek, slice by slice, each read when it is sent. */
export class Refill {
  readonly request: RefillRequest;
  rows = 0;
  /** The texts of the keys of the slice that was given last. */
  keys: ReadonlySet<string> = new Set();
  readonly #slots: Iterator<readonly [slot: number, present: boolean]>;
  readonly #release: () => void;
  #remaining: number;
  #ended = false;

  constructor(request: RefillRequest) {
    this.request = request;
    const { projection } = request.attached;
    this.#release = projection.keepSlots();
    // Rows that appear meanwhile are published as changes.
    this.#remaining = request.keys?.length ?? projection.rows.slots;
    this.#slots = slotsOf(request);
  }

  /** Returns the next rows, at most `limit`; none at the end. */
  slice(limit: number, now: number): readonly OutgoingChange[] {
    const { rows, schema } = this.request.attached.projection;
    const changes: OutgoingChange[] = [];
    const keys = new Set<string>();
    this.keys = keys;
    while (changes.length < limit && this.#remaining > 0) {
      this.#remaining -= 1;
      const next = this.#slots.next();
      if (next.done === true) break;
      const [slot, present] = next.value;
      const key = rows.key(slot);
      keys.add(rows.text(slot));
      if (!present) {
        changes.push({ kind: 'removed', key, time: now });
        continue;
      }
      const value = schema.isSet ? undefined : rows.value(slot);
      changes.push({ kind: 'new', key, value, time: stampToMs(rows.stamp(slot)) });
      this.rows += 1;
    }
    if (changes.length === 0) this.end();
    return changes;
  }

  /** Lets the table forget removed keys again. Idempotent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
  }
}

function* slotsOf({ attached, removals, keys }: RefillRequest): Generator<readonly [number, boolean]> {
  const { rows, schema } = attached.projection;
  if (keys !== undefined) {
    for (const key of keys) {
      const slot = rows.slotOf(schema.keyText(key));
      yield [slot, rows.has(slot)];
    }
    return;
  }
  for (const slot of rows.live()) yield [slot, true];
  if (removals) for (const slot of rows.removals()) yield [slot, false];
}
