/** Counted for an origin that a peer gets directly, beside its text. */
const DIRECT_BYTES = 64;

/** Knows which origins a peer gets from their author directly, so that nobody else need send them. */
export class DirectOrigins {
  /** Holds `table\norigin`. */
  #named = new Set<string>();
  #bytes = 0;

  /** Estimates from above what is kept, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Returns whether the peer gets an origin's operations on a table directly. */
  has(table: string, origin: string): boolean {
    return this.#named.size > 0 && this.#named.has(`${table}\n${origin}`);
  }

  /** Takes the place of what was said before. */
  set(direct: readonly (readonly [origin: string, tables: readonly string[]])[]): void {
    this.#named = new Set(direct.flatMap(([origin, names]) => names.map((name) => `${name}\n${origin}`)));
    this.#bytes = 0;
    for (const text of this.#named) this.#bytes += DIRECT_BYTES + text.length;
  }
}
