import type { MapTable, SetTable, Table, TableNode } from '../../src/index.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { Surroundings } from './table-witness.ts';
import type { WorldOptions } from './world.ts';

/** Thrown inside a batch to have it taken back. */
class Planned extends Error {}

/** Codes with which a node may refuse a write when its disk is full or has failed. */
const REFUSALS: ReadonlySet<unknown> = new Set(['BACKEND_FULL', 'BACKEND_FAILED']);

/** Keys of one writer each: written once, and nobody else touches them. */
export const OWN = 'own ';
/** Keys that are only ever counted up. */
export const SUM = 'sum ';

/** Writes to the tables of a world as users would. */
export class User {
  readonly #options: WorldOptions;
  readonly #around: Surroundings;
  writes = 0;

  constructor(options: WorldOptions, around: Surroundings) {
    this.#options = options;
    this.#around = around;
  }

  /** One write; a full or failed disk is no reason to stop, anything else is. */
  write(node: TableNode, random: SeededRandom): void {
    this.#attempt(() => this.#write(node, random));
  }

  /** Several writes in one batch, some of which are taken back. */
  batch(node: TableNode, random: SeededRandom): void {
    const throws = random.chance(0.3);
    this.#attempt(() =>
      node.batch(() => {
        for (let count = random.between(1, 12); count > 0; count--) this.#write(node, random);
        if (throws) throw new Planned();
      }),
    );
  }

  /** Many writes in one turn of the event loop. */
  burst(node: TableNode, random: SeededRandom, most: number): void {
    this.#attempt(() => {
      for (let count = random.between(most / 10, most); count > 0; count--) this.#write(node, random);
    });
  }

  /** Switches the mode of a table. */
  switchMode(node: TableNode, random: SeededRandom): void {
    const names = Object.keys(this.#options.tables).filter((name) => this.#options.tables[name]?.switched);
    if (names.length === 0) return;
    const table = node.tables.get(random.pick(names)) as Table;
    const mode = random.pick(this.#options.modes);
    this.#around.count(table.mode === mode ? 'switched to the same' : 'switch');
    this.#around.userWrites = true;
    void table.switchMode(mode).catch((error: unknown) => {
      const { code } = error as { code?: unknown };
      if (!REFUSALS.has(code) && code !== 'CLOSED') this.#around.fail(error);
    });
    this.#around.userWrites = false;
  }

  #attempt(write: () => void): void {
    this.#around.userWrites = true;
    try {
      write();
    } catch (error) {
      if (error instanceof Planned) this.#around.count('batch taken back');
      else if (REFUSALS.has((error as { code?: unknown }).code)) this.#around.count('write refused');
      else throw error;
    } finally {
      this.#around.userWrites = false;
    }
  }

  #write(node: TableNode, random: SeededRandom): void {
    const name = random.pick(Object.keys(this.#options.tables));
    const table = node.tables.get(name) as Table;
    this.writes++;
    const kind = random.next();
    const key = `key ${random.between(1, this.#options.keys)}`;
    if (name === 'sums' && kind < 0.5) {
      (table as MapTable).increment(`${SUM}${random.between(1, 3)}`, random.between(1, 5));
    } else if (kind < 0.03) {
      if (this.#options.tables[name]?.cleared === true) table.clear();
    } else if (kind < 0.2) table.delete(key);
    else if (kind < 0.35) this.#put(table, `${OWN}${this.writes}`);
    else if (kind < 0.4 && (table.declaration.value === 'count' || table.declaration.value === 'int'))
      (table as MapTable).increment(key, 1);
    else if (kind < 0.55 && this.#options.tables[name]?.touched === true) table.touch(key);
    else this.#put(table, key, random.between(0, 40));
  }

  #put(table: Table, key: string, length = 0): void {
    if (table.declaration.value === undefined) (table as SetTable).add(key);
    else if (table.declaration.value === 'string')
      (table as MapTable).set(key, 'x'.repeat(length) + String(this.writes));
    else (table as MapTable).set(key, this.writes);
  }
}
