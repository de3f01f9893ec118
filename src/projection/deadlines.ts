import type { Environment, Timer } from '../environment.ts';
import { isTablecastError } from '../errors.ts';
import { stampToMs } from '../log/hybrid-clock.ts';
import type { Projection } from './projection.ts';

/** Finest and coarsest step between looks at the clock, in milliseconds. */
const FINEST_STEP_MS = 10;
const COARSEST_STEP_MS = 1000;
/** Most rows expired in one go, so that the event loop stays free. */
const MAX_EXPIRED_AT_ONCE = 4096;
/** How long after a deadline another node than the author lets a row go. */
const GRACE_MS = 2000;

/** Decides who lets a row go. */
export interface ExpiryDuty {
  /** Whether this node wrote the row, in this life or an earlier one. */
  isAuthor(origin: number): boolean;
}

/**
 * Lets rows go when their time is over: the author's node at the deadline, any other node only a
 * grace later, in case the author is gone. Each row waits in at most one bucket, so memory is
 * bounded by rows, not by writes; a row written again meanwhile is put off when its bucket is due.
 */
export class Deadlines {
  readonly #projection: Projection;
  readonly #environment: Environment;
  readonly #duty: ExpiryDuty;
  readonly #lifetimeMs: number;
  readonly #stepMs: number;
  readonly #buckets = new Map<number, number[]>();
  #queued = new Uint8Array(64);
  #timer: Timer | undefined;
  #stopped = false;

  constructor(projection: Projection, environment: Environment, duty: ExpiryDuty) {
    const { expiry } = projection.schema;
    this.#projection = projection;
    this.#environment = environment;
    this.#duty = duty;
    this.#lifetimeMs = expiry?.milliseconds ?? Infinity;
    this.#stepMs = Math.min(COARSEST_STEP_MS, Math.max(FINEST_STEP_MS, Math.floor(this.#lifetimeMs / 20)));
  }

  /** Makes sure that a slot is looked at when its row is due. */
  note(slot: number): void {
    if (this.#stopped) return;
    if (slot >= this.#queued.length) {
      const larger = new Uint8Array(Math.max(slot + 1, this.#queued.length * 2));
      larger.set(this.#queued);
      this.#queued = larger;
    }
    if (this.#queued[slot] === 1) return;
    this.#queued[slot] = 1;
    this.#enqueue(slot, this.#dueAt(slot));
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#buckets.clear();
  }

  /** Follows a renumbering of the table's slots. */
  renumber(renumbered: Int32Array): void {
    const queued = new Uint8Array(this.#queued.length);
    for (const [bucket, slots] of this.#buckets) {
      const moved = slots.map((slot) => renumbered[slot] as number).filter((slot) => slot >= 0);
      for (const slot of moved) queued[slot] = 1;
      this.#buckets.set(bucket, moved);
    }
    this.#queued = queued;
  }

  #dueAt(slot: number): number {
    return stampToMs(this.#projection.rows.expiryBase(slot)) + this.#lifetimeMs;
  }

  #enqueue(slot: number, dueMs: number): void {
    const bucket = Math.floor(dueMs / this.#stepMs) + 1;
    const slots = this.#buckets.get(bucket);
    if (slots === undefined) this.#buckets.set(bucket, [slot]);
    else slots.push(slot);
    this.#timer ??= this.#environment.schedule(this.#stepMs, () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#stopped) return;
    const now = this.#environment.now();
    const current = Math.floor(now / this.#stepMs);
    let budget = MAX_EXPIRED_AT_ONCE;
    for (const [bucket, slots] of this.#buckets) {
      if (bucket > current) continue;
      const due = slots.splice(0, budget);
      if (slots.length === 0) this.#buckets.delete(bucket);
      budget -= due.length;
      for (const slot of due) this.#consider(slot, now);
      if (budget === 0) break;
    }
    const delay = budget === 0 ? 1 : this.#stepMs;
    if (this.#buckets.size > 0) this.#timer ??= this.#environment.schedule(delay, () => this.#look());
  }

  #consider(slot: number, now: number): void {
    const { rows } = this.#projection;
    this.#queued[slot] = 0;
    if (!rows.has(slot)) return;
    const due = this.#dueAt(slot);
    const mine = this.#duty.isAuthor(rows.origin(slot));
    const allowed = mine ? due : due + GRACE_MS * (1 + this.#environment.random());
    const over = now >= due && (mine || now >= due + GRACE_MS);
    if (over && this.#expire(slot)) return;
    this.#queued[slot] = 1;
    this.#enqueue(slot, over ? now : allowed);
  }

  /** False while the backend takes no writes; then the row is looked at again. */
  #expire(slot: number): boolean {
    try {
      this.#projection.expire(slot);
      return true;
    } catch (error) {
      // Nobody called this, so nobody could catch it.
      if (isTablecastError(error)) return false;
      throw error;
    }
  }
}
