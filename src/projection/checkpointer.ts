import type { Backend } from '../backends/backend.ts';
import type { Environment } from '../environment.ts';
import type { Origins } from '../log/origin.ts';
import { checkpointChunks } from './checkpoint.ts';
import type { Projection } from './projection.ts';

/** A checkpoint is due after this many operations, or after four times as many as there are rows. */
const MIN_TAIL = 65_536;
const TAIL_PER_ROW = 4;
/** Time between two looks at which tables are due, in milliseconds. */
const LOOK_MS = 1000;

/** The log whose operations checkpoints sum up. */
export interface CheckpointedLog {
  readonly position: number;
  flush(): Promise<void>;
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
  readonly #covered = new Map<Projection, { position: number; operations: number }>();
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    backend: Backend,
    origins: Origins,
    options: { readonly environment: Environment; readonly log: CheckpointedLog },
  ) {
    this.#backend = backend;
    this.#origins = origins;
    this.#environment = options.environment;
    this.#log = options.log;
  }

  /** Takes a table in; `position` is that of its newest checkpoint, 0 without one. */
  watch(projection: Projection, position: number): void {
    this.#covered.set(projection, { position, operations: position === 0 ? 0 : operationsHeld(projection) });
  }

  /** Begins looking. */
  start(): void {
    if (this.#stopped) return;
    this.#environment.schedule(LOOK_MS, () => {
      this.#running = this.#look().then(() => this.start());
    });
  }

  async #look(): Promise<void> {
    for (const [projection, covered] of this.#covered) {
      if (this.#stopped) return;
      projection.compact();
      const tail = operationsHeld(projection) - covered.operations;
      if (tail < Math.max(MIN_TAIL, TAIL_PER_ROW * projection.rows.size)) continue;
      await this.write(projection).catch(() => undefined);
    }
  }

  /** Writes one table's checkpoint now; rejects with the backend's error, which leaves the old one in place. */
  async write(projection: Projection): Promise<void> {
    const { position } = this.#log;
    const operations = operationsHeld(projection);
    const chunks: Uint8Array[] = [];
    const { epoch } = projection;
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
    if (projection.epoch !== epoch) return;
    await this.#backend.writeCheckpoint({ table: projection.schema.name, position, chunks });
    this.#covered.set(projection, { position, operations });
  }

  /** Ends the background work and writes what has a tail worth it, so that the next start is quick. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    for (const [projection, covered] of this.#covered) {
      if (operationsHeld(projection) - covered.operations < MIN_TAIL / 16) continue;
      await this.write(projection).catch(() => undefined);
    }
  }
}

/** How many operations of a table this node has ever held. */
function operationsHeld(projection: Projection): number {
  let count = 0;
  for (const [, sequence] of projection.vector().entries()) count += sequence;
  return count;
}
