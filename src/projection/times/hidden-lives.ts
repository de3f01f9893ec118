import type { Dot } from '../rows/dot.ts';

/** A name is what tells one write from all others. */
type Name = Pick<Dot, 'origin' | 'sequence'>;

/**
 * The lives of values that stand under a key beside the one its row shows, in tables whose rows expire by creation.
 * What is not known here, as after a restart, counts from the write itself: late, not early.
 */
export class HiddenLives {
  readonly #created = new Map<string, Map<string, number>>();

  /** Remembers when the life of a value began; `beside` are the values that the row does not show now. */
  keep(text: string, value: Name & { readonly created: number }, beside: readonly Name[]): void {
    const names = new Set(beside.map(nameOf));
    const known = [...(this.#created.get(text) ?? []), [nameOf(value), value.created] as const];
    const kept = known.filter(([name]) => names.has(name));
    if (kept.length === 0) this.#created.delete(text);
    else this.#created.set(text, new Map(kept));
  }

  /** Returns when the life of a value began, as far as it is known. */
  createdOf(text: string, value: Name): number | undefined {
    return this.#created.get(text)?.get(nameOf(value));
  }

  /** Nothing stands under a key any more. */
  forget(text: string): void {
    this.#created.delete(text);
  }
}

function nameOf({ origin, sequence }: Name): string {
  return `${origin} ${sequence}`;
}
