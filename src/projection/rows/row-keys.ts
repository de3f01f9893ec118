import type { Key, Schema } from '../../schema/index.ts';
import { KeyIndex } from './key-index.ts';
import { SlotOrder } from './slot-order.ts';

/**
 * The keys of a table have slots, which stand in an order: keys with a row in the order in which their rows
 * appeared. The fields are read for every operation; who is outside of this folder asks the rows.
 */
export class RowKeys {
  index = new KeyIndex();
  /** Holds every key that has a slot. */
  order = new SlotOrder();
  /** Key per slot, where keys are something else than their texts. */
  keys: Key[] = [];
  readonly #schema: Schema;
  /** Highest slot whose row has appeared, and the number of slots when one was last moved to the end. */
  #highest = -1;
  #moved = 0;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  get count(): number {
    return this.index.texts.length;
  }

  at(slot: number): Key {
    return this.#schema.textKeys ? (this.index.texts[slot] as string) : (this.keys[slot] as Key);
  }

  /** Makes a slot for a key that has none. */
  add(text: string): number {
    const slot = this.index.add(text);
    this.order = this.order.add(slot);
    if (!this.#schema.textKeys) this.keys.push(this.#schema.keyOf(text));
    return slot;
  }

  /** Makes further slots for keys that have none; false when one has. Of use only in keys that nobody reads. */
  addAll(texts: readonly string[]): boolean {
    if (!this.index.addAll(texts)) return false;
    this.order.fill(this.count);
    if (!this.#schema.textKeys) for (const text of texts) this.keys.push(this.#schema.keyOf(text));
    return true;
  }

  /** Forgets every slot of keys that nobody has read. */
  clear(): void {
    this.index.cut(0);
    this.order.fill(0);
    this.keys = [];
  }

  /** A row appears in a slot, and stands last. */
  appear(slot: number): void {
    if (slot <= this.#highest || slot < this.#moved) this.#toEnd(slot);
    else this.#highest = slot;
  }

  /** Lets a slot without a row stand where one stands whose row appears now. */
  expect(slot: number): void {
    if (slot <= this.#highest || slot < this.#moved) this.#toEnd(slot);
  }

  /** A row appeared since this slot was made: the new one stands last. */
  #toEnd(slot: number): void {
    this.order = this.order.toEnd(slot);
    this.#moved = this.count;
  }

  /** Rows up to a slot are there. */
  noteHighest(slot: number): void {
    if (slot > this.#highest) this.#highest = slot;
  }

  /** Gives each key its new slot, in the order of the present ones, or none where that is negative. */
  renumber(renumbered: Int32Array): void {
    if (!this.#schema.textKeys) this.keys = this.keys.filter((_, slot) => (renumbered[slot] as number) >= 0);
    this.index.renumber(renumbered);
    this.order = this.order.renumber(renumbered);
    this.#highest = this.count - 1;
  }

  /** The same keys, in an order that is not known yet: see {@link orderAs}. */
  shared(): RowKeys {
    const shared = new RowKeys(this.#schema);
    shared.index = this.index;
    shared.keys = this.keys;
    return shared;
  }

  /** Lets shared keys stand as the others do now, whatever becomes of those. */
  orderAs(keys: RowKeys): void {
    this.order = keys.order.copy();
  }

  /** Takes the place of shared keys, or of those that were made apart, while these had none. */
  become(keys: RowKeys): void {
    this.noteHighest(keys.#highest);
    if (keys.index === this.index) return;
    this.index = keys.index;
    this.order = keys.order;
    this.keys = keys.keys;
  }
}
