import type { MapTable, SetTable, Table, TableNode } from '../../../src/index.ts';
import { isTablecastError } from '../../../src/errors.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import type { WorldOptions } from '../world.ts';
import { BRIEF } from './brief.ts';
import { OPEN } from './draw.ts';
import { EVE } from './grammar.ts';

/**
 * What users write on honest nodes, and what must stand in the end: every key is written on one node only, so that
 * the last write of each is what every mode shows everywhere.
 */
export class HonestUsers {
  readonly #options: WorldOptions;
  /** By table, what stands under each key. */
  readonly #rows = new Map<string, Map<string, unknown>>();
  writes = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    for (const name of Object.keys(options.tables)) if (name !== BRIEF) this.#rows.set(name, new Map());
  }

  /** Tables that the adversary may not write. */
  get closed(): string[] {
    return [...this.#rows.keys()].filter((name) => name !== OPEN);
  }

  write(node: TableNode, random: SeededRandom): void {
    this.#writeTo(node, random.pick([...this.#rows.keys()]), random);
  }

  /** One write into each table that the adversary may not write. */
  writeAll(node: TableNode, random: SeededRandom): void {
    for (const name of this.closed) this.#writeTo(node, name, random);
  }

  #writeTo(node: TableNode, name: string, random: SeededRandom): void {
    const rows = this.#rows.get(name) as Map<string, unknown>;
    const key = `${node.id} ${random.between(1, this.#options.keys)}`;
    const { value: type, mode } = this.#options.tables[name]?.declaration ?? {};
    this.writes++;
    if (random.chance(0.2)) {
      (node.tables.get(name) as SetTable).delete(key);
      rows.delete(key);
      return;
    }
    if (type === undefined) {
      (node.tables.get(name) as SetTable).add(key);
      rows.set(key, true);
      return;
    }
    const table = node.tables.get(name) as MapTable;
    if (type === 'int' && random.chance(0.4)) {
      const by = random.between(1, 5);
      if (!added(table, { key, by })) return;
      rows.set(key, Number(rows.get(key) ?? 0) + by);
      return;
    }
    const value = type === 'string' ? `${mode} ${random.between(1, 99)}` : random.between(1, 1000);
    table.set(key, value);
    rows.set(key, value);
  }

  /** The adversary's own node writes what others wrote, and clears. */
  impersonate(eve: TableNode, random: SeededRandom): void {
    const name = random.pick([...this.#rows.keys()]);
    const table = eve.tables.get(name) as MapTable & SetTable;
    const key = random.pick([`n${random.between(0, 2)} ${random.between(1, this.#options.keys)}`, 'eve 1']);
    const { value: type } = this.#options.tables[name]?.declaration ?? {};
    const draw = random.next();
    if (draw < 0.2) table.delete(key);
    else if (draw < 0.3) table.clear();
    else if (type === undefined) table.add(key);
    else if (type === 'int' && draw < 0.6) table.increment(key, 1000);
    else table.set(key, type === 'string' ? 'eve' : 666);
  }

  /** The first difference between what must stand on a node and what does; undefined when there is none. */
  difference(node: TableNode): string | undefined {
    // A node that dials nobody and is alone is synced as well.
    if (this.#options.size > 1 && !hasHonestPeer(node)) return `${node.id} has no honest peer`;
    for (const name of this.closed) {
      if (!isSynced(node.tables.get(name) as Table)) return `${node.id} is not synced in ${name}`;
      const expected = this.#rows.get(name) as Map<string, unknown>;
      const found = rowsOf(node, name);
      for (const [key, value] of expected)
        if (found.get(key) !== value)
          return `${node.id} has ${String(found.get(key))} for ${name} ${key}, not ${String(value)}`;
      for (const key of found.keys())
        if (!expected.has(key)) return `${node.id} has ${name} ${key}, which nobody honest wrote`;
    }
    return undefined;
  }
}

/** Adds to a number, unless it is one in the adversary's table that this program's form of integers does not hold. */
function added(table: MapTable, { key, by }: { readonly key: string; readonly by: number }): boolean {
  try {
    table.increment(key, by);
    return true;
  } catch (error) {
    if (table.name === OPEN && isTablecastError(error, 'VALUE_INVALID')) return false;
    throw error;
  }
}

/** What was told before a node started again may come to it after what it writes: it waits for that, as users should. */
function isSynced(table: Table): boolean {
  let synced = false;
  table.synced.subscribe((value) => (synced = value)).unsubscribe();
  return synced;
}

function hasHonestPeer(node: TableNode): boolean {
  let found = false;
  node.peers
    .subscribe((peers) => {
      found = peers.some(({ nodeId, state }) => state === 'connected' && nodeId !== EVE);
    })
    .unsubscribe();
  return found;
}

/** What stands in a table, by its keys; of a set true. */
function rowsOf(node: TableNode, name: string): Map<string, unknown> {
  const table = node.tables.get(name) as SetTable | MapTable;
  if (!('set' in table)) return new Map(Array.from(table, (key) => [String(key), true]));
  return new Map(Array.from(table.entries(), ([key, value]) => [String(key), value]));
}
