import { type Failure, fromFailure, toFailure, TablecastError } from '../../errors.ts';
import type { Checkpoint, Commit, Recovery } from '../../log/backend.ts';
import { CommitRules, notOpen } from '../commit-rules.ts';
import type { Answer, AnsweredRequest, Reply } from './messages.ts';
import { PendingCommits, sizeOfCommit } from './pending-commits.ts';
import type { WriterEvents, WriterHost } from './writer-host.ts';

/** Gathered commits are sent at the end of the turn, or at once from this size. */
const FLUSH_BYTES = 1024 * 1024;

/** For microtasks: Node's queueMicrotask puts an object for tracing around each. */
const settled: Promise<void> = Promise.resolve();

/** Chunks of a checkpoint written in one transaction. */
const CHUNKS_BYTES = 1024 * 1024;

interface Waiter<Value> {
  readonly resolve: (value: Value) => void;
  readonly reject: (error: TablecastError) => void;
}

type WithoutId<Kind> = Kind extends AnsweredRequest ? Omit<Kind, 'id'> : never;

/** The options are what a {@link Writer} has to know beside its host. */
export interface WriterOptions {
  /** For messages. */
  readonly file: string;
  readonly maxQueuedBytes: number;
}

/** The calling side of the writing side: accepts, bounds, sends on, and settles promises in order. */
export class Writer {
  readonly #startHost: (events: WriterEvents) => WriterHost;
  readonly #options: WriterOptions;
  readonly #pending = new PendingCommits();
  readonly #answers = new Map<number, Waiter<Answer>>();
  #host: WriterHost | undefined;
  #rules = new CommitRules(0, []);
  #confirmed = 0;
  #outbox: Commit[] = [];
  #outboxBytes = 0;
  #flushScheduled = false;
  #generation = 0;
  #checkpointGeneration = 0;
  #lastId = 0;
  #refusing = false;
  /** Is what the host was told last; it keeps the process alive while the file is opened. */
  #held = true;
  #closing = false;
  #failure: Failure | undefined;
  #opening: Waiter<Recovery> | undefined;
  #background: Promise<void> = Promise.resolve();
  readonly #ended: Promise<void>;
  #resolveEnded: () => void = () => undefined;

  constructor(startHost: (events: WriterEvents) => WriterHost, options: WriterOptions) {
    this.#startHost = startHost;
    this.#options = options;
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  open(): Promise<Recovery> {
    return new Promise((resolve, reject) => {
      this.#opening = { resolve, reject };
      this.#host = this.#startHost({
        reply: (reply) => this.#onReply(reply),
        ended: (error) => this.#onEnded(error),
      });
    });
  }

  /** As `Backend.commit`; accepts or throws before it returns. */
  commit(commit: Commit): Promise<void> {
    if (this.#failure !== undefined) throw fromFailure(this.#failure);
    const size = sizeOfCommit(commit);
    this.#requireRoom(size);
    const last = this.#rules.accept(commit);
    const committed = this.#pending.add(size, last);
    this.#outbox.push(commit);
    this.#outboxBytes += size;
    this.#hold();
    if (this.#outboxBytes >= FLUSH_BYTES) this.#flush();
    else this.#scheduleFlush();
    return committed;
  }

  /** As `Backend.writeCheckpoint`. */
  writeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    this.#rules.checkCheckpoint(checkpoint);
    return this.#inBackground(() => this.#checkpoint(checkpoint));
  }

  /** As `Backend.trim`. */
  trim(position: number): Promise<number> {
    return this.#inBackground(() => this.#slices({ kind: 'trim', position }));
  }

  /** As `Backend.seal`. */
  seal(position: number): Promise<boolean> {
    return this.#inBackground(async () => (await this.#ask({ kind: 'seal', position })).more);
  }

  /** As `Backend.positionKeeping`. */
  positionKeeping(bytes: number): Promise<number> {
    return this.#inBackground(async () => (await this.#ask({ kind: 'measure', bytes })).position ?? 0);
  }

  /** Waits for everything accepted, then for the host. Rejects if the store had failed or could not be closed. */
  async close(): Promise<void> {
    const host = this.#host;
    if (host === undefined) return;
    await this.#background;
    this.#flush();
    this.#closing = true;
    this.#hold();
    host.post({ kind: 'close' });
    await this.#ended;
    if (this.#failure !== undefined && this.#failure.code !== 'CLOSED') throw fromFailure(this.#failure);
  }

  #requireRoom(size: number): void {
    const { maxQueuedBytes, file } = this.#options;
    if (this.#refusing && this.#pending.bytes <= maxQueuedBytes / 2) this.#refusing = false;
    if (!this.#refusing && this.#pending.bytes + size <= maxQueuedBytes) return;
    const fits = size <= maxQueuedBytes;
    // From here on everything is refused until the queue is half empty, so that a smaller commit does not overtake.
    this.#refusing ||= fits;
    throw new TablecastError(
      'LIMIT_EXCEEDED',
      `a commit of ${size} bytes does not fit: ${this.#pending.bytes} of ${maxQueuedBytes} bytes wait for ${file}`,
      {
        hint: fits
          ? 'Wait for earlier commits, then repeat this one and those after it in the same order.'
          : 'Commit less at once, or raise maxQueuedBytes.',
        details: { limit: maxQueuedBytes, file, size, queuedBytes: this.#pending.bytes, maxQueuedBytes },
        retryable: fits,
      },
    );
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    void settled.then(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false;
    if (this.#outbox.length === 0) return;
    const commits = this.#outbox;
    const alone = this.#pending.size === commits.length && this.#answers.size === 0;
    this.#outbox = [];
    this.#outboxBytes = 0;
    this.#host?.commit(commits, this.#generation, alone);
  };

  #inBackground<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#background.then(work);
    this.#background = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  async #checkpoint(checkpoint: Checkpoint): Promise<void> {
    const { table, position, chunks } = checkpoint;
    this.#checkpointGeneration += 1;
    const generation = this.#checkpointGeneration;
    let first = 0;
    while (first < chunks.length) {
      const group: Uint8Array<ArrayBuffer>[] = [];
      for (let bytes = 0; first + group.length < chunks.length && bytes < CHUNKS_BYTES;) {
        const chunk = new Uint8Array(chunks[first + group.length] as Uint8Array);
        group.push(chunk);
        bytes += chunk.length;
      }
      const transfer = group.map((chunk) => chunk.buffer);
      await this.#ask({ kind: 'chunks', generation, first, chunks: group }, transfer);
      first += group.length;
    }
    await this.#ask({ kind: 'publish', table, position, generation, chunks: chunks.length });
    await this.#slices({ kind: 'sweep', position: generation });
  }

  async #slices(request: { readonly kind: 'trim' | 'sweep'; readonly position: number }): Promise<number> {
    for (;;) {
      const { more, position = 0 } = await this.#ask(request);
      if (!more) return position;
    }
  }

  #ask(request: WithoutId<AnsweredRequest>, transfer: readonly ArrayBuffer[] = []): Promise<Answer> {
    if (this.#failure !== undefined) return Promise.reject(fromFailure(this.#failure));
    // Commits called before this request must stay before it.
    this.#flush();
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#answers.set(id, { resolve, reject });
      this.#hold();
      this.#host?.post({ ...request, id }, transfer);
    });
  }

  #onReply(reply: Reply): void {
    switch (reply.kind) {
      case 'opened':
        this.#confirmed = reply.recovery.lastPosition;
        this.#rules = new CommitRules(this.#confirmed, reply.recovery.facts.keys());
        this.#checkpointGeneration = reply.generation;
        this.#opening?.resolve(reply.recovery);
        break;
      case 'refused':
        this.#opening?.reject(fromFailure(reply.failure));
        break;
      case 'committed':
        this.#rules.settle(reply.count);
        this.#confirmed = Math.max(this.#confirmed, this.#pending.resolve(reply.count));
        break;
      case 'rejected':
        this.#onRejected(reply.generation, reply.failure);
        break;
      case 'answered':
        this.#take(reply.id)?.resolve(reply.answer);
        break;
      case 'failed':
        this.#take(reply.id)?.reject(fromFailure(reply.failure));
        if (reply.id === undefined) this.#fail(reply.failure);
        break;
      case 'closed':
        if (reply.failure !== undefined) this.#fail(reply.failure);
        break;
    }
    this.#hold();
  }

  #onRejected(generation: number, failure: Failure): void {
    if (generation !== this.#generation) return;
    if (!failure.retryable) this.#failure = failure;
    this.#generation += 1;
    this.#outbox = [];
    this.#outboxBytes = 0;
    this.#rules.rewind(this.#confirmed);
    this.#pending.rejectAll(() => fromFailure(failure));
  }

  #take(id: number | undefined): Waiter<Answer> | undefined {
    if (id === undefined) return undefined;
    const waiter = this.#answers.get(id);
    this.#answers.delete(id);
    return waiter;
  }

  #fail(failure: Failure): void {
    this.#failure ??= failure;
    this.#onRejected(this.#generation, failure);
    for (const waiter of this.#answers.values()) waiter.reject(fromFailure(failure));
    this.#answers.clear();
  }

  #onEnded(error: Error | undefined): void {
    const { file } = this.#options;
    const reason = error === undefined ? 'it ended' : error.message;
    if (this.#pending.size > 0 || this.#answers.size > 0 || error !== undefined) {
      const lost = new TablecastError('BACKEND_FAILED', `the writing thread of ${file} is gone: ${reason}`, {
        hint: 'Open the backend again; what was not acknowledged may be missing.',
        details: { file },
        cause: error,
      });
      this.#opening?.reject(lost);
      this.#fail(toFailure(lost));
    }
    this.#failure ??= toFailure(notOpen('sqlite'));
    this.#resolveEnded();
  }

  #hold(): void {
    const outstanding = this.#closing || this.#pending.size > 0 || this.#answers.size > 0;
    if (outstanding === this.#held) return;
    this.#held = outstanding;
    this.#host?.hold(outstanding);
  }
}
