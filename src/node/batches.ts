import type { OperationLog } from '../log/keeping/operation-log.ts';
import { refusePromise } from './refusals.ts';
import type { Dispatcher } from '../projection/telling/dispatcher.ts';
import type { Projection } from '../projection/projection.ts';

/** A batch that is being written: the tables it can take back, those declared in it, and what parts of it threw. */
interface OpenBatch {
  readonly taking: Projection[];
  readonly declared: Projection[];
  readonly failures: unknown[];
}

/** The batches of a node: rows, told changes and log take all of one, or nothing. */
export class Batches {
  readonly #log: OperationLog;
  readonly #dispatcher: Dispatcher;
  readonly #declared: ReadonlyMap<string, Projection>;
  #open: OpenBatch | undefined;

  constructor(log: OperationLog, dispatcher: Dispatcher, declared: ReadonlyMap<string, Projection>) {
    this.#log = log;
    this.#dispatcher = dispatcher;
    this.#declared = declared;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /**
   * Writes again what a switch of mode passed over of a table that was just declared. One declared inside of a
   * batch is taken back with it, and this is not of the batch: it is done when the batch is over, however it ends.
   */
  declared(projection: Projection): void {
    if (this.#open === undefined) return this.carryOver(projection);
    projection.local.beginUndo();
    this.#open.taking.push(projection);
    this.#open.declared.push(projection);
  }

  /** Writes again what a switch of mode passed over, in a run of its own; not inside a batch. */
  carryOver(projection: Projection): void {
    this.#dispatcher.holding(() => {
      this.#log.seal();
      projection.inForce.carryOver();
    });
  }

  /** Writes what `write` writes as one unit, or as part of the batch around it. Throws what `write` throws. */
  run<T>(write: () => T): T {
    if (this.#open !== undefined) return inner(this.#open, write);
    return this.#dispatcher.holding(() => {
      // Earlier writes must stand in the log, and in its document: they are not the batch's to take back.
      this.#log.seal();
      return this.#runOpen(write);
    });
  }

  #runOpen<T>(write: () => T): T {
    const batch: OpenBatch = { taking: [...this.#declared.values()], declared: [], failures: [] };
    this.#open = batch;
    const mark = this.#dispatcher.mark;
    for (const projection of batch.taking) projection.local.beginUndo();
    try {
      const result = this.#log.batch(() => {
        const given = refusePromise(write());
        for (const failure of batch.failures) throw failure;
        return given;
      });
      for (const projection of batch.taking) projection.local.endUndo();
      return result;
    } catch (error) {
      this.#dispatcher.forgetFrom(mark);
      for (const projection of batch.taking) projection.local.undo();
      throw error;
    } finally {
      this.#open = undefined;
      for (const projection of batch.declared) this.carryOver(projection);
    }
  }
}

/** Part of the outer batch, which cannot succeed once a part of it has thrown: the log takes back all or nothing. */
function inner<T>(outer: OpenBatch, write: () => T): T {
  try {
    return refusePromise(write());
  } catch (error) {
    outer.failures.push(error);
    throw error;
  }
}
