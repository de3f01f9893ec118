import type { CarriedHead, CarrierLink } from './carrier.ts';
import { type Author, BUNDLE, CHECKPOINT, authorOf, publisherOf, readHead } from './subjects.ts';

/** An entry says what a carrier holds of one author in one table. */
export interface Entry {
  /** The last of its operations that is there. */
  readonly held: number;
  /** The session of the author that wrote it. */
  readonly session: number;
  /** Is the place of the last message; 0 when there is none. */
  readonly place: number;
  /** The node that appended it. */
  readonly by: string;
}

/** Most lives of one node that are known of a table, and of all nodes that are said. */
const MAX_LIVES_OF_NODE = 64;
const MAX_LIVES = 16_384;
/** Nothing is there. */
const NOTHING: Entry = { held: 0, session: 0, place: 0, by: '' };

/** A kept checkpoint stands in a carrier in the place of operations. */
export interface KeptCheckpoint {
  readonly name: string;
  /** The one before it, which may still be being read. */
  readonly before: string | undefined;
  readonly bytes: number;
  /** Lists what it stands for, with the sessions of the last operations. */
  readonly held: readonly (readonly [origin: string, sequence: number, session: number])[];
  readonly mode: string;
  readonly epoch: { readonly counter: number; readonly origin: string } | undefined;
  /** Everything of the table up to this place is in it. */
  readonly through: number;
}

/** Knows what a carrier holds of each table and author: by its last messages, and by its checkpoints. */
export class Ledger {
  /** By last messages: by table and author, the entry of each life. */
  readonly #tables = new Map<string, Map<string, Map<string, Entry>>>();
  /** By checkpoints. */
  readonly #covered = new Map<string, Map<string, Pick<Entry, 'held' | 'session'>>>();
  /** Holds the place where the last checkpoint of each table is told of. */
  readonly checkpoints: Map<string, number> = new Map();
  readonly #nodeId: string;
  /** The last bundle that this node began, and where it ended one. */
  #begun: { readonly bundle: string; readonly place: number } | undefined;
  #endedAt = 0;

  constructor(nodeId: string) {
    this.#nodeId = nodeId;
  }

  /** Reads what a carrier holds when a link of a node was opened. */
  static async of(link: CarrierLink, nodeId: string): Promise<Ledger> {
    const ledger = new Ledger(nodeId);
    if (link.newest > 0) for await (const head of link.latest()) ledger.note(head);
    return ledger;
  }

  /** A message stands in the memory. */
  note({ subject, headers, place }: CarriedHead): void {
    const author = authorOf(subject);
    if (author !== undefined) {
      if (this.entry(author.table, author.origin).place <= place) this.stands(author, { headers, place });
    } else if (subject[0] === CHECKPOINT && subject[1] !== undefined) {
      this.checkpoints.set(subject[1], place);
    } else if (subject[0] === BUNDLE && subject[1] === this.#nodeId)
      this.endsAt(Math.max(place, this.#endedAt));
  }

  /** The place where this node ended a bundle last; 0 when it did not. */
  get end(): number {
    return this.#endedAt;
  }

  /** The last end of a bundle of this node stands there. */
  endsAt(place: number): void {
    this.#endedAt = place;
  }

  /** The bundle that this node began last, unless it ended it. */
  get open(): string | undefined {
    return this.#begun !== undefined && this.#begun.place > this.#endedAt ? this.#begun.bundle : undefined;
  }

  /** Returns what is known of an author in a table. */
  entry(table: string, origin: string): Entry {
    const said = this.#tables.get(table)?.get(authorIn(origin))?.get(origin) ?? NOTHING;
    const covered = this.#covered.get(table)?.get(origin);
    return covered === undefined || covered.held <= said.held ? said : { ...said, ...covered };
  }

  /**
   * Takes in which message is the last under an author's subject; undefined: none is. One that no node wrote says
   * nothing of operations: what was known of them stays, and what follows is appended behind it.
   */
  stands({ table, origin }: Author, message: Pick<CarriedHead, 'headers' | 'place'> | undefined): void {
    const entries = innerOf(innerOf(this.#tables, table), authorIn(origin));
    const head = message && readHead(message.headers);
    const bundle = head?.bundle;
    if (message !== undefined && bundle !== undefined && publisherOf(bundle) === this.#nodeId)
      this.#begun = { bundle, place: message.place };
    const known = (message && entries.get(origin)) ?? NOTHING;
    const { held, session, by } = head ?? known;
    if (!entries.has(origin) && entries.size >= MAX_LIVES_OF_NODE) forgetOldest(entries);
    entries.set(origin, { held, session, by, place: message?.place ?? 0 });
  }

  /**
   * The last checkpoint of a table stands for operations that need no messages: those up to its place are gone, or soon
   * will be. An earlier one does not count any more.
   */
  covers(table: string, { held, through }: Pick<KeptCheckpoint, 'held' | 'through'>): void {
    const covered = held.map(([origin, sequence, session]) => [origin, { held: sequence, session }] as const);
    this.#covered.set(table, new Map(covered));
    for (const entries of this.#tables.get(table)?.values() ?? [])
      for (const [origin, { place }] of entries) if (place <= through) entries.delete(origin);
  }

  /** Lists what is held of a table. */
  vector(table: string): [origin: string, entry: Entry][] {
    const authors = [...(this.#tables.get(table)?.values() ?? [])];
    const origins = new Set([
      ...authors.flatMap((entries) => [...entries.keys()]),
      ...(this.#covered.get(table)?.keys() ?? []),
    ]);
    return Array.from([...origins].slice(0, MAX_LIVES), (origin: string) => [
      origin,
      this.entry(table, origin),
    ]);
  }
}

function authorIn(origin: string): string {
  return origin.slice(0, origin.lastIndexOf('@'));
}

function innerOf<T>(maps: Map<string, Map<string, T>>, name: string): Map<string, T> {
  let inner = maps.get(name);
  if (inner === undefined) maps.set(name, (inner = new Map()));
  return inner;
}

/** Forgets, of too many lives of a node, the one that wrote longest ago. */
function forgetOldest(entries: Map<string, Entry>): void {
  const [oldest] = [...entries].toSorted(([, one], [, other]) => one.place - other.place);
  if (oldest !== undefined) entries.delete(oldest[0]);
}
