import type { Backend, Recovery, Segment } from '../backend.ts';
import type { EndSpan, Environment, SpanFacts } from '../../environment.ts';
import { TablecastError, isTablecastError } from '../../errors.ts';
import type { BackendName } from '../../schema/schema.ts';
import { readRunHeader } from '../runs/run.ts';
import { decodeSegment } from '../runs/segment.ts';

/** Bounds the committed segments kept in memory, so that live peers need no disk: 8 MiB. */
const RECENT_BYTES = 8 * 1024 * 1024;
/** Counted for a segment, and for each of its runs, beside the bytes: the objects around them. */
const OBJECT_BYTES = 256;
/** Most bytes that may wait for the backend before writes are refused: 256 MiB. */
const MAX_WAITING_BYTES = 256 * 1024 * 1024;
/** Pause before a commit that failed for lack of space is tried again. */
const RETRY_MS = 500;

/** One run of a segment, by what identifies it. */
export interface RunReference {
  readonly table: string;
  readonly origin: string;
  readonly firstSequence: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** A segment with its runs laid open; an adoption has none. */
export interface LoggedSegment {
  readonly segment: Segment;
  readonly runs: readonly RunReference[];
  /** The table whose checkpoint was adopted, if the segment records that. */
  readonly adopted: string | undefined;
}

/** A listener is what a store tells the log. */
export interface StoreListener {
  /** Positions up to `told` may be passed on to peers. */
  advanced(store: SegmentStore): void;
  /** The backend refused a commit; `retrying` when the store keeps trying by itself. */
  failed(store: SegmentStore, error: TablecastError, retrying: boolean): void;
  /** Commits work again after a failure. */
  recovered(store: SegmentStore): void;
}

/** Lays open a segment read from a backend. */
export function openSegmentBytes(segment: Segment): LoggedSegment {
  const content = decodeSegment(segment.bytes);
  if (content.kind === 'adoption') return { segment, runs: [], adopted: content.table };
  const runs = content.runs.map((bytes) => ({ ...readRunHeader(bytes), bytes }));
  return { segment, runs, adopted: undefined };
}

/**
 * One backend's segments: appended in memory at once, committed in order, readable throughout.
 * Segments of a durable backend are told to peers only when committed.
 */
export class SegmentStore {
  readonly name: BackendName;
  readonly backend: Backend;
  readonly #environment: Environment;
  readonly #listener: StoreListener;
  #recent: LoggedSegment[] = [];
  #recentBytes = 0;
  /** Every segment that ends after this position is in `#recent`. */
  #recentFrom = 0;
  #waitingBytes = 0;
  /** Handed over and not committed yet. */
  #facts = new Map<string, Uint8Array>();
  #outstanding = 0;
  #failure: TablecastError | undefined;
  #waiters: { position: number; resolve: () => void; reject: (error: Error) => void }[] = [];
  /** Last position appended and last position committed. */
  appended = 0;
  committed = 0;
  trimmedTo = 0;

  constructor(
    name: BackendName,
    backend: Backend,
    options: { environment: Environment; listener: StoreListener },
  ) {
    this.name = name;
    this.backend = backend;
    this.#environment = options.environment;
    this.#listener = options.listener;
  }

  async open(): Promise<Recovery> {
    const recovery = await this.backend.open();
    this.appended = recovery.lastPosition;
    this.committed = recovery.lastPosition;
    this.#recentFrom = recovery.lastPosition;
    this.trimmedTo = recovery.trimmedTo;
    return recovery;
  }

  /** Position up to which peers may know (INV-1). */
  get told(): number {
    return this.backend.durable ? this.committed : this.appended;
  }

  /** Throws when a write would not become durable or would make the queue too long. */
  admit(): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.requireRoom();
  }

  /** Throws `LIMIT_EXCEEDED` when too much waits already, also for what comes from peers. */
  requireRoom(): void {
    if (this.#waitingBytes <= MAX_WAITING_BYTES) return;
    throw new TablecastError('LIMIT_EXCEEDED', `${this.#waitingBytes} bytes of writes wait for the disk.`, {
      hint: 'Await node.flush() between bursts of writes; nothing that was accepted is lost.',
      retryable: true,
      details: { waitingBytes: this.#waitingBytes, limit: MAX_WAITING_BYTES },
    });
  }

  /** Takes a segment; who reads what follows is told with {@link tell}. */
  append(logged: LoggedSegment): void {
    const { segment } = logged;
    this.#recent.push(logged);
    this.#recentBytes += heldBytes(logged);
    this.#waitingBytes += segment.bytes.length;
    this.appended = segment.position + segment.span - 1;
    if (this.#failure === undefined) this.#commit([segment]);
  }

  /** Tells of what was appended and is not to become durable: once every store has what was written together. */
  tell(): void {
    if (!this.backend.durable) this.#listener.advanced(this);
  }

  /** Makes small named values durable, at the latest together with what is appended next. */
  remember(facts: ReadonlyMap<string, Uint8Array>): void {
    for (const [name, value] of facts) this.#facts.set(name, value);
    if (this.#failure === undefined) this.#commit([]);
  }

  #commit(segments: readonly Segment[]): void {
    const facts = this.#facts;
    if (facts.size > 0) this.#facts = new Map();
    this.#outstanding++;
    const end = this.#environment.span?.('commit', factsOf(this.name, segments));
    this.backend.commit(facts.size === 0 ? { segments } : { segments, facts }).then(
      () => this.#committed(segments, end),
      (error: unknown) => {
        end?.({}, error);
        if (facts !== this.#facts) this.#facts = new Map([...facts, ...this.#facts]);
        this.#rejected(error);
      },
    );
  }

  #committed(segments: readonly Segment[], end: EndSpan | undefined): void {
    end?.();
    this.#outstanding--;
    for (const { position, span, bytes } of segments) {
      this.#waitingBytes -= bytes.length;
      this.committed = position + span - 1;
    }
    this.#forgetOld();
    // While others are under way, what was refused must not be overtaken by what is written next.
    if (this.#failure?.retryable === true && this.#outstanding === 0) {
      this.#failure = undefined;
      this.#listener.recovered(this);
      this.#retryRest();
    }
    this.#settle();
    if (this.backend.durable) this.#listener.advanced(this);
  }

  #rejected(error: unknown): void {
    this.#outstanding--;
    const failure = isTablecastError(error)
      ? error
      : new TablecastError('BACKEND_FAILED', `The ${this.name} backend failed.`, {
          hint: 'Restart the node; what was acknowledged is kept.',
          cause: error,
        });
    this.#failed(failure);
    if (failure.retryable && this.#outstanding === 0) {
      this.#environment.schedule(RETRY_MS, () => this.#retryRest());
    }
  }

  #failed(failure: TablecastError): void {
    const first = this.#failure === undefined;
    this.#failure = failure;
    if (first) this.#listener.failed(this, failure, failure.retryable);
    for (const waiter of this.#waiters.splice(0)) waiter.reject(failure);
  }

  #retryRest(): void {
    const rest = this.#recent
      .map(({ segment }) => segment)
      .filter((segment) => segment.position > this.committed);
    if (rest.length + this.#facts.size > 0 && this.#outstanding === 0) this.#commit(rest);
  }

  #settle(): void {
    if (this.#waiters.length === 0) return;
    const ready = this.#waiters.filter((waiter) => waiter.position <= this.committed);
    this.#waiters = this.#waiters.filter((waiter) => waiter.position > this.committed);
    for (const waiter of ready) waiter.resolve();
  }

  #forgetOld(): void {
    let drop = 0;
    while (this.#recentBytes > RECENT_BYTES && drop < this.#recent.length) {
      const logged = this.#recent[drop] as LoggedSegment;
      const { position, span } = logged.segment;
      if (position + span - 1 > this.committed) break;
      this.#recentFrom = position + span - 1;
      this.#recentBytes -= heldBytes(logged);
      drop++;
    }
    if (drop > 0) this.#recent.splice(0, drop);
  }

  /** Says whether everything appended so far is committed. */
  get flushed(): boolean {
    return this.committed >= this.appended;
  }

  /** Returns whether what was committed before is still there. */
  #look(): void {
    const lost = this.#failure === undefined ? this.backend.lost?.() : undefined;
    if (lost !== undefined) this.#failed(lost);
  }

  /** Resolves when everything appended so far is committed; rejects with the failure that prevents it. */
  flush(): Promise<void> {
    if (this.flushed) this.#look();
    if (this.flushed && this.#failure?.retryable !== false) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const position = this.appended;
    return new Promise((resolve, reject) => {
      this.#waiters.push({ position, resolve, reject });
    });
  }

  /**
   * Returns the segments that end after `after`, ascending; from memory when they are there, else from the
   * backend.
   */
  async read(after: number, maxBytes: number): Promise<readonly LoggedSegment[]> {
    const recent = this.recent(after, maxBytes);
    if (recent !== undefined) return recent;
    const segments = await this.backend.read(after, maxBytes);
    // Behind positions that a torn segment took there may be what is not committed yet.
    if (segments.length === 0) return this.recent(Math.max(after, this.#recentFrom), maxBytes) ?? [];
    return segments.map(openSegmentBytes);
  }

  /** As {@link read}, but only if memory holds all that is asked for. */
  recent(after: number, maxBytes: number): readonly LoggedSegment[] | undefined {
    if (after >= this.appended) return [];
    if (after < this.#recentFrom) return undefined;
    let at = lowerBound(this.#recent, after);
    let bytes = 0;
    const found: LoggedSegment[] = [];
    while (at < this.#recent.length && bytes < maxBytes) {
      const logged = this.#recent[at++] as LoggedSegment;
      bytes += logged.segment.bytes.length;
      found.push(logged);
    }
    return found;
  }

  /** Forgets what lies at or before a position, as far as it is committed and the backend takes it. */
  async trim(position: number): Promise<void> {
    const trimmedTo = await this.backend.trim(Math.min(position, this.committed));
    this.trimmedTo = Math.max(this.trimmedTo, trimmedTo);
    // Operations that are gone after a restart must not be there before it.
    const kept = lowerBound(this.#recent, this.trimmedTo);
    for (const logged of this.#recent.splice(0, kept)) this.#recentBytes -= heldBytes(logged);
    this.#recentFrom = Math.max(this.#recentFrom, this.trimmedTo);
  }

  /** Counts the bytes appended and not yet committed. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Says whether commits wait or failed. */
  get failure(): TablecastError | undefined {
    return this.#failure;
  }

  async close(): Promise<void> {
    await this.backend.close();
  }
}

/** The facts of a commit, for its span. */
function factsOf(backend: string, segments: readonly Segment[]): SpanFacts {
  let operations = 0;
  let bytes = 0;
  for (const segment of segments) {
    operations += segment.span;
    bytes += segment.bytes.length;
  }
  return { backend, operations, bytes };
}

/** Says how much memory a segment takes, about. */
function heldBytes({ segment, runs }: LoggedSegment): number {
  return segment.bytes.length + OBJECT_BYTES * (1 + runs.length);
}

/** Index of the first segment that ends after `after`. */
function lowerBound(segments: readonly LoggedSegment[], after: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { segment } = segments[middle] as LoggedSegment;
    if (segment.position + segment.span - 1 > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
