/** One start of a node, as a durable store remembers it. */
export interface Start {
  /** Names the life of the process: another one after each start. */
  readonly life: string;
  /** The epoch in which the node wrote the store's tables; another one where something that was told may be lost. */
  readonly epoch: number;
  /** The last position of the store that was there then. */
  readonly position: number;
}

/** Starts that a store remembers: what was told in an older life is not known any more. */
export const MAX_STARTS = 64;

/**
 * The latest starts of a node, the oldest first. Positions behind the end of a log are given again after a start,
 * to other operations: these say of a position that was told in an earlier life whether it still means the same.
 */
export class Starts {
  readonly #starts: readonly Start[];

  constructor(starts: readonly Start[] = []) {
    this.#starts = starts.slice(-MAX_STARTS);
  }

  get all(): readonly Start[] {
    return this.#starts;
  }

  /** The same with one more. */
  and(start: Start): Starts {
    return new Starts([...this.#starts, start]);
  }

  /**
   * Returns up to where a reader who was told everything up to a position, in an earlier life, still has what stands
   * here; undefined where something that it was told may be gone, and for a life that is not remembered.
   */
  standing(position: number, life: string): number | undefined {
    const at = this.#starts.findIndex((start) => start.life === life);
    if (at < 0) return undefined;
    let standing = position;
    let { epoch } = this.#starts[at] as Start;
    for (const later of this.#starts.slice(at + 1)) {
      if (standing > later.position && later.epoch !== epoch) return undefined;
      standing = Math.min(standing, later.position);
      ({ epoch } = later);
    }
    return standing;
  }
}
