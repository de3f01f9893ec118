import type { Commit } from '../../log/backend.ts';
import { type CommitsRequest, fromMessage, packedBytes, packInto } from './packed-commits.ts';

/** Larger commits travel as messages. */
const MAILBOX_BYTES = 64 * 1024;

const RINGS = 0;
const ASLEEP = 1;
const FILLED = 2;
const HEAD_BYTES = 16;

/** Makes the memory of a {@link Mailbox}. */
export function mailboxMemory(): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(HEAD_BYTES + MAILBOX_BYTES);
  // The writing thread begins in its event loop.
  new Int32Array(shared)[ASLEEP] = 1;
  return shared;
}

/**
 * Memory that two threads share: a bell for every request, and room for one request of commits.
 *
 * Ringing wakes the writing thread where it waits for it; asleep in its event loop, only a message does. Rings are
 * counted, so that one between a look and the waiting is not missed; and the thread says that it is asleep before it
 * looks for the last time, so that either it sees what was put in or the other side sees that a message is needed.
 */
export class Mailbox {
  readonly #words: Int32Array;
  readonly #content: Uint8Array<SharedArrayBuffer>;

  /** Both threads make one of the same memory. */
  constructor(shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared, 0, HEAD_BYTES / Int32Array.BYTES_PER_ELEMENT);
    this.#content = new Uint8Array(shared, HEAD_BYTES);
  }

  // The calling side --------------------------------------------------------------------------------

  /**
   * Puts commits without facts in, if they fit and the writing thread is not asleep. Only
   * when every request before was answered: what is in here comes before all that is sent after it.
   */
  put(commits: readonly Commit[], generation: number): boolean {
    if (Atomics.load(this.#words, ASLEEP) === 1) return false;
    const size = packedBytes(commits);
    if (size > MAILBOX_BYTES) return false;
    packInto(this.#content.subarray(0, size), commits, generation);
    Atomics.store(this.#words, FILLED, size);
    return true;
  }

  /** To be called after a request was put in or sent; whether it takes a message to make the other side look. */
  ring(): boolean {
    Atomics.add(this.#words, RINGS, 1);
    Atomics.notify(this.#words, RINGS);
    return Atomics.load(this.#words, ASLEEP) === 1;
  }

  // The writing side --------------------------------------------------------------------------------

  /** Returns a copy of what was put in. */
  take(): CommitsRequest | undefined {
    const size = Atomics.exchange(this.#words, FILLED, 0);
    return size === 0 ? undefined : fromMessage(new Uint8Array(this.#content.subarray(0, size)));
  }

  /** Counts how often it was rung; to be asked before looking for requests. */
  get rings(): number {
    return Atomics.load(this.#words, RINGS);
  }

  /** Blocks the thread until it was rung more than `heard` times, or so long; false when nobody rang. */
  wait(heard: number, timeoutMs: number): boolean {
    return Atomics.wait(this.#words, RINGS, heard, timeoutMs) !== 'timed-out';
  }

  /** From now on the thread looks by itself. */
  wake(): void {
    Atomics.store(this.#words, ASLEEP, 0);
  }

  /** From now on a message is needed, unless it was rung more than `heard` times: then false. */
  sleep(heard: number): boolean {
    Atomics.store(this.#words, ASLEEP, 1);
    if (this.rings === heard) return true;
    Atomics.store(this.#words, ASLEEP, 0);
    return false;
  }
}
