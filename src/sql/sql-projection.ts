import type { Environment } from '../environment.ts';
import { type Failure, fromFailure, TablecastError } from '../errors.ts';
import type { NodeEvent } from '../events.ts';
import type { Feed } from './feed.ts';
import { isPostgres } from '../options/sql-target.ts';
import { type ProjectionThread, startProjecting } from './host.ts';
import {
  type Batch,
  type Order,
  type ProjectionStart,
  type Report,
  type Request,
  projectionFailure,
} from './messages.ts';
import { placeOf } from './postgres-target.ts';

/** Pause before a thread that ended by itself is started again. */
const RESTART_MS = 1000;
/** The time a thread may take to end when it is asked to. */
const GRACE_MS = 2000;

/**
 * The state says what a projection is doing: `beginning` (connecting, comparing, filling), `waiting` (another one has the right to
 * write), `following`, `retrying` (the target is away or full), `failed` (somebody has to mend something), `closed`.
 */
export type ProjectionState = 'beginning' | 'waiting' | 'following' | 'retrying' | 'failed' | 'closed';

/** A projection is tables of a node that are kept in an SQL database as well. */
export interface SqlProjection {
  readonly tables: readonly string[];
  /** Is the target, without user and password. */
  readonly to: string;
  readonly state: ProjectionState;
  /** Is the position of the node's log up to which the target has everything; -1 before it first has. */
  readonly position: number;
  /**
   * Resolves when the target has everything up to a position of the node's log, by default the present one: the
   * way to read one's own writes. Gives the position reached. Rejects with what made the projection fail for
   * good, and with `CLOSED`.
   */
  reached(position?: number): Promise<number>;
  /** Ends it; what is in the target stays, and the next projection goes on from there. Idempotent. */
  close(): Promise<void>;
}

/** The parts of a projection. */
export interface ProjectionParts {
  readonly start: ProjectionStart;
  readonly feed: Feed;
  readonly environment: Environment;
  /** The last position of the node's log. */
  position(): number;
  report(this: void, event: NodeEvent): void;
  /** Hears once what made it fail for good. */
  failed(this: void, failure: Failure): void;
}

type Pull = Extract<Request, { kind: 'pull' }>;

interface Waiter {
  readonly position: number;
  resolve(position: number): void;
  reject(error: Error): void;
}

/** A projection whose work is done by a thread. */
export class ThreadedProjection implements SqlProjection {
  readonly tables: readonly string[];
  readonly to: string;
  state: ProjectionState = 'beginning';
  position = -1;
  readonly #parts: ProjectionParts;
  readonly #waiters = new Set<Waiter>();
  #thread: ProjectionThread;
  #failure: Failure | undefined;
  /** The request that the thread waits with; none while its answer is on the way. */
  #pull: Pull | undefined;
  #isReading = false;
  #isStale = false;
  #cursor = 0;
  #sent = 0;
  #promisedMore = false;
  #trouble = '';
  readonly #ended: Promise<void>;
  #end: () => void = () => undefined;

  constructor(parts: ProjectionParts) {
    this.#parts = parts;
    const { start } = parts;
    this.tables = start.tables.map(({ name }) => name);
    this.to = isPostgres(start.to) ? placeOf(start.to) : start.to;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#thread = this.#startThread();
  }

  #startThread(): ProjectionThread {
    return startProjecting(this.#parts.start, {
      heard: (message) => this.#heard(message),
      ended: (error) => this.#threadEnded(error),
    });
  }

  reached(position: number = this.#parts.position()): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(fromFailure(this.#failure));
    if (this.state === 'closed') return Promise.reject(closed());
    if (this.position >= position) return Promise.resolve(this.position);
    return new Promise((resolve, reject) => {
      this.#waiters.add({ position, resolve, reject });
      this.#thread.hold(true);
      this.advanced();
    });
  }

  /** Tells the projection that the log may have become longer. */
  advanced(): void {
    if (this.#isReading) this.#isStale = true;
    else if (this.#pull !== undefined) void this.#read();
  }

  close(): Promise<void> {
    if (this.state !== 'closed') {
      const isOver = this.state === 'failed';
      this.state = 'closed';
      this.#settle(closed());
      if (isOver) this.#end();
      else {
        this.#thread.hold(true);
        this.#thread.send({ kind: 'stop' });
        // A transaction that is cut off leaves nothing behind.
        this.#parts.environment.schedule(GRACE_MS, () => this.#thread.end());
      }
    }
    return this.#ended;
  }

  #heard(message: Report | Request): void {
    switch (message.kind) {
      case 'begin':
        return void this.#begin(message);
      case 'pull':
        this.#pull = message;
        this.#cursor = message.after;
        return this.advanced();
      case 'began':
        return this.#began(message);
      case 'reached':
        return this.#moveTo(message.position);
      case 'trouble':
        return this.#troubled(message);
    }
  }

  async #begin({ number, standings }: Extract<Request, { kind: 'begin' }>): Promise<void> {
    this.#pull = undefined;
    this.#sent = 0;
    this.#promisedMore = false;
    const { feed, start } = this.#parts;
    try {
      const basis = await feed.basis(standings, start.history);
      this.#send(
        { kind: 'basis', to: number, basis },
        basis.checkpoints.flatMap(({ chunks }) => chunks),
      );
    } catch (error) {
      this.#send({ kind: 'refused', to: number, failure: passing(error) });
    }
  }

  /** Answers what the thread waits for, as soon as there is something. */
  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      do {
        this.#isStale = false;
        const pull = this.#pull;
        if (pull === undefined) break;
        const batch = await this.#parts.feed.read(this.#cursor);
        if (pull === this.#pull) this.#answer(pull, batch);
      } while (this.#isStale);
    } catch (error) {
      const pull = this.#pull;
      this.#pull = undefined;
      if (pull !== undefined) this.#send({ kind: 'refused', to: pull.number, failure: passing(error) });
    } finally {
      this.#isReading = false;
    }
  }

  #answer({ number, after }: Pull, batch: Batch): void {
    this.#cursor = batch.upTo;
    const isWaitedFor = this.#promisedMore || (this.state !== 'following' && batch.upTo > after);
    if (batch.segments.length > 0 || isWaitedFor) {
      this.#promisedMore = batch.more;
      this.#sent = batch.upTo;
      this.#pull = undefined;
      this.#send(
        { kind: 'batch', to: number, batch },
        batch.segments.map(({ bytes }) => bytes),
      );
    } else if (this.position >= this.#sent) {
      // Nothing that follows is of these tables: the target has it without being told.
      this.#moveTo(batch.upTo);
    }
  }

  #send(order: Order, bytes: readonly Uint8Array[] = []): void {
    if (this.state === 'closed') return;
    this.#thread.send(order, [...new Set(bytes.map(({ buffer }) => buffer as ArrayBuffer))]);
  }

  #began({ from }: Extract<Report, { kind: 'began' }>): void {
    this.#trouble = '';
    if (this.state !== 'closed') this.state = 'following';
    const { report } = this.#parts;
    const tables = this.tables.join(', ');
    const details = {
      to: this.to,
      position: from.position,
      from: from.kind,
      rebuilt: from.rebuilt.join(', '),
    };
    const how = from.kind === 'log' ? 'from the log' : 'from the rows there are';
    const anew = from.rebuilt.length === 0 ? '' : `; made anew: ${from.rebuilt.join(', ')}`;
    report({
      code: 'projection-began',
      severity: 'info',
      message: `${tables} into ${this.to}, ${how}${anew}`,
      details,
    });
    for (const { table, after } of from.gaps) {
      const message = `The history of ${table} in ${this.to} does not say what happened behind position ${after}, up to ${from.position}: the log does not reach back that far.`;
      report({
        code: 'projection-gap',
        severity: 'warning',
        table,
        message,
        details: { after, upTo: from.position },
      });
    }
  }

  #moveTo(position: number): void {
    if (position <= this.position) return;
    this.position = position;
    for (const waiter of this.#waiters) {
      if (waiter.position > position) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(position);
    }
    if (this.#waiters.size === 0 && this.state !== 'closed') this.#thread.hold(false);
    this.advanced();
  }

  #troubled({ failure, retrying }: Extract<Report, { kind: 'trouble' }>): void {
    if (this.state === 'closed') return;
    this.#pull = undefined;
    if (retrying) this.state = failure.code === 'BACKEND_IN_USE' ? 'waiting' : 'retrying';
    else {
      this.state = 'failed';
      this.#failure = failure;
      this.#settle(fromFailure(failure));
      this.#parts.failed(failure);
    }
    const told = `${failure.code} ${failure.message}`;
    if (told === this.#trouble) return;
    this.#trouble = told;
    const { table } = failure.details;
    const named = typeof table === 'string' ? { table } : {};
    const message = `${named.table ?? this.tables.join(', ')} into ${this.to}: ${failure.message} ${failure.hint}`;
    const severity = retrying ? 'warning' : 'error';
    this.#parts.report({
      code: 'projection-failed',
      severity,
      ...named,
      message,
      details: { ...failure.details, code: failure.code, retrying },
    });
  }

  #threadEnded(error: Error | undefined): void {
    if (this.state === 'closed' || this.state === 'failed') return this.#end();
    const failure = { ...projectionFailure(error ?? new Error('its thread ended')), retryable: true };
    this.#troubled({ kind: 'trouble', failure, retrying: true });
    this.#parts.environment.schedule(RESTART_MS, () => {
      if (this.state === 'closed') return this.#end();
      this.#thread = this.#startThread();
    });
  }

  #settle(error: TablecastError): void {
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
    this.#thread.hold(false);
  }
}

/** A log that does not give something now may give it after beginning anew. */
function passing(error: unknown): Failure {
  return { ...projectionFailure(error), retryable: true };
}

function closed(): TablecastError {
  return new TablecastError('CLOSED', 'The projection is closed.', {
    hint: 'Begin another one with node.project(): it goes on where this one was.',
  });
}
