import type { Environment, Timer } from '../../environment.ts';
import { isTablecastError } from '../../errors.ts';
import { stampToMs } from '../../log/operations/hybrid-clock.ts';
import type { TableState } from '../table-state.ts';
import { SlotQueue } from '../rows/slot-queue.ts';

/** Finest and coarsest step between looks at the clock, in milliseconds. */
const FINEST_STEP_MS = 10;
const COARSEST_STEP_MS = 1000;
/** Most rows expired in one go, so that the event loop stays free. */
const MAX_EXPIRED_AT_ONCE = 4096;
/** Says how long after a deadline another node than the author lets a row go. */
const GRACE_MS = 2000;

/** Decides who lets a row go. */
export interface ExpiryDuty {
  /** Returns whether this node wrote the row, in this life or an earlier one. */
  isAuthor(origin: number): boolean;
  /** Says what the machine's clock says, as far as it can be believed: in milliseconds since 1970. */
  now(): number;
}

/** The table is what lets a row go when it is told to. */
type ExpiringTable = TableState & { readonly local: { expire(slot: number): void } };

/**
 * Lets rows go when their time is over: the author's node at the deadline, any other node only a
 * grace later, in case the author is gone. Each row waits in at most one bucket, so memory is
 * bounded by rows, not by writes; a row written again meanwhile is put off when its bucket is due,
 * and one that comes to stand with an earlier deadline is moved to an earlier bucket at once.
 *
 * A lifetime counts from the author's time of the write, and from now at the latest: a time ahead of this
 * node's clock prolongs nothing. From then on it is measured by what no correction of the clock moves.
 */
export class Deadlines {
  readonly #projection: ExpiringTable;
  readonly #environment: Environment;
  readonly #duty: ExpiryDuty;
  readonly #lifetimeMs: number;
  readonly #stepMs: number;
  readonly #queue = new SlotQueue();
  /** Per slot that waits: from which time the lifetime of its row counts, and when it is over, as time elapses. */
  #from: Float64Array = new Float64Array(64);
  #due: Float64Array = new Float64Array(64);
  /** Is what both clocks said when they were read last, which is within a step while anything waits. */
  #wallMs = Infinity;
  #elapsedMs = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(projection: ExpiringTable, environment: Environment, duty: ExpiryDuty) {
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
    if (slot >= this.#due.length) this.#resize(Math.max(slot + 1, this.#due.length * 2));
    const from = this.#projection.rows.expiryBase(slot);
    const bucket = this.#queue.bucketOf(slot);
    if (from === this.#from[slot] && !Number.isNaN(bucket)) return;
    const due = this.#dueOf(stampToMs(from));
    this.#from[slot] = from;
    this.#due[slot] = due;
    if (!(bucket <= this.#bucketAt(due))) this.#enqueue(slot, due);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#queue.clear();
  }

  /** Follows a renumbering of the table's slots. */
  renumber(renumbered: Int32Array): void {
    this.#queue.renumber(renumbered);
    const [from, due] = [this.#from.slice(), this.#due.slice()];
    for (const [slot, moved] of renumbered.entries()) {
      if (moved < 0 || slot >= due.length) continue;
      this.#from[moved] = from[slot] as number;
      this.#due[moved] = due[slot] as number;
    }
  }

  #resize(length: number): void {
    const [from, due] = [this.#from, this.#due];
    this.#from = new Float64Array(length);
    this.#from.set(from);
    this.#due = new Float64Array(length);
    this.#due.set(due);
  }

  /** Says when a lifetime is over that began at a time of the author's clock. */
  #dueOf(fromMs: number): number {
    // Both clocks go on alike as long as nobody corrects one: within a step of the last reading they need not be read.
    if (fromMs > this.#wallMs || fromMs < this.#wallMs - this.#stepMs) this.#read();
    return this.#elapsedMs + Math.min(0, fromMs - this.#wallMs) + this.#lifetimeMs;
  }

  #read(): void {
    this.#wallMs = this.#duty.now();
    this.#elapsedMs = this.#environment.elapsed();
  }

  #bucketAt(dueMs: number): number {
    return Math.floor(dueMs / this.#stepMs) + 1;
  }

  #enqueue(slot: number, dueMs: number): void {
    this.#queue.put(slot, this.#bucketAt(dueMs));
    this.#timer ??= this.#environment.schedule(this.#stepMs, () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#stopped) return;
    this.#read();
    const now = this.#elapsedMs;
    const due = this.#queue.takeUpTo(Math.floor(now / this.#stepMs), MAX_EXPIRED_AT_ONCE);
    for (const slot of due) this.#consider(slot, now);
    const delay = due.length === MAX_EXPIRED_AT_ONCE ? 1 : this.#stepMs;
    if (!this.#queue.empty) this.#timer ??= this.#environment.schedule(delay, () => this.#look());
    // Nobody looks any more: what was read is good no longer.
    else this.#wallMs = Infinity;
  }

  #consider(slot: number, now: number): void {
    const { rows } = this.#projection;
    if (!rows.has(slot)) return;
    const due = this.#due[slot] as number;
    const mine = this.#duty.isAuthor(rows.origin(slot));
    const allowed = mine ? due : due + GRACE_MS * (1 + this.#environment.random());
    const over = now >= due && (mine || now >= due + GRACE_MS);
    if (over && this.#expire(slot)) return;
    this.#enqueue(slot, over ? now : allowed);
  }

  /** False while the backend takes no writes; then the row is looked at again. */
  #expire(slot: number): boolean {
    try {
      this.#projection.local.expire(slot);
      return true;
    } catch (error) {
      // Nobody called this, so nobody could catch it.
      if (isTablecastError(error)) return false;
      throw error;
    }
  }
}
