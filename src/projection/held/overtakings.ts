import type { VersionVector } from '../../log/operations/version-vector.ts';

/** Most overtakings that a table remembers; beyond it those of the pair of authors noted first are forgotten. */
export const MAX_OVERTAKINGS = 4096;

/** An author had seen, from its operation `from` on, what `origin` wrote up to `through`, and not all of that is here. */
export interface Overtaking {
  readonly by: number;
  readonly from: number;
  readonly origin: number;
  readonly through: number;
}

/** An operation, by numbers: see {@link Origins}. */
interface Name {
  readonly origin: number;
  readonly sequence: number;
}

/** A table answers what overtakings ask of it. */
interface OvertakenTable {
  readonly held: VersionVector;
  /** Per author, what it had seen when it wrote what is about to take effect. */
  readonly contexts: ReadonlyMap<number, VersionVector>;
  /** Documents tell by themselves what they wait for, and show nothing of it before. */
  readonly documents: unknown;
  readonly lives: { isForgotten(origin: number): boolean };
  writes(origin: number): boolean;
}

/**
 * An operation is overtaken while operations are here whose authors had seen it: operations of different
 * authors may arrive in another order than the one in which they were written. By it a table tells a write
 * that was replaced before it arrived from one that nobody had seen. Until everything is here that was
 * overtaken; bounded by {@link MAX_OVERTAKINGS}.
 */
export class Overtakings {
  /** Per origin that was overtaken and author that did, both numbers ascending. */
  readonly #byOrigin = new Map<number, Map<number, Overtaking[]>>();
  readonly #table: OvertakenTable;
  #count = 0;

  constructor(table: OvertakenTable) {
    this.#table = table;
  }

  get size(): number {
    return this.#count;
  }

  /** Returns whether anything of an origin was overtaken. */
  concerns(origin: number): boolean {
    return this.#count > 0 && this.#byOrigin.has(origin);
  }

  /** Origins of which something was overtaken. */
  origins(): Iterable<number> {
    return this.#byOrigin.keys();
  }

  *all(): Generator<Overtaking, void, undefined> {
    for (const authors of this.#byOrigin.values()) for (const list of authors.values()) yield* list;
  }

  /** A copy for a table that holds more, and has heard of more. */
  with(held: VersionVector, more: Iterable<Overtaking>): Overtakings {
    const { contexts, documents, lives } = this.#table;
    const writes = (origin: number): boolean => this.#table.writes(origin);
    const copy = new Overtakings({ held, contexts, documents, lives, writes });
    for (const each of this.all()) copy.note(each);
    for (const each of more) copy.note(each);
    return copy;
  }

  /** Notes one, if it is one: what an author had seen may be here. Returns whether it is, and was not known. */
  note(overtaking: Overtaking): boolean {
    const { origin, by, through } = overtaking;
    const { held, documents, lives } = this.#table;
    if (through <= held.get(origin) || documents !== undefined) return false;
    if (this.#table.writes(origin) || lives.isForgotten(origin)) return false;
    const last = this.#byOrigin.get(origin)?.get(by)?.at(-1);
    if (last !== undefined && (last.through >= through || last.from > overtaking.from)) return false;
    this.#add(overtaking);
    return true;
  }

  #add(overtaking: Overtaking): void {
    const { origin, by } = overtaking;
    if (this.#count >= MAX_OVERTAKINGS) this.#forgetFirst();
    const authors = this.#byOrigin.get(origin) ?? new Map<number, Overtaking[]>();
    this.#byOrigin.set(origin, authors);
    const list = authors.get(by) ?? [];
    authors.set(by, list);
    list.push(overtaking);
    this.#count++;
  }

  #forgetFirst(): void {
    for (const [origin, authors] of this.#byOrigin)
      for (const [by] of authors) return this.#drop(origin, authors, by);
  }

  /** The highest sequence of an origin that authors here had seen; 0 when it was not overtaken. */
  through(origin: number): number {
    let highest = 0;
    for (const list of this.#byOrigin.get(origin)?.values() ?? [])
      highest = Math.max(highest, list.at(-1)?.through ?? 0);
    return highest;
  }

  /**
   * Returns whether the author of an operation that is here had seen another one that comes only now. Not when that one's
   * author had seen the former: then somebody claims to have seen what was not written yet.
   */
  hasSeen({ origin: by, sequence }: Name, late: Name): boolean {
    const list = this.#byOrigin.get(late.origin)?.get(by);
    const last = list === undefined ? undefined : lastUpTo(list, sequence);
    if (last === undefined || last.through < late.sequence) return false;
    return (this.#table.contexts.get(late.origin)?.get(by) ?? 0) < sequence;
  }

  /** More is held of an origin: what has arrived is forgotten. */
  arrived(origin: number): void {
    if (!this.concerns(origin)) return;
    const held = this.#table.held.get(origin);
    const authors = this.#byOrigin.get(origin);
    for (const [by, list] of authors ?? []) {
      const kept = list.filter(({ through }) => through > held);
      if (kept.length === list.length) continue;
      this.#drop(origin, authors as Map<number, Overtaking[]>, by);
      for (const each of kept) this.#add(each);
    }
  }

  /** Forgets a life altogether. */
  forget(life: number): void {
    for (const [origin, authors] of this.#byOrigin)
      for (const by of authors.keys()) if (origin === life || by === life) this.#drop(origin, authors, by);
  }

  #drop(origin: number, authors: Map<number, Overtaking[]>, by: number): void {
    this.#count -= authors.get(by)?.length ?? 0;
    authors.delete(by);
    if (authors.size === 0) this.#byOrigin.delete(origin);
  }
}

/** The last one that an author had seen when it wrote an operation. What a peer can make long is not walked through for each. */
function lastUpTo(list: readonly Overtaking[], sequence: number): Overtaking | undefined {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as Overtaking).from <= sequence) low = middle + 1;
    else high = middle;
  }
  return list[low - 1];
}
