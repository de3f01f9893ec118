import { TablecastError } from '../../errors.ts';
import type { Origins } from '../../log/operations/origin.ts';

/** Most lives that one node's operations in a table may name of which no operation is held: as many as a table holds. */
export const MAX_CLAIMS_OF_AUTHOR = 8192;
/** Most of a table altogether; beyond it each node may still name a few. */
export const MAX_CLAIMS_OF_TABLE = 65_536;
export const CLAIMS_BEYOND = 64;

/**
 * Lives that operations of a table name, in contexts and dictionaries, and of which nothing is held there: what
 * anybody who may write the table can say as he likes, and every node that hears it has to remember. So it is charged
 * to the node that said it, in that table, until an operation of the life is held. It takes nothing from other tables,
 * nor from what other nodes may name.
 */
export class Claims {
  readonly #origins: Origins;
  readonly #table: string;
  /** Remembers who named a life first of which nothing is held, by the life's number. */
  readonly #authors = new Map<number, string>();
  readonly #ofAuthor = new Map<string, number>();

  constructor(origins: Origins, table: string) {
    this.#origins = origins;
    this.#table = table;
  }

  /** Counts these texts that name lives which nobody has named before. */
  unknown(texts: readonly string[]): number {
    let count = 0;
    for (const text of texts) if (this.#origins.find(text) === undefined) count++;
    return count;
  }

  /** Throws `LIMIT_EXCEEDED` unless a node may name so many more. */
  require(author: string, count: number): void {
    const own = (this.#ofAuthor.get(author) ?? 0) + count;
    const isRoom = this.#authors.size + count <= MAX_CLAIMS_OF_TABLE || own <= CLAIMS_BEYOND;
    if (count === 0 || (own <= MAX_CLAIMS_OF_AUTHOR && isRoom)) return;
    const limit = isRoom ? MAX_CLAIMS_OF_AUTHOR : MAX_CLAIMS_OF_TABLE;
    throw new TablecastError(
      'LIMIT_EXCEEDED',
      `Operations of ${author} in table ${this.#table} name ${own} origins that wrote nothing there: more than ${limit}${isRoom ? '' : ' of all nodes together'}.`,
      {
        hint: 'Find out what that node writes: it names origins of which nobody has an operation.',
        details: { table: this.#table, author, limit },
      },
    );
  }

  /** The number of a life that a node names. Throws `OPERATION_INVALID` for a text that names none. */
  intern(text: string, author: string): number {
    const known = this.#origins.find(text);
    if (known !== undefined) return known;
    const index = this.#origins.intern(text);
    this.#authors.set(index, author);
    this.#ofAuthor.set(author, (this.#ofAuthor.get(author) ?? 0) + 1);
    return index;
  }

  /** Operations of a life are held from now on: it is no claim any more. */
  held(origin: number): void {
    const author = this.#authors.get(origin);
    if (author === undefined) return;
    this.#authors.delete(origin);
    const left = (this.#ofAuthor.get(author) ?? 0) - 1;
    if (left > 0) this.#ofAuthor.set(author, left);
    else this.#ofAuthor.delete(author);
  }
}
