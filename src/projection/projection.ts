import type { ConflictMode } from '../modes/conflict-mode.ts';
import type { Schema, Value } from '../schema/index.ts';
import type { ProjectionContext } from './context.ts';
import { Effects } from './folding/effects.ts';
import { FoldOfOthers } from './folding/fold-of-others.ts';
import { Held } from './held/held.ts';
import { Rows } from './rows/rows.ts';
import { markRemembered } from './rows/tombstones.ts';
import { Versions } from './rows/versions.ts';
import { SwitchInForce } from './switching/switch-in-force.ts';
import { Reporter } from './telling/reporter.ts';
import type { Deadlines } from './times/deadlines.ts';
import { TableTimes } from './times/table-times.ts';
import { Authors } from './writing/authors.ts';
import { LocalWrites } from './writing/local-writes.ts';

/** Removed keys are forgotten when there are more than this many and more than there are rows. */
const REMOVED_KEPT = 65_536;

/**
 * One table: the fold of its operations into rows. Live and on replay the same code runs; what
 * subscribers see is a by-product. It puts the parts together; what is done, a part does.
 */
export class Projection {
  /** Says how the table was declared last. */
  schema: Schema;
  readonly rows: Rows;
  readonly reporter: Reporter;
  readonly held: Held;
  readonly authors: Authors;
  /** Another number when rows changed without an operation that is new here: a state may then have other rows. */
  revision = 0;
  readonly versions: Versions;
  readonly effects: Effects;
  readonly inForce: SwitchInForce;
  readonly local: LocalWrites;
  readonly fold: FoldOfOthers;
  /**
   * Says what this node stamps its operations with, and which stamps it takes: no other table's writers can
   * move them.
   */
  readonly times: TableTimes;
  readonly #context: ProjectionContext;
  #slotKeepers = 0;
  #compactAt = REMOVED_KEPT;

  constructor(schema: Schema, mode: ConflictMode, context: ProjectionContext) {
    this.schema = schema;
    this.#context = context;
    this.rows = new Rows(schema);
    this.held = new Held(this, context.origins);
    this.authors = new Authors(this, context);
    this.versions = new Versions(mode, this.rows, {
      origins: context.origins,
      overtakings: this.held.overtakings,
    });
    this.reporter = new Reporter(this.rows, this, context);
    this.effects = new Effects(this, context.origins);
    this.inForce = new SwitchInForce(this, mode, context);
    this.local = new LocalWrites(this);
    this.fold = new FoldOfOthers(this, context.origins);
    this.times = new TableTimes(schema.name, this.versions, context.wall);
  }

  get store(): string {
    return this.schema.backend;
  }

  /** Turns expiry on; rows that are there already are taken in. */
  useDeadlines(deadlines: Deadlines): void {
    this.effects.deadlines = deadlines;
    for (const slot of this.rows.live()) deadlines.note(slot);
  }

  /** Goes over to a declaration with another default, or another mode than the log begins in, which stays. */
  declareAs(schema: Schema): void {
    this.schema = Object.freeze({ ...schema, mode: this.schema.mode });
  }

  /** Every value under the key of a slot that has a row, the one that the row shows first. */
  valuesIn(slot: number): { readonly value: Value; readonly origin: string; readonly winner: boolean }[] {
    const { rows } = this;
    const { documents } = this.inForce;
    const origin = this.#context.origins.at(rows.origin(slot)).text;
    const others = documents?.othersIn(slot) ?? [];
    return [
      { value: rows.value(slot), origin, winner: true },
      ...others.map((other) => ({ ...other, winner: false })),
    ];
  }

  // Housekeeping -----------------------------------------------------------------------------------------------

  /** Keeps slots as they are numbered until the returned function is called. */
  keepSlots(): () => void {
    this.#slotKeepers++;
    return () => void this.#slotKeepers--;
  }

  /** Forgets removed keys that nothing refers to any more, when they have become many. */
  compact(): void {
    const { rows } = this;
    const removed = rows.slots - rows.size;
    if (removed < this.#compactAt || removed < rows.size) return;
    rows.watch?.settle();
    const authors = [...this.authors.all()];
    if (authors.some((author) => author.running) || this.#slotKeepers > 0) return;
    const foreign = [...this.held.dictionaries.values()].filter(
      (dictionary) => !authors.some((author) => author.writesWith(dictionary)),
    );
    const referenced = new Uint8Array(rows.slots);
    for (const author of authors) author.mark(referenced);
    for (const dictionary of foreign) dictionary.mark(referenced);
    if (this.inForce.mode.comparesVersions) markRemembered(this, referenced, this.times.clock.stamp());
    const renumbered = rows.bulk.compact(referenced);
    // What had to stay is not looked at again before there is much more of it.
    this.#compactAt = Math.max(REMOVED_KEPT, (rows.slots - rows.size) * 1.5);
    for (const author of authors) author.renumber(renumbered);
    for (const dictionary of foreign) dictionary.renumber(renumbered);
    rows.touches?.renumber(renumbered);
    this.effects.deadlines?.renumber(renumbered);
  }
}
