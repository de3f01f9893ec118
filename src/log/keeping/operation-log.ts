import type { Environment } from '../../environment.ts';
import type { BackendName } from '../../schema/schema.ts';
import { type JournalParts, OpenSegment, type SealedPart } from './journal.ts';
import { type Stretch, encodeSegment } from '../runs/segment.ts';
import type { LoggedSegment, RunReference, SegmentStore } from './segment-store.ts';

/** For microtasks: Node's queueMicrotask puts an object for tracing around each. */
const settled: Promise<void> = Promise.resolve();

/** Keeps back what subscribers are told. */
export interface Telling {
  /** Does something of which nobody is told before all of it is done. */
  holding<T>(act: () => T): T;
}

/** Runs of others that take their place in this node's log together. */
export interface ReceivedRuns {
  readonly store: BackendName;
  readonly runs: readonly RunReference[];
  /** Counts how many operations of each run were new here; the others, its first, were held before. */
  readonly applied: readonly number[];
}

/**
 * One node's append-only log: gives positions, seals what was written into segments and hands them
 * to the store of their backend. Flushing is adaptive: the first write after a pause leaves at the
 * end of the current task, a burst is gathered until the event loop comes round.
 */
export class OperationLog implements JournalParts {
  readonly journal: OpenSegment = new OpenSegment(this);
  readonly stores: ReadonlyMap<BackendName, SegmentStore>;
  readonly #environment: Environment;
  readonly #telling: Telling;
  readonly #watching = new Set<() => void>();
  #resting = true;
  #inBatch = false;
  #ended = false;

  constructor(environment: Environment, stores: ReadonlyMap<BackendName, SegmentStore>, telling: Telling) {
    this.#environment = environment;
    this.#telling = telling;
    this.stores = stores;
  }

  /** Returns the last position given out. */
  get position(): number {
    return this.journal.position;
  }

  /** Goes on after what the stores hold. */
  startAt(position: number): void {
    this.journal.position = position;
  }

  /** Says whether nothing is appended or read any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Calls a function whenever something was appended, and at the end, until what it gives back is called. */
  watch(listener: () => void): () => void {
    this.#watching.add(listener);
    return () => this.#watching.delete(listener);
  }

  /** Tells those who watch that nothing more comes. */
  end(): void {
    this.#ended = true;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#watching) listener();
  }

  get storeNames(): Iterable<BackendName> {
    return this.stores.keys();
  }

  admit(name: BackendName): void {
    this.#store(name).admit();
  }

  /** Throws `LIMIT_EXCEEDED` when so much waits for a store's disk that nothing more may be taken from peers. */
  requireRoom(name: BackendName): void {
    this.#store(name).requireRoom();
  }

  opened(): void {
    if (this.#inBatch) return;
    if (this.#resting) void settled.then(this.#sealUnlessInBatch);
    else this.#environment.defer(this.#sealUnlessInBatch);
  }

  filled(): void {
    this.seal();
  }

  readonly #sealUnlessInBatch = (): void => {
    if (!this.#inBatch) this.seal();
  };

  /**
   * Closes the open segment and hands it on; what follows begins a new one. Inside a batch it does nothing.
   * Subscribers may be told of what closing a run did to its document, and may write: who needs that no run is
   * open afterwards holds back what is told.
   */
  seal(): void {
    if (!this.#handOn() || !this.#resting) return;
    this.#resting = false;
    this.#environment.defer(() => {
      this.#resting = true;
    });
  }

  /** As {@link seal}, without taking what follows for a burst: false when there was nothing to close. */
  #handOn(): boolean {
    if (this.#inBatch || this.journal.empty) return false;
    // A subscriber's writes must not go into a run that is being closed.
    return this.#telling.holding(() => {
      const parts = this.journal.seal();
      for (const part of parts) this.#append(part);
      // Who hears of one may look whether the others have all that was written.
      for (const { store } of parts) this.#store(store).tell();
      this.#tell();
      return true;
    });
  }

  #append(part: SealedPart): void {
    const { position, span, runs, order } = part;
    const bytes = encodeSegment({ kind: 'operations', runs: runs.map((run) => run.bytes), order });
    this.#store(part.store).append({ segment: { position, span, bytes }, runs, adopted: undefined });
  }

  /** Runs a function whose writes become one segment per store, or none if it throws (INV-7). */
  batch<T>(write: () => T): T {
    if (this.#inBatch) return write();
    this.seal();
    this.#inBatch = true;
    this.journal.beginBatch();
    try {
      const result = write();
      this.journal.closeBatch();
      this.journal.endBatch();
      this.#inBatch = false;
      this.seal();
      return result;
    } catch (error) {
      this.journal.discard();
      this.journal.endBatch();
      this.#inBatch = false;
      throw error;
    }
  }

  /** Appends what was received and applied; `position` is where its first operation was placed. */
  appendReceived(received: ReceivedRuns, position: number): void {
    const span = received.applied.reduce((sum, count) => sum + count, 0);
    const cut = received.runs.some((run, index) => run.count !== received.applied[index]);
    const order: readonly Stretch[] | undefined = cut
      ? received.applied.map((count, run) => ({ run, count }))
      : undefined;
    const bytes = encodeSegment({ kind: 'operations', runs: received.runs.map((run) => run.bytes), order });
    this.#place(
      { segment: { position, span, bytes }, runs: received.runs, adopted: undefined },
      received.store,
    );
  }

  /** Appends the record of a checkpoint that a table has taken over, which changed `span` rows: see {@link encodeAdoption}. */
  appendRecord(
    store: BackendName,
    bytes: Uint8Array,
    { table, position, span }: { readonly table: string; readonly position: number; readonly span: number },
  ): void {
    this.#place({ segment: { position, span, bytes }, runs: [], adopted: table }, store);
  }

  #place(logged: LoggedSegment, store: BackendName): void {
    this.journal.position = logged.segment.position + logged.segment.span - 1;
    const keeper = this.#store(store);
    keeper.append(logged);
    keeper.tell();
    this.#tell();
  }

  /**
   * Resolves when every operation written so far is durable, as far as its backend goes. Who knows which stores
   * hold what is waited for names them: another one may be stuck, or have failed.
   */
  async flush(names?: Iterable<BackendName>): Promise<void> {
    // A caller that awaits each write waits for nothing to be gathered.
    this.#handOn();
    const stores =
      names === undefined ? this.stores.values() : Array.from(names, (name) => this.#store(name));
    const waiting: Promise<void>[] = [];
    for (const store of stores) if (!store.flushed || store.backend.durable) waiting.push(store.flush());
    // Mostly there is one, and this is on the way of each awaited write.
    await (waiting.length === 1 ? waiting[0] : Promise.all(waiting));
  }

  #store(name: BackendName): SegmentStore {
    return this.stores.get(name) as SegmentStore;
  }
}
