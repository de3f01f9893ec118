import { type TablecastError, isTablecastError } from '../errors.ts';
import type { Backend, Checkpoint, Commit, Recovery, Segment } from '../log/backend.ts';
import { CommitRules, notOpen } from './commit-rules.ts';

/**
 * A disk is where the bytes of a backend go: the part that differs from one durable place to another.
 * {@link backendOn} makes a backend of it. Calls come one after the other and never overlap: `open` first, and
 * once it has resolved all others, `close` last. After an `open` that rejects there is no further call.
 */
export interface Disk {
  /** Names it in errors and events. */
  readonly name: string;
  /** Finds what is there, or creates it. When it rejects it holds nothing any more: no file, no lock. */
  open(): Promise<Recovery>;
  /**
   * Makes a commit durable, all of it or nothing; its positions ascend and follow the last ones. Rejects with a
   * retryable `TablecastError`, such as `BACKEND_FULL`, when nothing of the commit is there and it may be tried
   * again. After any other rejection nothing is written any more, checkpoints and trims included; reads go on.
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
  /**
   * Releases what it holds. When `clean` the next `open` finds that it was closed; otherwise that it was not, because
   * a write had failed, or because it was not closed before either and nothing was written since. Called once.
   */
  close(clean: boolean): Promise<void>;
}

/** A commit that waits for its turn, and who waits for it. */
interface WaitingCommit {
  readonly commit: Commit;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
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
  #waiting: WaitingCommit[] = [];
  #scheduled = false;
  #failure: { readonly error: unknown } | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #recovery: Promise<Recovery> | undefined;
  /** Says whether the disk may be marked as closed; undefined while it is not open. */
  #isClean: boolean | undefined;
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
    // Who opens it next must hear of an unclean stop as long as nobody has drawn conclusions from it.
    this.#isClean = recovery.closedCleanly;
    if (this.#state === 'closed') throw this.#notOpen();
    this.#rules = new CommitRules(recovery.lastPosition, recovery.facts.keys());
    this.#written = recovery.lastPosition;
    this.#state = 'open';
    return recovery;
  }

  async commit(commit: Commit): Promise<void> {
    this.#requireWritable();
    this.#rules.accept(commit);
    const done = new Promise<void>((resolve, reject) => this.#waiting.push({ commit, resolve, reject }));
    if (!this.#scheduled) void this.#inTurn(() => this.#writeWaiting());
    this.#scheduled = true;
    await done;
  }

  /** Makes one commit of all that wait: a thousand at once are made durable as one. */
  async #writeWaiting(): Promise<void> {
    this.#scheduled = false;
    const group = this.#waiting.splice(0);
    if (group.length === 0) return;
    try {
      await this.#write(group.map(({ commit }) => commit));
      this.#rules.settle(group.length);
      for (const { resolve } of group) resolve();
    } catch (error) {
      this.#refuse([...group, ...this.#waiting.splice(0)], error);
    }
  }

  async #write(commits: readonly Commit[]): Promise<void> {
    const segments = commits.flatMap((commit) => commit.segments);
    const facts = new Map(commits.flatMap((commit) => [...(commit.facts ?? [])]));
    await this.#disk.write({ segments, facts });
    const last = segments.at(-1);
    if (last !== undefined) this.#written = last.position + last.span - 1;
    this.#isClean = true;
  }

  /** Refuses commits, also those called after the one that failed: they must not be written before it. */
  #refuse(commits: readonly WaitingCommit[], error: unknown): void {
    if (isTablecastError(error) && error.retryable) this.#rules.rewind(this.#written);
    else this.#failure = { error };
    for (const { reject } of commits) reject(error);
  }

  async read(after: number, maxBytes: number): Promise<readonly Segment[]> {
    this.#requireOpen();
    return this.#inTurn(() => this.#disk.read(after, maxBytes));
  }

  async writeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    await this.#inTurnToWrite(async () => {
      new CommitRules(this.#written, []).checkCheckpoint(checkpoint);
      await this.#disk.writeCheckpoint(checkpoint);
    });
  }

  async trim(position: number): Promise<number> {
    return this.#inTurnToWrite(() => this.#disk.trim(position));
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
    this.#state = 'closed';
    await this.#turn;
    if (this.#isClean !== undefined) await this.#disk.close(this.#isClean && this.#failure === undefined);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** As {@link #inTurn}; rejects with what a write failed for once nothing may be written any more. */
  async #inTurnToWrite<T>(work: () => Promise<T>): Promise<T> {
    this.#requireWritable();
    return this.#inTurn(async () => {
      this.#requireNoFailure();
      return work();
    });
  }

  #requireOpen(): void {
    if (this.#state !== 'open') throw this.#notOpen();
  }

  #requireWritable(): void {
    this.#requireOpen();
    this.#requireNoFailure();
  }

  #requireNoFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #notOpen(): TablecastError {
    return notOpen(this.name);
  }
}
