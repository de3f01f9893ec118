import { type Failure, TablecastError } from '../errors.ts';
import { isPostgres } from '../options/sql-target.ts';
import { Fold, type FoldedTable } from './fold.ts';
import {
  type Basis,
  type Batch,
  type BeganFrom,
  type ProjectionStart,
  type Report,
  projectionFailure,
} from './messages.ts';
import { PostgresTarget } from './postgres-target.ts';
import { SqliteTarget } from './sqlite-target.ts';
import type { FoundTable, Standing, Target, TargetWriter } from './target.ts';
import { loadTransform } from './transform.ts';

/** Rows and versions gathered for one transaction, unless one segment has more. */
const GATHERED = 16_384;
const ROWS_PER_PART = 4096;
/** Pauses before the target is tried again. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** The node that a projection follows, as the projecting thread sees it. */
export interface Source {
  begin(standings: readonly (Standing | undefined)[]): Promise<Basis>;
  /** Resolves with the log behind a position, once there is something; undefined when it is over. */
  pull(after: number): Promise<Batch | undefined>;
  tell(report: Report): void;
  /** Resolves after a time, or when it is over. */
  pause(milliseconds: number): Promise<void>;
  readonly isOver: boolean;
}

/**
 * Projects until it is over. Whatever fails begins anew from what the target says: there is one way to begin,
 * after the first start, a crash of either side, and an hour without the target.
 */
export async function follow(start: ProjectionStart, source: Source): Promise<void> {
  let pause = FIRST_PAUSE_MS;
  while (!source.isOver) {
    const attempt = new Attempt(start, source);
    try {
      await attempt.run();
    } catch (error) {
      const failure = ofTable(failureOf(error), error, attempt.writing);
      if (source.isOver) return;
      source.tell({ kind: 'trouble', failure, retrying: failure.retryable });
      if (!failure.retryable) return;
      if (attempt.began) pause = FIRST_PAUSE_MS;
      await source.pause(pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
  }
}

/** One who waits for the right to write, for room, or lost its place in the log, begins again. */
function failureOf(error: unknown): Failure {
  const failure = projectionFailure(error);
  const passes = ['BACKEND_IN_USE', 'BACKEND_FULL', 'LOG_TRIMMED'].includes(failure.code);
  return passes ? { ...failure, retryable: true } : failure;
}

/** A statement that SQLite refuses concerns the table alone, such as a row that an index of the user does not take. */
function ofTable(failure: Failure, error: unknown, table: string | undefined): Failure {
  const { cause } = error as Error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (table === undefined || !/^SQLITE_(?:CONSTRAINT|ERROR|MISMATCH)/.test(code)) return failure;
  return {
    ...failure,
    hint: `Look what was added to ${table} in the target. ${failure.hint}`,
    details: { ...failure.details, table },
  } as Failure;
}

/** One time of following, from the beginning to the first trouble. */
class Attempt {
  began = false;
  /** The table that is written at present. */
  writing: string | undefined;
  readonly #start: ProjectionStart;
  readonly #source: Source;
  readonly #target: Target;
  #position = 0;
  #life = '';

  constructor(start: ProjectionStart, source: Source) {
    this.#start = start;
    this.#source = source;
    this.#target = isPostgres(start.to) ? new PostgresTarget(start.to) : new SqliteTarget(start.to);
  }

  async run(): Promise<void> {
    try {
      const fold = new Fold(this.#start, await loadTransform(this.#start.module));
      const found = await this.#target.open(fold.tables.map(({ plan }) => plan));
      const basis = await this.#source.begin(found.map(({ standing }) => standing));
      fold.load(basis);
      this.#position = basis.after;
      this.#life = basis.source;
      await this.#begin(fold, basis, found);
      await this.#goOn(fold);
    } finally {
      await this.#target.close();
    }
  }

  async #begin(fold: Fold, basis: Basis, found: readonly FoundTable[]): Promise<void> {
    const isExact = basis.kind === 'log';
    if (!isExact) await this.#readUpTo(basis.exactFrom, fold);
    for (const [index, table] of fold.tables.entries()) {
      const { standing, fits } = found[index] as FoundTable;
      table.from = isExact ? ((fits ? standing?.position : undefined) ?? 0) : this.#position;
      table.isUnknown = !isExact;
    }
    const isAnew = !isExact || found.some(({ standing, fits }) => standing === undefined || !fits);
    if (isAnew) await this.#target.transaction((into) => this.#fill(fold, basis, into));
    this.began = true;
    this.#source.tell({ kind: 'began', from: this.#beganFrom(fold, basis, found) });
    this.#reached();
  }

  /** Makes and fills tables in one transaction, beside those that do not fit. */
  async #fill(fold: Fold, basis: Basis, into: TargetWriter): Promise<void> {
    for (const { plan } of fold.tables) await into.make(plan);
    if (basis.kind === 'log') await this.#readUpTo(basis.exactFrom, fold, into);
    await this.#write(fold, into);
    for (const { plan } of fold.tables) await into.swap(plan);
    await this.#stand(fold, into);
  }

  /** Reads the log up to a position; what the target has to have of it is written, if there is where. */
  async #readUpTo(position: number, fold: Fold, into?: TargetWriter): Promise<void> {
    while (this.#position < position) {
      const batch = await this.#source.pull(this.#position);
      if (batch === undefined) throw over();
      this.#life = batch.source;
      for (const segment of batch.segments) {
        const isBoundary = segment.adopted !== undefined && into !== undefined;
        if (isBoundary) await this.#write(fold, into);
        fold.apply(segment);
        this.#position = segment.position + segment.span - 1;
        if (into !== undefined && (isBoundary || fold.waiting >= GATHERED)) await this.#write(fold, into);
      }
      this.#position = batch.upTo;
    }
  }

  #beganFrom(fold: Fold, basis: Basis, found: readonly FoundTable[]): BeganFrom {
    const isGap = this.#start.history && basis.kind === 'checkpoint';
    const names = fold.tables.map(({ plan }) => plan.table);
    return {
      kind: basis.kind,
      position: this.#position,
      gaps: isGap
        ? names.map((table, index) => ({ table, after: found[index]?.standing?.position ?? 0 }))
        : [],
      rebuilt: names.filter((_, index) => found[index]?.fits === false),
    };
  }

  async #goOn(fold: Fold): Promise<void> {
    let next = this.#source.pull(this.#position);
    for (;;) {
      const batch = await next;
      if (batch === undefined) return;
      // Asked for before this one is written, so that reading and writing go on beside each other.
      next = this.#source.pull(batch.upTo);
      next.catch(() => undefined);
      this.#life = batch.source;
      for (const segment of batch.segments) {
        if (segment.adopted !== undefined) await this.#commit(fold);
        fold.apply(segment);
        this.#position = segment.position + segment.span - 1;
        if (segment.adopted !== undefined || fold.waiting >= GATHERED) await this.#commit(fold);
      }
      this.#position = batch.upTo;
      if (batch.more) continue;
      await this.#commit(fold);
      fold.compact();
    }
  }

  async #commit(fold: Fold): Promise<void> {
    if (fold.waiting > 0) {
      await this.#target.transaction(async (into) => {
        await this.#write(fold, into);
        await this.#stand(fold, into);
      });
    }
    this.#reached();
  }

  #reached(): void {
    this.#source.tell({ kind: 'reached', position: this.#position });
  }

  async #write(fold: Fold, into: TargetWriter): Promise<void> {
    for (const table of fold.tables) {
      const { plan } = table;
      this.writing = plan.table;
      const { puts, removed, histories } = table.take();
      if (histories.length > 0) await into.recount(plan, histories);
      if (table.isUnknown) await this.#compare(table, into);
      else {
        if (puts.length > 0) await into.put(plan, puts);
        if (removed.length > 0) await into.remove(plan, removed);
      }
    }
    this.writing = undefined;
  }

  /** Makes a table of the target equal, whatever it holds. */
  async #compare(table: FoldedTable, into: TargetWriter): Promise<void> {
    const { plan } = table;
    for (const rows of table.all(ROWS_PER_PART)) if (rows.length > 0) await into.put(plan, rows);
    const gone = [];
    for await (const keys of into.keys(plan)) for (const key of keys) if (!table.has(key)) gone.push(key);
    await into.remove(plan, gone);
    if (plan.history) await into.reconcile(plan, { position: this.#position, time: Date.now() });
    table.isUnknown = false;
  }

  async #stand(fold: Fold, into: TargetWriter): Promise<void> {
    for (const { plan, from } of fold.tables)
      await into.stand(plan, { source: this.#life, position: Math.max(from, this.#position) });
  }
}

function over(): TablecastError {
  return new TablecastError('CLOSED', 'The node was closed while a projection began.', {
    hint: 'It begins again when the node is opened.',
  });
}
