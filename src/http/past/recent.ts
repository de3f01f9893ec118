import { MAX_WAITING } from '../limits.ts';
import { Problem } from '../problem.ts';
import { Places } from '../places.ts';

interface Kept<T> {
  readonly value: Promise<T>;
  usedAt: number;
}

/**
 * Results that are dear to make and are asked for page by page: so many are kept, each for a while after it was last
 * used, and as many are being made at one time. Who asks for another one waits, so many at most.
 */
export class Recent<T> {
  readonly #kept = new Map<string, Kept<T>>();
  readonly #most: number;
  readonly #forMs: number;
  readonly #places: Places;
  #timer: NodeJS.Timeout | undefined;

  constructor(most: number, forMs: number) {
    this.#most = most;
    this.#forMs = forMs;
    this.#places = new Places(most);
  }

  /**
   * Resolves with the result of a name; made when there is none. The name is asked for again when it is made, since
   * one that has waited may be of a later moment, and `named` says what it is kept as once it is made. One that fails is
   * not kept. Rejects with a problem when too many wait.
   */
  async of(name: () => string, make: () => Promise<T>, named?: (value: T) => string): Promise<T> {
    const present = this.find(name());
    if (present !== undefined) return present;
    return this.once(() => this.find(name()) ?? this.#made(name(), make, named));
  }

  /** Resolves with a result that is for nobody else: made beside as many others as may be, and not kept. */
  async once(make: () => Promise<T>): Promise<T> {
    if (this.#places.waiting >= MAX_WAITING) throw tooMany();
    const leave = await this.#places.enter();
    try {
      return await make();
    } finally {
      leave();
    }
  }

  #made(name: string, make: () => Promise<T>, named: (value: T) => string = () => name): Promise<T> {
    const value = make();
    this.#kept.set(name, { value, usedAt: performance.now() });
    value.then(
      (made) => this.#rename(name, named(made)),
      () => this.#kept.delete(name),
    );
    while (this.#kept.size > this.#most) this.#kept.delete(this.#kept.keys().next().value as string);
    this.#timer ??= setInterval(() => this.#forget(), this.#forMs / 4).unref();
    return value;
  }

  #rename(before: string, name: string): void {
    const kept = this.#kept.get(before);
    if (kept === undefined || name === before) return;
    this.#kept.delete(before);
    this.#kept.set(name, kept);
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

function tooMany(): Problem {
  return new Problem(
    'TOO_MANY',
    `More than ${MAX_WAITING} requests wait for a list, a past state or an undo.`,
    {
      hint: 'Ask again when others have been answered.',
      retryable: true,
      headers: { 'retry-after': '5' },
      details: { limit: MAX_WAITING },
    },
  );
}
