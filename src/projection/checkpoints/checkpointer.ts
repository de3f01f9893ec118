import type { Backend } from '../../log/backend.ts';
import type { Environment } from '../../environment.ts';
import type { Origins } from '../../log/operations/origin.ts';
import { checkpointChunks } from './checkpoint-writer.ts';
import type { WholeTable } from '../whole-table.ts';

/** A checkpoint is due after this many operations, or after four times as many as there are rows. */
const MIN_TAIL = 65_536;
const TAIL_PER_ROW = 4;
/** While little happens, after as many as there are rows. */
const QUIET_TAIL_PER_ROW = 1;
/** Operations between two looks that count as little. */
const QUIET_OPERATIONS = 20_000;
/**
 * A table that is seldom written is due as well once its checkpoint lies this many times further back than that
 * of one that is written: a restart and a trim reach back to the oldest.
 */
const FAR = 4;
/** Time between two looks at which tables are due, in milliseconds. */
const LOOK_MS = 1000;

/** The log whose operations checkpoints sum up. */
export interface CheckpointedLog {
  readonly position: number;
  flush(): Promise<void>;
}

/** A keeper seals and trims what checkpoints cover. */
export interface Keeper {
  /** Checkpoints should reach this far. */
  readonly wanted: number;
  /** One look at what is due; every table's published checkpoint covers `covered`. */
  tend(covered: number): Promise<void>;
  stop(): void;
}

/**
 * Writes checkpoints of durable tables in the background, in slices, so that a restart costs rows
 * and a tail, not the whole history.
 */
export class Checkpointer {
  readonly #backend: Backend;
  readonly #origins: Origins;
  readonly #environment: Environment;
  readonly #log: CheckpointedLog;
  readonly #minTail: number;
  readonly #keeper: Keeper | undefined;
  #lastPosition = Infinity;
  readonly #covered = new Map<WholeTable, { position: number; operations: number }>();
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    backend: Backend,
    origins: Origins,
    options: {
      readonly environment: Environment;
      readonly log: CheckpointedLog;
      /** Another number of operations after which a checkpoint is due. */
      readonly minTail?: number | undefined;
      readonly keeper?: Keeper | undefined;
    },
  ) {
    this.#keeper = options.keeper;
    this.#minTail = options.minTail ?? MIN_TAIL;
    this.#backend = backend;
    this.#origins = origins;
    this.#environment = options.environment;
    this.#log = options.log;
  }

  /** Takes a table in; `position` is that of its newest checkpoint, 0 without one. */
  watch(projection: WholeTable, position: number): void {
    this.#covered.set(projection, { position, operations: position === 0 ? 0 : replayed(projection) });
  }

  /** Begins looking. */
  start(): void {
    if (this.#stopped) return;
    this.#environment.schedule(LOOK_MS, () => {
      this.#running = this.#look().then(() => this.start());
    });
  }

  async #look(): Promise<void> {
    const { position } = this.#log;
    const tailPerRow = position - this.#lastPosition < QUIET_OPERATIONS ? QUIET_TAIL_PER_ROW : TAIL_PER_ROW;
    this.#lastPosition = position;
    for (const [projection, covered] of this.#covered) {
      if (this.#stopped) return;
      projection.compact();
      const tail = replayed(projection) - covered.operations;
      const enough = Math.max(this.#minTail, tailPerRow * projection.rows.size);
      if (tail < enough && !this.#isFar(projection, covered.position)) continue;
      await this.write(projection).catch(() => undefined);
    }
    // A full or failing disk is told of where it is written to; the next look tries again.
    if (!this.#stopped) await this.#keeper?.tend(this.#coveredByAll()).catch(() => undefined);
  }

  #isFar(projection: WholeTable, position: number): boolean {
    const distance = this.#log.position - position;
    if (distance >= FAR * Math.max(this.#minTail, projection.rows.size)) return true;
    return position < (this.#keeper?.wanted ?? 0) && operationsHeld(projection) > 0;
  }

  /** The position up to which no table needs the log; a table without operations needs nothing. */
  #coveredByAll(): number {
    let all = Infinity;
    for (const [projection, { position }] of this.#covered)
      if (operationsHeld(projection) > 0) all = Math.min(all, position);
    return all;
  }

  /** Writes one table's checkpoint now; rejects with the backend's error, which leaves the old one in place. */
  async write(projection: WholeTable): Promise<void> {
    // What a switch passed over and is not written again yet is found by replay of that switch only.
    if (projection.inForce.orphans.size > 0) return;
    const { position } = this.#log;
    const operations = replayed(projection);
    const chunks: Uint8Array[] = [];
    const { epoch } = projection.inForce;
    const release = projection.keepSlots();
    try {
      for (const chunk of checkpointChunks(projection, this.#origins)) {
        chunks.push(chunk);
        if (!this.#stopped) await new Promise<void>((resolve) => this.#environment.defer(resolve));
      }
    } finally {
      release();
    }
    // Rows may be newer than `position`: the operations they come from must be durable before they are.
    await this.#log.flush();
    // Rows from after a switch of mode do not go with a header from before it: next time.
    if (projection.inForce.epoch !== epoch) return;
    await this.#backend.writeCheckpoint({ table: projection.schema.name, position, chunks });
    this.#covered.set(projection, { position, operations });
  }

  /** Ends the background work and writes what has a tail worth it, so that the next start is quick. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#keeper?.stop();
    await this.#running;
    for (const [projection, covered] of this.#covered) {
      const distance = this.#log.position - covered.position;
      const isFar = distance >= Math.max(this.#minTail, projection.rows.size);
      if (replayed(projection) - covered.operations < this.#minTail / 16 && !isFar) continue;
      await this.write(projection).catch(() => undefined);
    }
  }
}

/** Counts the operations that a restart would replay one by one, were there no checkpoint of this node's own. */
function replayed(projection: WholeTable): number {
  return operationsHeld(projection) - projection.held.summedUp;
}

/** Counts the operations of a table that this node has ever held. */
function operationsHeld(projection: WholeTable): number {
  let count = 0;
  for (const [, sequence] of projection.held.vector().entries()) count += sequence;
  return count;
}
