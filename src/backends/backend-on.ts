import type { TablecastError } from '../errors.ts';
import type { Backend, Checkpoint, Commit, Recovery, Segment } from '../log/backend.ts';
import { CommitRules, notOpen } from './commit-rules.ts';

/**
 * A disk is where the bytes of a backend go: the part that differs from one durable place to another.
 * {@link backendOn} makes a backend of it. Calls come one after the other, after `open` has resolved and before `close`, and never overlap.
 */
export interface Disk {
  /** Names it in errors and events. */
  readonly name: string;
  /** Finds what is there, or creates it. */
  open(): Promise<Recovery>;
  /**
   * Makes a commit durable, all of it or nothing; its positions ascend and follow the last ones. After a rejection
   * it is written to no more; reads go on.
   */
  write(commit: Commit): Promise<void>;
  /** Does what {@link Backend.read} does. */
  read(after: number, maxBytes: number): Promise<readonly Segment[]>;
  /** Does what {@link Backend.writeCheckpoint} does; its position does not lie ahead of what was written. */
  writeCheckpoint(checkpoint: Checkpoint): Promise<void>;
  /** Does what {@link Backend.trim} does. Facts stay, and so does the last position when nothing else is left. */
  trim(position: number): Promise<number>;
  /** Does what {@link Backend.positionKeeping} does. */
  positionKeeping(bytes: number): Promise<number>;
  /** Makes the next `open` find that it was closed. Called once, and not after a `write` that was rejected. */
  close(): Promise<void>;
}

/**
 * Makes a durable backend on a disk of your own. It keeps what the port asks of every backend: the order of calls,
 * refusals before anything is written, one write for all commits that wait (group commit), nothing after the end.
 */
export function backendOn(disk: Disk): Backend {
  return new DiskBackend(disk);
}

class DiskBackend implements Backend {
  readonly name: string;
  readonly durable = true;
  readonly #disk: Disk;
  #state: 'new' | 'open' | 'closed' = 'new';
  #rules = new CommitRules(0, []);
  #written = 0;
  #waiting: Commit[] = [];
  #failure: { readonly error: unknown } | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #recovery: Promise<Recovery> | undefined;
  #closing: Promise<void> | undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
    this.name = disk.name;
  }

  open(): Promise<Recovery> {
    if (this.#state === 'closed') return Promise.reject(this.#notOpen());
    this.#recovery ??= this.#recover();
    return this.#recovery;
  }

  async #recover(): Promise<Recovery> {
    const recovery = await this.#inTurn(() => this.#disk.open());
    if (this.#state === 'closed') throw this.#notOpen();
    this.#rules = new CommitRules(recovery.lastPosition, recovery.facts.keys());
    this.#written = recovery.lastPosition;
    this.#state = 'open';
    return recovery;
  }

  async commit(commit: Commit): Promise<void> {
    this.#requireOpen();
    this.#rules.accept(commit);
    this.#waiting.push(commit);
    await this.#inTurn(() => this.#writeWaiting());
  }

  /** Makes one commit of all that wait: a thousand at once are made durable as one. */
  async #writeWaiting(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const group = this.#waiting.splice(0);
    if (group.length === 0) return;
    const segments = group.flatMap((commit) => commit.segments);
    const facts = new Map(group.flatMap((commit) => [...(commit.facts ?? [])]));
    try {
      await this.#disk.write({ segments, facts });
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
    const last = segments.at(-1);
    if (last !== undefined) this.#written = last.position + last.span - 1;
  }

  async read(after: number, maxBytes: number): Promise<readonly Segment[]> {
    this.#requireOpen();
    return this.#inTurn(() => this.#disk.read(after, maxBytes));
  }

  async writeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    this.#requireOpen();
    await this.#inTurn(async () => {
      new CommitRules(this.#written, []).checkCheckpoint(checkpoint);
      await this.#disk.writeCheckpoint(checkpoint);
    });
  }

  async trim(position: number): Promise<number> {
    this.#requireOpen();
    return this.#inTurn(() => this.#disk.trim(position));
  }

  async seal(): Promise<boolean> {
    this.#requireOpen();
    return false;
  }

  async positionKeeping(bytes: number): Promise<number> {
    this.#requireOpen();
    return this.#inTurn(() => this.#disk.positionKeeping(bytes));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const isOpen = this.#recovery !== undefined;
    this.#state = 'closed';
    await this.#turn;
    if (isOpen && this.#failure === undefined) await this.#disk.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #requireOpen(): void {
    if (this.#state !== 'open') throw this.#notOpen();
  }

  #notOpen(): TablecastError {
    return notOpen(this.name);
  }
}
