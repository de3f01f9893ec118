import type { TableState } from '../replication/wire/bodies.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { Parts } from './parts-of-messages.ts';
import type { Author } from './subjects.ts';

/** Stands for the author where everything of a table is held back, or its checkpoint. */
const EVERYBODY = '';

/** The parts are what says what there is to have. */
interface HadParts {
  readonly ledger: Ledger;
  readonly checkpoints: Pick<Checkpoints, 'of'>;
  /** Holds what was read and not given. */
  readonly pieces: Pick<Parts, 'before' | 'held'>;
}

/** Knows what a node has of each table and author, or was given, and what it lacks of what a carrier holds. */
export class Had {
  readonly #parts: HadParts;
  readonly #tables = new Map<string, Map<string, number>>();
  /** Authors of each table of whom the node takes nothing at present. */
  readonly #heldBack = new Map<string, ReadonlySet<string>>();

  constructor(parts: HadParts) {
    this.#parts = parts;
  }

  /** The node says what it has of a table; returns the authors of whom that is less than it was given. */
  said({ name, held, heldBack = [] }: Pick<TableState, 'name' | 'held' | 'heldBack'>): readonly string[] {
    const before = [...(this.#tables.get(name) ?? [])];
    this.#tables.set(name, new Map(held));
    const waiting = heldBack.filter(({ asked }) => asked !== true);
    this.#heldBack.set(name, new Set(waiting.map(({ origin }) => origin)));
    return before.flatMap(([origin, had]) => (this.of({ table: name, origin }) < had ? [origin] : []));
  }

  /** Lists the tables of which the node said what it has. */
  get tables(): readonly string[] {
    return [...this.#tables.keys()];
  }

  isSaid(table: string): boolean {
    return this.#tables.has(table);
  }

  /** The last operation of an author that the node has, or was given. */
  of({ table, origin }: Author): number {
    return this.#tables.get(table)?.get(origin) ?? 0;
  }

  /** The node has operations, because it wrote, brought or was given them. */
  add({ table, origin }: Author, sequence: number): void {
    const has = this.#tables.get(table);
    if (has !== undefined && (has.get(origin) ?? 0) < sequence) has.set(origin, sequence);
  }

  /** Pieces that are held back were not given, and will be read anew. */
  forgetHeld(): void {
    for (const { author, first } of this.#parts.pieces.held)
      this.#tables.get(author.table)?.set(author.origin, Math.min(first - 1, this.of(author)));
  }

  /** Lists the authors of a table of whom the node lacks what messages had that were read, before a place. */
  lacking(table: string, before: number): [origin: string, entry: Entry][] {
    const { ledger, pieces } = this.#parts;
    return ledger.vector(table).filter(([origin, { held, place }]) => {
      const most = Math.min(held, pieces.before(table, origin));
      return place < before && this.of({ table, origin }) < most;
    });
  }

  /** Returns whether the node has all that a checkpoint of a table stands for. */
  covers(table: string, held: readonly (readonly [string, number, ...unknown[]])[]): boolean {
    return held.every(([origin, sequence]) => this.of({ table, origin }) >= sequence);
  }

  /**
   * Says what of a table the node lacks of what was read before a place, or is not read any more because a checkpoint
   * stands for it; undefined: nothing. What it takes at no time is left out, where only what it may take is asked for.
   */
  lack(table: string, before: number, isTakenOnly = false): string | undefined {
    const checkpoint = this.#parts.checkpoints.of(table);
    const heldBack = isTakenOnly ? this.#heldBack.get(table) : undefined;
    if (heldBack?.has(EVERYBODY) === true) return undefined;
    const uncovered = (checkpoint?.held ?? []).filter((one) => !this.covers(table, [one]));
    const origins = [...uncovered, ...this.lacking(table, before)].map(([origin]) => origin);
    const lacking = [...new Set(origins)].filter((origin) => heldBack?.has(origin) !== true);
    if (lacking.length === 0) return undefined;
    return JSON.stringify([checkpoint?.name, lacking.map((origin) => [origin, this.of({ table, origin })])]);
  }
}
