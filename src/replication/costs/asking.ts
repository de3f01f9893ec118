import type { Environment, Timer } from '../../environment.ts';

/** Bounds how soon a peer is asked again, in milliseconds. */
const ASK_AGAIN_MS = 2000;

/**
 * Asks a peer for what a table lacks: at once, and again while it goes on to be lacking, but not for each frame that
 * shows it. What it says of itself then takes as long as the table has lives, whatever the frame was.
 */
export class Asking {
  readonly #environment: Environment;
  readonly #ask: (tables: readonly string[]) => void;
  /** Tables asked for of late, and whether one of them was found lacking again since. */
  readonly #asked = new Map<string, boolean>();
  #timer: Timer | undefined;

  constructor(environment: Environment, ask: (tables: readonly string[]) => void) {
    this.#environment = environment;
    this.#ask = ask;
  }

  /** A table lacks something. */
  ask(table: string): void {
    if (this.#asked.has(table)) {
      this.#asked.set(table, true);
      return;
    }
    this.#asked.set(table, false);
    this.#timer ??= this.#environment.schedule(ASK_AGAIN_MS, () => this.#again());
    this.#ask([table]);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#asked.clear();
  }

  #again(): void {
    this.#timer = undefined;
    const lacking = Array.from(this.#asked).flatMap(([table, isLacking]) => (isLacking ? table : []));
    this.#asked.clear();
    for (const table of lacking) this.ask(table);
  }
}
