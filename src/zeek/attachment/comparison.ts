import type { Subscription } from 'rxjs';
import type { Key, Value } from '../../schema/index.ts';
import type { ZeekData } from '../protocol/data/zeek-data.ts';
import type { ZeekChange } from '../protocol/index.ts';
import type { AttachedTable } from './attached-table.ts';
import { isAsPublished } from './published.ts';

/** Keys that may change while one table is compared; beyond it the answer says too little. */
const MAX_TOUCHED = 262_144;

/** A row as Zeek holds it. */
export interface ZeekRow {
  readonly value: Value;
  /** The value as Zeek spelt it; undefined for sets. */
  readonly said: ZeekData | undefined;
}

/** A key whose rows are not the same here and at Zeek. */
export interface Difference {
  readonly keyText: string;
  readonly key: Key;
  /** Zeek's row; undefined when it has none. */
  readonly zeek: ZeekRow | undefined;
}

/**
 * The rows of one table as one Zeek process holds them, compared with those held here while they arrive.
 * Keys that change meanwhile are left out, because which of the two is newer cannot be told.
 */
export class Comparison {
  readonly attached: AttachedTable;
  /** Rows that Zeek told. */
  rows = 0;
  /** Rows that do not fit the declaration; whatever seems to be missing at Zeek may be one of them. */
  unreadable = 0;
  readonly #seen = new SlotSet();
  readonly #differing = new Map<string, ZeekRow>();
  readonly #touched = new Set<string>();
  readonly #watching: Subscription;
  readonly #release: () => void;
  readonly #closed: (comparison: Comparison) => void;

  constructor(attached: AttachedTable, closed: (comparison: Comparison) => void) {
    this.attached = attached;
    this.#closed = closed;
    this.#release = attached.projection.keepSlots();
    const { schema } = attached.projection;
    this.#watching = attached.table.changes.subscribe(({ key }) => this.touch(schema.keyText(key)));
  }

  /** Takes one of Zeek's rows. Throws `KEY_INVALID` or `VALUE_INVALID` for one that does not fit. */
  take({ key, value, said }: ZeekChange): void {
    const { projection, zeek } = this.attached;
    const { schema, rows } = projection;
    const keyText = schema.keyText(key);
    const row: ZeekRow = { value: schema.isSet ? undefined : schema.value(value), said };
    const slot = rows.find(keyText);
    // Two of Zeek's keys that its text forms make one.
    if (this.#differing.has(keyText) || (slot !== undefined && this.#seen.has(slot))) this.touch(keyText);
    if (slot !== undefined) this.#seen.add(slot);
    const same = slot !== undefined && (said === undefined || isAsPublished(zeek, rows.value(slot), said));
    if (!same) this.#differing.set(keyText, row);
  }

  /** A key changed: what the answer says of it may be older. */
  touch(keyText: string): void {
    if (this.#touched.size <= MAX_TOUCHED) this.#touched.add(keyText);
  }

  isTouched(keyText: string): boolean {
    return this.#touched.has(keyText);
  }

  /** More keys changed meanwhile than are kept: nothing can be said. */
  get overflowed(): boolean {
    return this.#touched.size > MAX_TOUCHED;
  }

  /** Number of keys that are left out. */
  get undecided(): number {
    return this.#touched.size;
  }

  /** Lists what is not the same; keys that changed meanwhile left out. Only before the table is changed again. */
  *differences(): Generator<Difference> {
    const { rows, schema } = this.attached.projection;
    for (const [keyText, zeek] of this.#differing) {
      if (!this.#touched.has(keyText)) yield { keyText, key: schema.keyOf(keyText), zeek };
    }
    for (const slot of rows.live()) {
      if (this.#seen.has(slot)) continue;
      const keyText = rows.text(slot);
      if (!this.#touched.has(keyText)) yield { keyText, key: rows.key(slot), zeek: undefined };
    }
  }

  /** Lets everything go. Idempotent. */
  close(): void {
    if (this.#watching.closed) return;
    this.#watching.unsubscribe();
    this.#release();
    this.#closed(this);
  }
}

/** Slots of a table, one bit each. */
class SlotSet {
  #bits = new Uint32Array(64);

  has(slot: number): boolean {
    return (((this.#bits[slot >>> 5] ?? 0) >>> (slot & 31)) & 1) === 1;
  }

  add(slot: number): void {
    const word = slot >>> 5;
    if (word >= this.#bits.length) {
      const grown = new Uint32Array(Math.max(word + 1, this.#bits.length * 2));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    this.#bits[word] = (this.#bits[word] as number) | (1 << (slot & 31));
  }
}
