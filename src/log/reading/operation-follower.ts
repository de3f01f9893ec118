import type { OperationReader } from './operation-reader.ts';
import { type OperationRange, type StreamSource, readerOf, refusalOf } from './operation-stream.ts';
import type { Operation } from '../operations/operation.ts';

type Result = IteratorResult<Operation, undefined>;

/**
 * Reads a range of the log as fast as it is asked for, and then waits for more: nothing is kept for a
 * reader but the segment it is at and the page of the log that segment came in. Throws `OPTION_INVALID`
 * for what is no range of positions.
 */
export function followOperations(
  source: StreamSource,
  range: OperationRange,
): AsyncIterableIterator<Operation, undefined> {
  const refusal = refusalOf(range);
  if (refusal !== undefined) throw refusal;
  return new OperationFollower(source, range);
}

class OperationFollower implements AsyncIterableIterator<Operation, undefined> {
  readonly #source: StreamSource;
  readonly #range: OperationRange;
  readonly #operations: AsyncGenerator<Operation, undefined>;
  #stopped = false;
  #wake: () => void = () => undefined;

  constructor(source: StreamSource, range: OperationRange) {
    this.#source = source;
    this.#range = range;
    this.#operations = this.#read();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    return this.#operations.next();
  }

  return(): Promise<Result> {
    this.#stopped = true;
    this.#wake();
    return this.#operations.return(undefined);
  }

  get #over(): boolean {
    return this.#stopped || this.#source.log.ended;
  }

  async *#read(): AsyncGenerator<Operation, undefined> {
    const { after = 0, until = Infinity, table } = this.#range;
    const { log } = this.#source;
    const reader = readerOf(this.#source, this.#range);
    let cursor = after;
    log.seal();
    const left = this.#source.entered();
    try {
      while (!this.#over && cursor < until) {
        const operations = await this.#next(reader);
        for (const operation of operations ?? []) {
          if (operation.position <= cursor || operation.position > until) continue;
          cursor = operation.position;
          if (table === undefined || operation.table === table) yield operation;
          if (this.#over) return;
        }
        if (operations !== undefined || !reader.caughtUp) continue;
        if (until <= log.position && log.journal.empty) return;
        await this.#more();
      }
    } finally {
      left();
    }
  }

  /** A node that closes meanwhile ends what is read of it, and does not fail it. */
  async #next(reader: OperationReader): Promise<readonly Operation[] | undefined> {
    try {
      return await reader.next();
    } catch (error) {
      if (this.#over) return [];
      throw error;
    }
  }

  /** Resolves when something was appended, or this is over. */
  async #more(): Promise<void> {
    if (this.#over) return;
    let unwatch: (() => void) | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      unwatch = this.#source.log.watch(resolve);
    });
    unwatch?.();
  }
}
