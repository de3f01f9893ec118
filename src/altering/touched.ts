import type { SideIndex } from './pairs.ts';
import type { Side } from './side.ts';

/** Is a key of one side that has to be looked at. */
export interface TouchedKey {
  readonly side: SideIndex;
  readonly text: string;
  /** Says that somebody wrote the row again, so that it lives on. */
  readonly isRenewed: boolean;
}

/** Holds the keys that were written and not looked at since: each once, so at most as many as there are rows. */
export class Touched {
  readonly #sides: readonly [Side, Side];
  readonly #keys: readonly [Map<string, boolean>, Map<string, boolean>] = [new Map(), new Map()];

  constructor(sides: readonly [Side, Side]) {
    this.#sides = sides;
  }

  get isEmpty(): boolean {
    return this.#keys.every((keys) => keys.size === 0);
  }

  note(side: SideIndex, key: unknown, isRenewed: boolean): void {
    this.#add({ side, text: this.#sides[side].text(key), isRenewed });
  }

  #add({ side, text, isRenewed }: TouchedKey): void {
    this.#keys[side].set(text, isRenewed || this.#keys[side].get(text) === true);
  }

  /** Takes so many of them, those of before first. */
  take(most: number): readonly TouchedKey[] {
    const taken: TouchedKey[] = [];
    for (const side of [0, 1] as const) {
      const keys = this.#keys[side];
      for (const [text, isRenewed] of keys) {
        if (taken.length === most) return taken;
        keys.delete(text);
        taken.push({ side, text, isRenewed });
      }
    }
    return taken;
  }

  putBack(taken: readonly TouchedKey[]): void {
    for (const key of taken) this.#add(key);
  }
}
