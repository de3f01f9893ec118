/** So many nodes say one hash of a table's rows: further ones with the same need not. */
const MAX_ALIKE = 8;
/** So many hashes of one state are said, if every node has another one. */
const MAX_HASHES = 16;

/** An announcement says which hash a node's rows of a table have in a state. */
export interface Announcement {
  readonly table: string;
  readonly state: string;
  readonly hash: string;
  readonly from: string;
}

/** Remembers what other nodes at rest said of their rows: of each table in one state, so much as is enough. */
export class Announcements {
  readonly #tables = new Map<string, { state: string; hashes: Map<string, Set<string>> }>();

  /** Takes in what a node said; what is said of the state in which the table is here stays. */
  note({ table, state, hash, from }: Announcement, own: string): void {
    let known = this.#tables.get(table);
    if (known?.state !== state) {
      if (known?.state === own) return;
      known = { state, hashes: new Map() };
      this.#tables.set(table, known);
    }
    const nodes = known.hashes.get(hash) ?? new Set();
    if (known.hashes.size >= MAX_HASHES && !known.hashes.has(hash)) return;
    known.hashes.set(hash, nodes);
    if (nodes.size < MAX_ALIKE) nodes.add(from);
  }

  /** Lists who said another hash of a table in a state. */
  others(table: string, state: string, hash: string): string[] {
    const hashes = [...this.#of(table, state)];
    return hashes.flatMap(([other, nodes]) => (other === hash ? [] : [...nodes]));
  }

  /** Returns whether enough is said of a table in a state, so that a node with this hash need not say it. */
  isEnough(table: string, state: string, hash: string): boolean {
    const hashes = this.#of(table, state);
    const alike = hashes.get(hash);
    return alike === undefined ? hashes.size >= MAX_HASHES : alike.size >= MAX_ALIKE;
  }

  /** Forgets what was said of a table: what is said from now on counts. */
  forget(table: string): void {
    this.#tables.delete(table);
  }

  #of(table: string, state: string): ReadonlyMap<string, ReadonlySet<string>> {
    const known = this.#tables.get(table);
    return known?.state === state ? known.hashes : new Map();
  }
}
