/** A table, and what the peer has of it. */
interface PeersTable {
  readonly name: string;
  readonly has: ReadonlyMap<string, number>;
}

/** Knows the tables of which a peer lacks what it wrote itself: it is to hear that, once, before it gets it back. */
export class ForgottenTables {
  #origins: readonly string[] = [];
  readonly #due = new Set<string>();
  readonly #told = new Set<string>();

  /** Learns under what the peer writes. */
  meet(origins: readonly string[]): void {
    this.#origins = origins;
  }

  /** Notes what is about to be sent, if the peer wrote it itself. */
  note({ name, has }: PeersTable, origin: string, sequence: number): void {
    if (this.#origins.includes(origin) && (has.get(origin) ?? 0) < sequence) this.#due.add(name);
  }

  /** Lists those that are due, each once. */
  take(): string[] {
    if (this.#due.size === 0) return [];
    const names = [...this.#due].filter((name) => !this.#told.has(name));
    this.#due.clear();
    for (const name of names) this.#told.add(name);
    return names;
  }
}
