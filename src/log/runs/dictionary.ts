import type { DictionaryState } from './run.ts';
import type { RunWriter } from './run-writer.ts';

/** Most keys one dictionary may name: what a peer can make this node keep per origin and table. */
export const MAX_DICTIONARY_KEYS: number = 1 << 24;
/** Most origins one dictionary may name. */
export const MAX_DICTIONARY_ORIGINS = 65_536;

/** A start says where a chapter of an origin's runs begins in this node's log. */
export interface ChapterStart {
  readonly chapter: number;
  readonly position: number;
  /** Says where a reader must begin to learn the chapter's keys; before `position` when they were named there. */
  readonly readFrom: number;
}

/**
 * A dictionary says what the small numbers in one origin's runs mean: key numbers stand for slots of the
 * table, origin numbers for origins. A dictionary only grows, until its author opens a new chapter and it is
 * empty again; what it says is a function of the author's operations so far, so every holder of them agrees.
 */
export class Dictionary {
  chapter: number;
  size = 0;
  #slots = new Int32Array(64);
  readonly origins: number[] = [];
  readonly starts: ChapterStart[] = [];

  constructor(chapter: number) {
    this.chapter = chapter;
  }

  get state(): DictionaryState {
    return { chapter: this.chapter, keys: this.size, origins: this.origins.length };
  }

  /** Empties the dictionary for a later chapter that begins at a position of this node's log. */
  beginChapter(chapter: number, position: number): void {
    this.chapter = chapter;
    this.size = 0;
    this.origins.length = 0;
    this.starts.push({ chapter, position, readFrom: position });
  }

  /** Notes that what happened up to a position is known by its outcome only: chapters may have begun anywhere before. */
  summedUp(position: number): void {
    this.starts.splice(
      0,
      this.starts.length,
      { chapter: -1, position: 1, readFrom: 1 },
      { chapter: this.chapter, position: position + 1, readFrom: 1 },
    );
  }

  addKey(slot: number): void {
    if (this.size === this.#slots.length) {
      const larger = new Int32Array(this.size * 2);
      larger.set(this.#slots);
      this.#slots = larger;
    }
    this.#slots[this.size++] = slot;
  }

  /** The same for many keys in order. */
  addKeys(slots: Int32Array): void {
    const size = this.size + slots.length;
    if (size > this.#slots.length) {
      const larger = new Int32Array(Math.max(size, this.#slots.length * 2));
      larger.set(this.#slots);
      this.#slots = larger;
    }
    this.#slots.set(slots, this.size);
    this.size = size;
  }

  /** The slot a key number stands for; the number must be below `size`. */
  slot(id: number): number {
    return this.#slots[id] as number;
  }

  /** Slots by key number, as a view that further keys may outgrow. */
  get view(): Int32Array {
    return this.#slots;
  }

  /** Returns the slots of all key numbers, in order; a copy. */
  slots(): Int32Array {
    return this.#slots.slice(0, this.size);
  }

  /** Follows a renumbering of the table's slots. */
  renumber(renumbered: Int32Array): void {
    for (let id = 0; id < this.size; id++) this.#slots[id] = renumbered[this.#slots[id] as number] as number;
  }

  /** Marks the slots this dictionary refers to. */
  mark(referenced: Uint8Array): void {
    for (let id = 0; id < this.size; id++) referenced[this.#slots[id] as number] = 1;
  }
}

/** The dictionary of this node's own runs: also knows the number of each slot. */
export class AuthorDictionary {
  readonly dictionary: Dictionary;
  /** Key number + 1 per slot; 0 for a slot that has none in this chapter. */
  #ids = new Int32Array(64);
  readonly #originIds = new Map<number, number>();

  constructor(dictionary: Dictionary) {
    this.dictionary = dictionary;
  }

  beginChapter(chapter: number, position: number): void {
    this.dictionary.beginChapter(chapter, position);
    this.#ids.fill(0);
    this.#originIds.clear();
  }

  /** Returns the key number of a slot; a key that has none is added, and its text goes with the run. */
  keyId(slot: number, keys: { text(slot: number): string }, run: RunWriter): number {
    if (slot >= this.#ids.length) {
      const larger = new Int32Array(Math.max(slot + 1, this.#ids.length * 2));
      larger.set(this.#ids);
      this.#ids = larger;
    }
    const known = this.#ids[slot] as number;
    if (known > 0) return known - 1;
    const id = this.dictionary.size;
    this.dictionary.addKey(slot);
    this.#ids[slot] = id + 1;
    run.addKey(keys.text(slot));
    return id;
  }

  /** Returns the number of an origin; one that has none is added, and its text goes with the run. */
  originId(origin: number, text: string, run: RunWriter): number {
    const known = this.#originIds.get(origin);
    if (known !== undefined) return known;
    const id = this.dictionary.origins.length;
    this.dictionary.origins.push(origin);
    this.#originIds.set(origin, id);
    run.addOrigin(text);
    return id;
  }

  /** Follows a renumbering of the table's slots. */
  renumber(renumbered: Int32Array): void {
    this.dictionary.renumber(renumbered);
    const ids = new Int32Array(this.#ids.length);
    for (let id = 0; id < this.dictionary.size; id++) ids[this.dictionary.slot(id)] = id + 1;
    this.#ids = ids;
  }
}
