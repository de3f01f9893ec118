import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Viewer } from './admission.ts';
import { type HttpLimits, MAX_BUDGETS, MIN_WAITING_BYTES } from './limits.ts';
import { Problem } from './problem.ts';

/** A budget is what a holder has left, at a time in milliseconds. */
interface Budget {
  reads: number;
  writes: number;
  at: number;
  waitingBytes: number;
}

/** Each kind of asking has a rate of its own. */
const RATES = {
  reads: { limit: 'maxReadsPerSecond', what: 'requests are asked', todo: 'Ask less at a time' },
  writes: { limit: 'maxWritesPerSecond', what: 'operations are written', todo: 'Write less at a time' },
} as const;

/**
 * Bounds what each holder of a credential asks and writes: so many requests and so many operations a second on
 * average, with as many at once, and so many bytes of requests that were begun and not answered. Those who need no
 * credential count as one holder.
 */
export class RequestBudget {
  readonly #limits: HttpLimits;
  readonly #now: () => number;
  readonly #budgets = new Map<string, Budget>();
  #last: Budget | undefined;

  constructor(limits: HttpLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Counts the holders about whom something is remembered. */
  get size(): number {
    return this.#budgets.size;
  }

  /** Takes a request that reads out of a holder's budget. Throws `TOO_MANY` when there is none left. */
  read(viewer: Pick<Viewer, 'holder'>): void {
    this.#take(viewer, 'reads', 1);
  }

  /** Takes operations out of a holder's budget. Throws `TOO_MANY` when there is not enough left. */
  write(viewer: Pick<Viewer, 'holder'>, operations: number): void {
    this.#take(viewer, 'writes', operations);
  }

  /** Takes operations that were written already out of a holder's budget, which may then be less than nothing. */
  owe({ holder }: Pick<Viewer, 'holder'>, operations: number): void {
    this.#budgetOf(holder).writes -= operations;
  }

  #take({ holder }: Pick<Viewer, 'holder'>, kind: keyof typeof RATES, count: number): void {
    const { limit: name, what, todo } = RATES[kind];
    const limit = this.#limits[name];
    const budget = this.#budgetOf(holder);
    // A batch of more than a second's worth is taken once all is there, and waited for afterwards.
    const missing = Math.min(count, limit) - budget[kind];
    if (missing > 0) {
      const seconds = Math.ceil(missing / limit);
      throw tooMany(`More than ${limit} ${what} a second by one holder.`, { name, todo, limit, seconds });
    }
    budget[kind] -= count;
  }

  /** Counts the body of a request until it is answered. Throws `TOO_MANY` when too much waits already. */
  enter({ holder }: Pick<Viewer, 'holder'>, request: IncomingMessage, response: ServerResponse): void {
    const { maxWaitingBytes: limit, maxBodyBytes } = this.#limits;
    const said = Number(request.headers['content-length'] ?? maxBodyBytes);
    const bytes = Math.max(MIN_WAITING_BYTES, Math.min(maxBodyBytes, said));
    const budget = this.#budgetOf(holder);
    if (budget.waitingBytes + bytes > limit) {
      throw tooMany(`More than ${limit} bytes of requests of one holder wait for their answer.`, {
        name: 'maxWaitingBytes',
        todo: 'Write less at a time',
        limit,
        seconds: 1,
      });
    }
    budget.waitingBytes += bytes;
    response.once('close', () => (budget.waitingBytes -= bytes));
  }

  #budgetOf(holder = ''): Budget {
    const { maxReadsPerSecond: reads, maxWritesPerSecond: writes } = this.#limits;
    const now = this.#now();
    const known = this.#budgets.get(holder) ?? { reads, writes, at: now, waitingBytes: 0 };
    const seconds = (now - known.at) / 1000;
    known.reads = Math.min(reads, known.reads + seconds * reads);
    known.writes = Math.min(writes, known.writes + seconds * writes);
    known.at = now;
    if (known === this.#last) return known;
    this.#last = known;
    // The one that was asked for last stands last.
    this.#budgets.delete(holder);
    this.#budgets.set(holder, known);
    if (this.#budgets.size > MAX_BUDGETS) this.#budgets.delete(this.#budgets.keys().next().value as string);
    return known;
  }
}

/** Names the limit that was met, and when to come again. */
interface Met {
  readonly name: string;
  readonly todo: string;
  readonly limit: number;
  readonly seconds: number;
}

function tooMany(message: string, { name, todo, limit, seconds }: Met): Problem {
  return new Problem('TOO_MANY', message, {
    hint: `${todo}, or raise http.limits.${name}.`,
    retryable: true,
    headers: { 'retry-after': String(seconds) },
    details: { limit },
  });
}
