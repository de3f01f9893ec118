import { Marks } from '../../log/operations/marks.ts';
import type { Origins } from '../../log/operations/origin.ts';
import { SessionMarks } from '../../log/operations/session-marks.ts';
import { VersionVector } from '../../log/operations/version-vector.ts';
import type { Dictionary } from '../../log/runs/dictionary.ts';
import type { DecodedRun } from '../../log/runs/run.ts';
import { Claims } from './claims.ts';
import { Lives } from './lives.ts';
import { Overtakings } from './overtakings.ts';

/** An author of this node counts what it wrote, and tells others what it has seen. */
interface Author {
  countHeld(): void;
  noteSeen(origin: number): void;
}

/** The table is what is held, and who of this node writes it. */
interface HoldingTable {
  readonly schema: { readonly name: string };
  /** Documents tell by themselves what they wait for. */
  readonly inForce: { readonly documents: unknown };
  readonly authors: { all(): Iterable<Author>; writes(origin: number): boolean };
}

/** Knows what is held of each origin: how far, in which words its runs are written, and what its author had seen. */
export class Held {
  /** Per origin, the highest sequence held; own operations count when their run is finished, see {@link vector}. */
  readonly sequences: VersionVector = new VersionVector();
  /** Per origin, what its author had seen of others when it wrote its latest operation held here. */
  readonly contexts: Map<number, VersionVector> = new Map();
  /** Holds what is still to come although somebody who had seen it was heard of before. */
  readonly overtakings: Overtakings;
  readonly dictionaries: Map<number, Dictionary> = new Map();
  readonly marks: Marks = new Marks();
  /** In which session of its author what is held was written: tells two contents under one name apart. */
  readonly sessions: SessionMarks = new SessionMarks();
  readonly lives: Lives;
  readonly claims: Claims;
  /** Counts the operations held that came summed up in checkpoints: replay costs rows for them. */
  summedUp = 0;
  readonly #table: HoldingTable;

  constructor(table: HoldingTable, origins: Origins) {
    this.#table = table;
    this.lives = new Lives(origins, this.sequences);
    this.claims = new Claims(origins, table.schema.name);
    const { sequences: held, contexts, lives } = this;
    this.overtakings = new Overtakings({
      held,
      contexts,
      lives,
      get documents() {
        return table.inForce.documents;
      },
      writes: (origin) => table.authors.writes(origin),
    });
  }

  /** Returns what is held of each origin, own operations included. */
  vector(): VersionVector {
    for (const author of this.#table.authors.all()) author.countHeld();
    return this.sequences;
  }

  /** Returns what an origin's author is known to have seen. */
  contextOf(origin: number): VersionVector {
    const known = this.contexts.get(origin);
    if (known !== undefined) return known;
    const context = new VersionVector();
    this.contexts.set(origin, context);
    return context;
  }

  /** Notes that more is held of an origin, so that the next run of each author tells others. */
  noteSeen(origin: number): void {
    for (const author of this.#table.authors.all()) author.noteSeen(origin);
  }

  /** Counts a run's first operations that are held already; undefined when one before it is missing (INV-2). */
  overlap(run: Pick<DecodedRun, 'firstSequence' | 'count'>, origin: number): number | undefined {
    const held = this.vector().get(origin);
    if (held === 0 && this.lives.isForgotten(origin)) return run.count;
    if (run.firstSequence > held + 1) return undefined;
    return Math.min(run.count, held - run.firstSequence + 1);
  }

  /** Makes room in the version vector for a life that is not in it yet. */
  beginLife(origin: number): void {
    this.claims.held(origin);
    for (const old of this.lives.begin(origin)) this.#forget(old);
    // Every life has seen what every other had: kept for all of them, that would be the square of their number.
    for (const over of this.lives.over(origin)) this.contexts.delete(over);
  }

  /** Forgets what runs of a life brought, as if nothing of it had ever been held. */
  #forget(life: number): void {
    this.contexts.delete(life);
    this.dictionaries.delete(life);
    this.sessions.forget(life);
    this.overtakings.forget(life);
    for (const seen of this.contexts.values()) seen.set(life, 0);
  }
}
