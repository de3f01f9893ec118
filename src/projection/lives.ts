import type { Origins } from '../log/origin.ts';
import type { VersionVector } from '../log/version-vector.ts';

/** How many lives of one node a table remembers; beyond it the oldest is forgotten. */
export const MAX_LIVES_PER_NODE = 64;
/** Of how many lives of one node it is remembered what they had seen: the present one, and the one it follows. */
const LIVES_WITH_CONTEXT = 2;

/**
 * Keeps version vectors small over thousands of restarts: of each node, only its latest lives keep
 * an entry. Operations of a forgotten life that arrive later are not applied, and reported.
 */
export class Lives {
  readonly #origins: Origins;
  readonly #held: VersionVector;
  /** Per node, the highest epoch that was forgotten. */
  readonly forgotten: Map<string, number> = new Map();

  constructor(origins: Origins, held: VersionVector) {
    this.#origins = origins;
    this.#held = held;
  }

  /** Whether an origin's life was forgotten, so that what is held of it is no longer known. */
  isForgotten(origin: number): boolean {
    const { nodeId, epoch } = this.#origins.at(origin);
    return epoch <= (this.forgotten.get(nodeId) ?? -1) && this.#held.get(origin) === 0;
  }

  /** A life is about to get its first entry; returns the origins that must be forgotten for it. */
  begin(origin: number): number[] {
    const { nodeId } = this.#origins.at(origin);
    const lives = this.#livesOf(nodeId);
    const old = lives.slice(0, Math.max(0, lives.length + 1 - MAX_LIVES_PER_NODE));
    for (const life of old) {
      this.#held.set(life, 0);
      this.remember(nodeId, this.#origins.at(life).epoch);
    }
    return old;
  }

  /** The lives of an origin's node of which it need not be known any more what they had seen: they write no more. */
  over(origin: number): number[] {
    return this.#livesOf(this.#origins.at(origin).nodeId).slice(0, 1 - LIVES_WITH_CONTEXT);
  }

  /** The lives of a node that are held, the oldest first. */
  #livesOf(nodeId: string): number[] {
    return Array.from(this.#held.entries(), ([index]) => index)
      .filter((index) => this.#origins.at(index).nodeId === nodeId)
      .toSorted((one, other) => this.#origins.at(one).epoch - this.#origins.at(other).epoch);
  }

  /** Takes over what another node forgot. */
  remember(nodeId: string, epoch: number): void {
    if (epoch > (this.forgotten.get(nodeId) ?? -1)) this.forgotten.set(nodeId, epoch);
  }
}
