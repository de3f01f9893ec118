import { setImmediate as turn } from 'node:timers/promises';
import type { Projection } from '../../projection/projection.ts';
import type { Forked, Rows } from '../../projection/rows/rows.ts';
import type { Key, Value } from '../../schema/index.ts';

/** So many keys are copied in one turn of the event loop: a millisecond. */
const KEYS_PER_TURN = 16_384;
/** Units of copying that are done in one turn: some milliseconds. */
const UNITS_PER_TURN = 4096;

/**
 * The rows of a table as they were at one moment, by the numbers of their slots. They are copied while the table is
 * written; what was written meanwhile is copied again in the last turn, so that no write comes between.
 */
export class Snapshot {
  readonly #keys: readonly Key[];
  readonly #rows: Rows;
  /** The last position of the log whose rows these are. */
  readonly position: number;

  private constructor(keys: readonly Key[], rows: Rows, position: number) {
    this.#keys = keys;
    this.#rows = rows;
    this.position = position;
  }

  /** Copies the rows of a table; `positionNow` is asked at the moment of which they are. */
  static async of(projection: Projection, positionNow: () => number): Promise<Snapshot> {
    const release = projection.keepSlots();
    try {
      const { rows } = projection;
      const { rows: copy, fork } = await forked(rows);
      const keys: Key[] = [];
      while (keys.length < rows.slots - KEYS_PER_TURN) {
        addKeys(keys, rows, keys.length + KEYS_PER_TURN);
        await turn();
      }
      addKeys(keys, rows, rows.slots);
      fork.settle();
      return new Snapshot(keys, copy, positionNow());
    } finally {
      release();
    }
  }

  /** Counts the rows. */
  get size(): number {
    return this.#rows.size;
  }

  /** Slots of rows, in the order in which the rows appeared. */
  slots(): Iterable<number> {
    return this.#rows.live();
  }

  key(slot: number): Key {
    return this.#keys[slot] as Key;
  }

  value(slot: number): Value {
    return this.#rows.value(slot);
  }

  /** The number of the origin that wrote a row. */
  origin(slot: number): number {
    return this.#rows.origin(slot);
  }

  sequence(slot: number): number {
    return this.#rows.sequence(slot);
  }

  stamp(slot: number): number {
    return this.#rows.stamp(slot);
  }
}

async function forked(rows: Rows): Promise<Forked> {
  const work = rows.fork();
  let units = 0;
  for (let step = work.next(); ; step = work.next()) {
    if (step.done === true) return step.value;
    units += step.value;
    if (units < UNITS_PER_TURN) continue;
    units = 0;
    await turn();
  }
}

function addKeys(keys: Key[], rows: Rows, until: number): void {
  for (let slot = keys.length; slot < until; slot++) keys.push(rows.key(slot));
}
