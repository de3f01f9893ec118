import type { Environment } from '../../environment.ts';
import type { Slices, Work } from '../../work/slices.ts';
import type { PeerTables } from './peer-tables.ts';
import type { Hello } from '../wire/bodies.ts';

/** Most names of tables that are told as coming directly: of further ones operations are relayed once too often. */
const MAX_DIRECT_NAMES = 16_384;
/** Bytes of them that are written in one unit. */
const BYTES_PER_UNIT = 64;

/** A peer that origins come from directly, and that is told of those of others. */
export interface Directed {
  readonly hello: Hello | undefined;
  readonly tables: PeerTables;
  /** Tells it what comes from others, and what is held of `lost` origins; returns how many bytes that took. */
  sayDirect(lost: readonly (readonly [string, readonly string[]])[]): number;
  /** So many bytes were sent to others because of it. */
  charge(bytes: number): void;
}

/** The parts are what telling the peers needs. */
export interface DirectionsParts {
  readonly environment: Environment;
  readonly slices: Slices;
  readonly sessions: ReadonlySet<Directed>;
}

/**
 * Tells every peer which origins come to this node directly from others: once for all that happens in one turn, in
 * slices. What it takes is charged to those who made it necessary: with few bytes a peer makes this node tell many.
 */
export class Directions {
  readonly #parts: DirectionsParts;
  readonly #causes = new Set<Directed>();
  #lost: (readonly [string, readonly string[]])[] = [];
  #due = false;

  constructor(parts: DirectionsParts) {
    this.#parts = parts;
  }

  /** Other tables are shared with a peer than before. */
  changed(cause: Directed): void {
    this.#causes.add(cause);
    this.#later();
  }

  /** A peer is gone, and nothing comes from it any more. */
  lost({ hello, tables }: Directed): void {
    const names = writableOf(tables);
    for (const origin of names.length > 0 ? (hello?.origins ?? []) : []) this.#lost.push([origin, names]);
    this.#later();
  }

  /** Origins that come from other peers than one, with the tables it may know of. */
  beside(tables: PeerTables): readonly (readonly [string, readonly string[]])[] {
    const found: (readonly [string, readonly string[]])[] = [];
    let left = MAX_DIRECT_NAMES;
    for (const other of this.#parts.sessions) {
      if (other.tables === tables || other.hello === undefined || left <= 0) continue;
      const names = writableOf(other.tables).filter((name) => tables.grant.mayRead(name));
      if (names.length === 0) continue;
      for (const origin of other.hello.origins) {
        if (left <= 0) break;
        found.push([origin, names]);
        left -= names.length;
      }
    }
    return found;
  }

  #later(): void {
    if (this.#due) return;
    this.#due = true;
    this.#parts.environment.defer(() => {
      this.#parts.slices.run(this.#tell(), { done: () => undefined, failed: throws });
    });
  }

  *#tell(): Work {
    this.#due = false;
    const causes = [...this.#causes];
    const lost = this.#lost;
    this.#causes.clear();
    this.#lost = [];
    for (const session of this.#parts.sessions) {
      const bytes = session.sayDirect(lost);
      for (const cause of causes) if (cause !== session) cause.charge(bytes / causes.length);
      yield 1 + bytes / BYTES_PER_UNIT;
    }
  }
}

/** Tables that may come from a peer: what it may not write does not, of any author. */
function writableOf({ shared }: PeerTables): string[] {
  return Array.from(shared.values()).flatMap(({ name, writable }) => (writable ? name : []));
}

function throws(error: unknown): never {
  throw error;
}
