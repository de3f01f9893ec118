/** A text is looked for in at most this many places; by chance a million texts need about 70. */
const MOST_PLACES = 256;
/** Bounds the characters at either end that count for the place of a longer text. */
const MOST_AT_END = 32;
/** No two processes put texts into the same places. Nothing that anybody sees depends on it. */
const SEED: number = Math.floor(Math.random() * 2 ** 32) | 0;
const SMALLEST = 128;

/**
 * The index says which slot a text has. It does what a Map from texts to slots does, with half the memory and
 * fewer waits for it: the table holds nothing but slots, each with a part of its text's hash, and grows
 * without looking at a text again.
 *
 * An attacker may choose many texts that belong in one place (hash flooding). When one is more than {@link
 * MOST_PLACES} places from where it belongs, a Map takes over for good.
 */
export class KeyIndex {
  /** Text per slot. */
  texts: string[] = [];
  #hashes: Int32Array = new Int32Array(SMALLEST / 2);
  /** Per place 0 or slot + 1, which is at most `#mask`, and in the bits above it those of the text's hash. */
  #places: Int32Array = new Int32Array(SMALLEST);
  #mask = SMALLEST - 1;
  #instead: Map<string, number> | undefined;
  /** Is what was looked for last in vain: most often it is added next. */
  #missed = '';
  #missedHash: number = hashOf('');

  /** The slot of a text; undefined for anything without one. */
  find(text: string): number | undefined {
    if (this.#instead !== undefined) return this.#instead.get(text);
    if (typeof text !== 'string') return undefined;
    const hash = hashOf(text);
    const slot = this.#search(text, hash);
    if (slot >= 0) return slot;
    this.#missed = text;
    this.#missedHash = hash;
    return undefined;
  }

  /** Gives the next slot to a text that has none. */
  add(text: string): number {
    const slot = this.texts.length;
    this.texts.push(text);
    if (this.#instead !== undefined) {
      this.#instead.set(text, slot);
      return slot;
    }
    const hash = text === this.#missed ? this.#missedHash : hashOf(text);
    if (slot === this.#hashes.length) this.#hashes = resized(this.#hashes, 2 * slot);
    this.#hashes[slot] = hash;
    if (2 * (slot + 1) > this.#mask + 1) this.#layOut(2 * (this.#mask + 1));
    else this.#put(slot, hash);
    return slot;
  }

  /** Gives slots to all texts in order; false, and none has one, when two are equal or one has a slot already. */
  addAll(texts: readonly string[]): boolean {
    const before = this.texts.length;
    this.reserve(texts.length);
    for (let at = 0; at < texts.length; at++) {
      if (this.#addNew(texts[at] as string)) continue;
      this.cut(before);
      return false;
    }
    return true;
  }

  /** Looks for a text and adds it in one go, where there is room; false when it has a slot. */
  #addNew(text: string): boolean {
    if (this.#instead !== undefined) {
      if (this.#instead.has(text)) return false;
      this.add(text);
      return true;
    }
    const hash = hashOf(text);
    const places = this.#places;
    const mask = this.#mask;
    let place = hash & mask;
    for (let tried = 1; places[place] !== 0; tried++) {
      const entry = places[place] as number;
      if (((entry ^ hash) & ~mask) === 0 && this.texts[(entry & mask) - 1] === text) return false;
      if (tried === MOST_PLACES) {
        this.#giveUp();
        return this.#addNew(text);
      }
      place = (place + 1) & mask;
    }
    const slot = this.texts.length;
    places[place] = (hash & ~mask) | (slot + 1);
    this.#hashes[slot] = hash;
    this.texts.push(text);
    return true;
  }

  /** Takes away all slots but the first so many. */
  cut(count: number): void {
    this.texts.length = count;
    this.#layOut(this.#mask + 1);
  }

  /** Makes room for so many further texts at once. */
  reserve(count: number): void {
    const needed = this.texts.length + count;
    if (needed > this.#hashes.length)
      this.#hashes = resized(this.#hashes, Math.max(needed, 2 * this.texts.length));
    let capacity = this.#mask + 1;
    while (2 * needed > capacity) capacity *= 2;
    if (capacity > this.#mask + 1) this.#layOut(capacity);
  }

  /** Gives each slot its new number, in the order of the present ones, or takes it away where that is negative. */
  renumber(renumbered: Int32Array): void {
    let kept = 0;
    for (let slot = 0; slot < renumbered.length; slot++) {
      if ((renumbered[slot] as number) < 0) continue;
      this.texts[kept] = this.texts[slot] as string;
      this.#hashes[kept++] = this.#hashes[slot] as number;
    }
    this.texts.length = kept;
    this.#layOut(this.#mask + 1);
  }

  #search(text: string, hash: number): number {
    const places = this.#places;
    const mask = this.#mask;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const entry = places[place] as number;
      if (entry === 0) return -1;
      if (((entry ^ hash) & ~mask) !== 0) continue;
      const slot = (entry & mask) - 1;
      if (this.texts[slot] === text) return slot;
    }
  }

  #put(slot: number, hash: number): void {
    const places = this.#places;
    const mask = this.#mask;
    let place = hash & mask;
    for (let tried = 1; places[place] !== 0; tried++) {
      if (tried === MOST_PLACES) return this.#giveUp();
      place = (place + 1) & mask;
    }
    places[place] = (hash & ~mask) | (slot + 1);
  }

  #layOut(capacity: number): void {
    if (this.#instead !== undefined) return this.#giveUp();
    this.#places = new Int32Array(capacity);
    this.#mask = capacity - 1;
    for (let slot = 0; slot < this.texts.length && this.#instead === undefined; slot++)
      this.#put(slot, this.#hashes[slot] as number);
  }

  #giveUp(): void {
    this.#instead = new Map(this.texts.map((text, slot) => [text, slot]));
    this.#places = new Int32Array(SMALLEST);
    this.#mask = SMALLEST - 1;
  }
}

function hashOf(text: string): number {
  const { length } = text;
  if (length <= 2 * MOST_AT_END) return hashOfPart(text, 0, length);
  return Math.imul(hashOfPart(text, 0, MOST_AT_END), 31) ^ hashOfPart(text, length - MOST_AT_END, length);
}

/** Two chains of multiplications, because the processor can do both at once. */
function hashOfPart(text: string, from: number, to: number): number {
  let one = SEED ^ text.length;
  let other = SEED;
  let at = from;
  for (; at + 3 < to; at += 4) {
    one = Math.imul(one ^ text.charCodeAt(at) ^ (text.charCodeAt(at + 1) << 16), 0x9e3779b1);
    one = (one << 13) | (one >>> 19);
    other = Math.imul(other ^ text.charCodeAt(at + 2) ^ (text.charCodeAt(at + 3) << 16), 0x85ebca6b);
    other = (other << 15) | (other >>> 17);
  }
  for (; at < to; at++) {
    one = Math.imul(one ^ text.charCodeAt(at), 0xc2b2ae35);
    one ^= one >>> 15;
  }
  let hash = one ^ Math.imul(other, 0x27d4eb2f);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

function resized(values: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(length);
  larger.set(values.subarray(0, length));
  return larger;
}
