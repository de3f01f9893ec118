const NOT_WAITING = -1;

/**
 * Slots that wait for moments, each in at most one bucket: put, moved and taken out in constant time, so
 * that memory is bounded by slots, however often they are moved.
 */
export class SlotQueue {
  /** First slot of each bucket; its slots form a ring, in the order in which they came. */
  readonly #first = new Map<number, number>();
  #bucketOf: Float64Array = new Float64Array(0);
  #next: Int32Array = new Int32Array(0);
  #before: Int32Array = new Int32Array(0);

  /** Says whether nothing waits. */
  get empty(): boolean {
    return this.#first.size === 0;
  }

  /** The bucket in which a slot waits; NaN when it does not. */
  bucketOf(slot: number): number {
    return slot < this.#next.length && this.#next[slot] !== NOT_WAITING
      ? (this.#bucketOf[slot] as number)
      : NaN;
  }

  /** Lets a slot wait in a bucket, behind those that are there; it leaves the one that it was in. */
  put(slot: number, bucket: number): void {
    if (slot >= this.#next.length) this.#resize(Math.max(64, slot + 1, 2 * this.#next.length));
    else this.take(slot);
    const first = this.#first.get(bucket);
    this.#bucketOf[slot] = bucket;
    if (first === undefined) {
      this.#first.set(bucket, slot);
      this.#next[slot] = slot;
      this.#before[slot] = slot;
      return;
    }
    const last = this.#before[first] as number;
    this.#next[last] = slot;
    this.#before[slot] = last;
    this.#next[slot] = first;
    this.#before[first] = slot;
  }

  /** Takes a slot out, if it waits. */
  take(slot: number): void {
    const bucket = this.bucketOf(slot);
    if (Number.isNaN(bucket)) return;
    const next = this.#next[slot] as number;
    const before = this.#before[slot] as number;
    if (next === slot) this.#first.delete(bucket);
    else if (this.#first.get(bucket) === slot) this.#first.set(bucket, next);
    this.#next[before] = next;
    this.#before[next] = before;
    this.#next[slot] = NOT_WAITING;
  }

  /** Takes out the slots of buckets up to one, at most so many. */
  takeUpTo(bucket: number, most: number): number[] {
    const taken: number[] = [];
    for (const found of this.#first.keys()) {
      if (found > bucket) continue;
      for (;;) {
        const slot = this.#first.get(found);
        if (slot === undefined) break;
        if (taken.length === most) return taken;
        this.take(slot);
        taken.push(slot);
      }
    }
    return taken;
  }

  clear(): void {
    this.#first.clear();
    this.#next.fill(NOT_WAITING);
  }

  /** Follows a renumbering of the table's slots. */
  renumber(renumbered: Int32Array): void {
    const waiting = Array.from(this.#first.keys(), (bucket) => [bucket, this.#slotsIn(bucket)] as const);
    this.clear();
    for (const [bucket, slots] of waiting)
      for (const slot of slots) {
        const moved = renumbered[slot] as number;
        if (moved >= 0) this.put(moved, bucket);
      }
  }

  #slotsIn(bucket: number): number[] {
    const first = this.#first.get(bucket) as number;
    const slots = [first];
    for (let slot = this.#next[first] as number; slot !== first; slot = this.#next[slot] as number)
      slots.push(slot);
    return slots;
  }

  #resize(length: number): void {
    const [buckets, next, before] = [this.#bucketOf, this.#next, this.#before];
    this.#bucketOf = new Float64Array(length);
    this.#bucketOf.set(buckets);
    this.#next = new Int32Array(length).fill(NOT_WAITING);
    this.#next.set(next);
    this.#before = new Int32Array(length);
    this.#before.set(before);
  }
}
