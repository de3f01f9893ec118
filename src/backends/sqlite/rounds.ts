import type { TablecastError } from '../../errors.ts';
import { type Failure, toFailure } from '../../errors.ts';
import { asTablecastError } from './failure.ts';
import type { Answer, AnsweredRequest, Reply, Request, SealRequest, StoreOptions } from './messages.ts';
import { openStore } from './open-store.ts';
import type { CommitsRequest } from './packed-commits.ts';
import { packBlock } from './sealed-block.ts';
import type { Store } from './store.ts';

/** Bounds what one transaction takes; a single request may be larger. */
const MAX_GROUP_REQUESTS = 1024;
const MAX_GROUP_BYTES = 16 * 1024 * 1024;

/**
 * The writing side: takes what is waiting, as one transaction where it is commits, and answers. The
 * same code runs in the worker and, with `inline`, in the calling thread.
 */
export class Rounds {
  readonly #file: string;
  /** At `interval` syncs are timed, and done beside the commits. */
  readonly #timed: boolean;
  readonly #reply: (reply: Reply) => void;
  #store: Store | undefined;
  #queue: Request[] = [];
  #rejectedGeneration = -1;
  #failure: Failure | undefined;
  #sealing = 0;

  constructor(options: StoreOptions, reply: (reply: Reply) => void) {
    this.#file = options.file;
    this.#timed = options.durability === 'interval';
    this.#reply = reply;
    try {
      const opened = openStore(options, (error) => this.#poison(error));
      this.#store = opened.store;
      reply({ kind: 'opened', recovery: opened.recovery, generation: opened.generation });
    } catch (error) {
      reply({ kind: 'refused', failure: this.#toFailure(error, 'open') });
    }
  }

  push(request: Request): void {
    this.#queue.push(request);
  }

  /** Says whether there is nothing to do before the next request, neither now nor at some later time. */
  get idle(): boolean {
    return !this.#timed && this.#sealing === 0 && this.#queue.length === 0 && this.#store !== undefined;
  }

  /** One transaction's worth of what is waiting; true when something is left. */
  run(): boolean {
    const request = this.#queue[0];
    if (request === undefined || this.#store === undefined) return false;
    if (request.kind === 'commits') {
      this.#commit(this.#takeGroup(), this.#store);
    } else {
      this.#queue.shift();
      if (request.kind === 'close') this.#close(this.#store);
      else this.#answer(request, this.#store);
    }
    return this.#queue.length > 0;
  }

  #takeGroup(): CommitsRequest[] {
    const [only] = this.#queue;
    if (this.#queue.length === 1 && only?.kind === 'commits') {
      this.#queue.pop();
      return only.generation > this.#rejectedGeneration ? [only] : [];
    }
    const group: CommitsRequest[] = [];
    let bytes = 0;
    let taken = 0;
    for (const request of this.#queue) {
      if (request.kind !== 'commits' || group.length === MAX_GROUP_REQUESTS) break;
      bytes += request.bytes.length;
      if (bytes > MAX_GROUP_BYTES && group.length > 0) break;
      taken += 1;
      if (request.generation > this.#rejectedGeneration) group.push(request);
    }
    this.#queue.splice(0, taken);
    return group;
  }

  #commit(group: readonly CommitsRequest[], store: Store): void {
    const [first] = group;
    if (first === undefined) return;
    let failure = this.#failure;
    if (failure === undefined) {
      try {
        store.commit(group);
        this.#reply({
          kind: 'committed',
          count: group.reduce((sum, request) => sum + request.count, 0),
        });
        this.#tidy(store);
        return;
      } catch (error) {
        failure = this.#toFailure(error, 'commit to');
      }
    }
    if (isFinal(failure)) this.#failure = failure;
    this.#rejectedGeneration = first.generation;
    this.#reply({ kind: 'rejected', generation: first.generation, failure });
  }

  #answer(request: AnsweredRequest, store: Store): void {
    if (this.#failure !== undefined) {
      this.#reply({ kind: 'failed', id: request.id, failure: this.#failure });
      return;
    }
    if (request.kind === 'seal') return void this.#seal(request, store);
    try {
      const answer = perform(request, store);
      this.#reply({ kind: 'answered', id: request.id, answer });
      this.#tidy(store);
    } catch (error) {
      this.#answerFailed(request.id, error);
    }
  }

  #answerFailed(id: number, error: unknown): void {
    const failure = this.#toFailure(error, 'write to');
    if (isFinal(failure)) this.#failure = failure;
    this.#reply({ kind: 'failed', id, failure });
  }

  /** Compresses beside the commits, which go on; what is sealed is the oldest, and they add at the other end. */
  async #seal({ id, position }: SealRequest, store: Store): Promise<void> {
    this.#sealing++;
    try {
      const segments = store.gather(position);
      if (segments !== undefined) {
        const block = await packBlock(segments);
        if (this.#failure !== undefined) return this.#reply({ kind: 'failed', id, failure: this.#failure });
        store.replaceBySealed(block, segments.length);
        this.#tidy(store);
      }
      this.#reply({ kind: 'answered', id, answer: { more: segments !== undefined } });
    } catch (error) {
      this.#answerFailed(id, error);
    } finally {
      this.#sealing--;
    }
  }

  #close(store: Store): void {
    this.#store = undefined;
    let failure = this.#failure;
    try {
      store.close(failure !== undefined);
    } catch (error) {
      failure ??= this.#toFailure(error, 'close');
    }
    this.#reply({ kind: 'closed', failure });
  }

  /** Tidies up. What fails here was answered already, so it concerns the store and no request. */
  #tidy(store: Store): void {
    try {
      store.tidy();
    } catch (error) {
      this.#poison(asTablecastError(error, { file: this.#file, action: 'checkpoint' }));
    }
  }

  #poison(error: TablecastError): void {
    this.#failure = toFailure(error);
    this.#reply({ kind: 'failed', id: undefined, failure: this.#failure });
  }

  #toFailure(error: unknown, action: string): Failure {
    return toFailure(asTablecastError(error, { file: this.#file, action }));
  }
}

/** Returns whether the store must not be written to any more. */
function isFinal(failure: Failure): boolean {
  return !failure.retryable && failure.code !== 'OPERATION_INVALID';
}

function perform(request: Exclude<AnsweredRequest, SealRequest>, store: Store): Answer {
  switch (request.kind) {
    case 'chunks':
      store.writeChunks(request);
      return { more: false };
    case 'publish':
      store.publish(request);
      return { more: false };
    case 'trim':
      return { more: store.trim(request.position), position: store.trimmedTo };
    case 'sweep':
      return { more: store.sweep(request.position) };
    case 'measure':
      return { more: false, position: store.positionKeeping(request.bytes) };
  }
}
