import type { Origin, Origins } from '../../log/operations/origin.ts';
import type { VersionVector } from '../../log/operations/version-vector.ts';

/** Bounds the lives of one node that a table remembers; beyond it the oldest is forgotten. */
export const MAX_LIVES_PER_NODE = 64;
/**
 * Bounds the lives of one node of which it is remembered what they had seen: the present one, and the one it
 * follows.
 */
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
  /** Per node the origins that are held, and how many they are altogether: looked for anew when that is not so. */
  readonly #byNode = new Map<string, number[]>();
  #count = 0;
  #begun: number | undefined;

  constructor(origins: Origins, held: VersionVector) {
    this.#origins = origins;
    this.#held = held;
  }

  /** Returns whether an origin's life was forgotten, so that what is held of it is no longer known. */
  isForgotten(origin: number): boolean {
    return this.isOver(this.#origins.at(origin)) && this.#held.get(origin) === 0;
  }

  /** Returns whether a life of which nothing is held is one that was forgotten. */
  isOver({ nodeId, epoch }: Pick<Origin, 'nodeId' | 'epoch'>): boolean {
    return epoch <= (this.forgotten.get(nodeId) ?? -1);
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
    this.#byNode.set(nodeId, lives.slice(old.length));
    this.#count -= old.length;
    this.#begun = origin;
    return old;
  }

  /** The lives of an origin's node of which it need not be known any more what they had seen: they write no more. */
  over(origin: number): number[] {
    return this.#livesOf(this.#origins.at(origin).nodeId).slice(0, 1 - LIVES_WITH_CONTEXT);
  }

  /** The lives of a node that are held, the oldest first. */
  #livesOf(nodeId: string): number[] {
    this.#catchUp();
    const lives = this.#byNode.get(nodeId) ?? [];
    return lives.toSorted((one, other) => this.#origins.at(one).epoch - this.#origins.at(other).epoch);
  }

  /** Looking through all that is held for each newcomer would cost the square of their number. */
  #catchUp(): void {
    if (this.#begun !== undefined && this.#held.get(this.#begun) > 0) {
      this.#enter(this.#begun);
      this.#begun = undefined;
    }
    if (this.#count === this.#held.size) return;
    this.#byNode.clear();
    this.#count = 0;
    this.#begun = undefined;
    for (const [index] of this.#held.entries()) this.#enter(index);
  }

  #enter(origin: number): void {
    const { nodeId } = this.#origins.at(origin);
    const lives = this.#byNode.get(nodeId);
    if (lives === undefined) this.#byNode.set(nodeId, [origin]);
    else lives.push(origin);
    this.#count++;
  }

  /** Takes over what another node forgot. */
  remember(nodeId: string, epoch: number): void {
    if (epoch > (this.forgotten.get(nodeId) ?? -1)) this.forgotten.set(nodeId, epoch);
  }
}
