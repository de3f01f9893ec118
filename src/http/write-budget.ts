import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Viewer } from './admission.ts';
import { type HttpLimits, MAX_BUDGETS, MIN_WAITING_BYTES } from './limits.ts';
import { Problem } from './problem.ts';

/** A budget is what a holder has left, at a time in milliseconds. */
interface Budget {
  operations: number;
  at: number;
  waitingBytes: number;
}

/**
 * Bounds what each holder of a credential writes: so many operations a second on average, with as many at once, and
 * so many bytes of requests that were begun and not answered. Those who need no credential count as one holder.
 */
export class WriteBudget {
  readonly #limits: HttpLimits;
  readonly #now: () => number;
  readonly #budgets = new Map<string, Budget>();

  constructor(limits: HttpLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Counts the holders about whom something is remembered. */
  get size(): number {
    return this.#budgets.size;
  }

  /** Takes operations out of a holder's budget. Throws `TOO_MANY` when there is not enough left. */
  take({ holder }: Pick<Viewer, 'holder'>, operations: number): void {
    const { maxWritesPerSecond: limit } = this.#limits;
    const budget = this.#budgetOf(holder);
    // A batch of more than a second's worth is taken once all is there, and waited for afterwards.
    const missing = Math.min(operations, limit) - budget.operations;
    if (missing > 0) {
      const seconds = Math.ceil(missing / limit);
      throw tooMany(`More than ${limit} operations a second are written by one holder.`, {
        name: 'maxWritesPerSecond',
        limit,
        seconds,
      });
    }
    budget.operations -= operations;
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
        limit,
        seconds: 1,
      });
    }
    budget.waitingBytes += bytes;
    response.once('close', () => (budget.waitingBytes -= bytes));
  }

  #budgetOf(holder = ''): Budget {
    const { maxWritesPerSecond: limit } = this.#limits;
    const now = this.#now();
    const known = this.#budgets.get(holder) ?? { operations: limit, at: now, waitingBytes: 0 };
    known.operations = Math.min(limit, known.operations + ((now - known.at) * limit) / 1000);
    known.at = now;
    // The one that was asked for last stands last.
    this.#budgets.delete(holder);
    this.#budgets.set(holder, known);
    if (this.#budgets.size > MAX_BUDGETS) this.#budgets.delete(this.#budgets.keys().next().value as string);
    return known;
  }
}

function tooMany(
  message: string,
  { name, limit, seconds }: { readonly name: string; readonly limit: number; readonly seconds: number },
): Problem {
  return new Problem('TOO_MANY', message, {
    hint: `Write less at a time, or raise http.limits.${name}.`,
    retryable: true,
    headers: { 'retry-after': String(seconds) },
    details: { limit },
  });
}
