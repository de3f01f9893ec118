import type { Environment } from '../environment.ts';
import { Backoff } from '../work/backoff.ts';
import type { Author } from './subjects.ts';

/** Reading what a table lacks is repeated, when nothing came of it, after such pauses. */
const AGAIN = { firstMs: 2000, maxMs: 30 * 60_000 };

/** Something that a table lacked when it was read again, and how long that is not to be done anew. */
interface Rewound {
  readonly lacking: string;
  readonly until: number;
  readonly pauses: Backoff;
}

/** A message of an author that goes on behind what the node lacks. */
export interface Gap extends Author {
  /** The last operation before what is missing. */
  readonly held: number;
  /** The place of the message; it is the last under its subject. */
  readonly place: number;
}

/** Knows which tables are read from their beginning on, where what is missing then is missing in the carrier, and which again. */
export class Beginnings {
  readonly #environment: Environment;
  /** Tables that are read from their beginning, with the authors of whom the node has less by now than it was given. */
  readonly #whole = new Map<string, Set<string>>();
  readonly #again = new Set<string>();
  readonly #rewound = new Map<string, Rewound>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** The node did not take all of what it was given of authors: what it lacks of them now was read already. */
  tookLess(table: string, origins: readonly string[]): void {
    for (const origin of origins) this.#whole.get(table)?.add(origin);
  }

  /** Everything is read from a place on; `baseOf` says where a table begins. */
  from(place: number, tables: Iterable<string>, baseOf: (table: string) => number): void {
    for (const table of tables) if (place <= baseOf(table)) this.#whole.set(table, new Set());
  }

  /** Returns whether what the node lacks of an author was not read since the table is read from its beginning on. */
  isWhole({ table, origin }: Author): boolean {
    return this.#whole.get(table)?.has(origin) === false;
  }

  /** Returns whether a table is to be read again from its beginning because something goes on that was not begun: once. */
  mayReadAgain(table: string): boolean {
    if (this.#again.has(table)) return false;
    this.#again.add(table);
    return true;
  }

  /**
   * Returns whether a table is to be read again for what it lacks: the same again and again, with nothing coming of it,
   * must not read everything again and again.
   */
  mayRewind(table: string, lacking: string): boolean {
    const now = this.#environment.elapsed();
    const known = this.#rewound.get(table);
    const isSame = known?.lacking === lacking;
    if (isSame && now < known.until) return false;
    const pauses = isSame ? known.pauses : new Backoff(AGAIN, () => this.#environment.random());
    this.#rewound.set(table, { lacking, until: now + pauses.next(), pauses });
    return true;
  }
}
