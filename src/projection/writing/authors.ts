import type { ProjectionContext } from '../context.ts';
import { type AuthoredTable, LocalAuthor } from './local-author.ts';

/** Knows as whom this node writes a table: as its present life, and for others who have no log of their own. */
export class Authors {
  /** Writes what this node itself says; undefined while it does not write the table. */
  main: LocalAuthor | undefined;
  readonly #byOrigin = new Map<number, LocalAuthor>();
  readonly #table: AuthoredTable;
  readonly #context: ProjectionContext;

  constructor(table: AuthoredTable, context: ProjectionContext) {
    this.#table = table;
    this.#context = context;
  }

  /** Number of the origin this node writes this table as; -1 while it does not. */
  get own(): number {
    return this.main?.origin ?? -1;
  }

  /** Everybody this node writes the table as. */
  all(): Iterable<LocalAuthor> {
    return this.#byOrigin.values();
  }

  /** From now on this node writes as `origin`, going on after what it holds of it. */
  writeAs(origin: string, position: number): void {
    this.#byOrigin.clear();
    this.main = this.of(origin, () => position);
  }

  /**
   * The author of operations that this node writes for somebody without a log of his own, going on after
   * what is held of that origin. No other node may write as `origin`. A new author asks for the position
   * that its first operation can have at the earliest; no run may be open then.
   */
  of(origin: string, begin: () => number): LocalAuthor {
    const known = this.#byOrigin.get(this.#context.origins.intern(origin));
    if (known !== undefined) return known;
    const author = new LocalAuthor(this.#table, this.#context, { origin, position: begin() });
    this.#byOrigin.set(author.origin, author);
    return author;
  }

  /** Returns whether this node writes the table as an origin. */
  writes(origin: number): boolean {
    return this.#byOrigin.has(origin);
  }

  /** Returns whether an origin is a life of this node, past or present. */
  isOwn(origin: number): boolean {
    return this.writes(origin) || this.#context.isOwn?.(origin) === true;
  }

  /** Is what was held of this node's own origin before it wrote anything as it. */
  get startedAt(): number {
    return this.main?.startedAt ?? 0;
  }

  /** Says whether this node wrote the table since it began its present life. */
  get wrote(): boolean {
    for (const author of this.all()) if (author.wrote) return true;
    return false;
  }
}
