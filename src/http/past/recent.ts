interface Kept<T> {
  readonly value: Promise<T>;
  usedAt: number;
}

/** Results that are dear to make and are asked for page by page: so many, each for a while after it was last used. */
export class Recent<T> {
  readonly #kept = new Map<string, Kept<T>>();
  readonly #most: number;
  readonly #forMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(most: number, forMs: number) {
    this.#most = most;
    this.#forMs = forMs;
  }

  /** The result of a name; made when there is none. One that fails is not kept. */
  of(name: string, make: () => Promise<T>): Promise<T> {
    const present = this.find(name);
    if (present !== undefined) return present;
    const value = make();
    this.#kept.set(name, { value, usedAt: performance.now() });
    value.catch(() => this.#kept.delete(name));
    while (this.#kept.size > this.#most) this.#kept.delete(this.#kept.keys().next().value as string);
    this.#timer ??= setInterval(() => this.#forget(), this.#forMs / 4).unref();
    return value;
  }

  /** The result of a name, if it is kept. */
  find(name: string): Promise<T> | undefined {
    const kept = this.#kept.get(name);
    if (kept === undefined) return undefined;
    kept.usedAt = performance.now();
    // The one that was used last stands last.
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    return kept.value;
  }

  #forget(): void {
    const oldest = performance.now() - this.#forMs;
    for (const [name, { usedAt }] of this.#kept) if (usedAt < oldest) this.#kept.delete(name);
    if (this.#kept.size === 0) this.close();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#kept.clear();
  }
}
