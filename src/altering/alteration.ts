import type { Observable, Subscription } from 'rxjs';
import { firstValueFrom } from 'rxjs/internal/firstValueFrom';
import { filter } from 'rxjs/internal/operators/filter';
import { takeUntil } from 'rxjs/internal/operators/takeUntil';
import { Subject } from 'rxjs/internal/Subject';
import { TablecastError, isTablecastError } from '../errors.ts';
import { type AlterOptions, type AlteringNode, checkAlterOptions } from './options.ts';
import { Pairs, type SideIndex } from './pairs.ts';
import { type AlterProblem, Problems } from './problems.ts';
import { Reconciliation } from './reconciliation.ts';
import { RowMappings } from './row-mapping.ts';
import { beginRunning } from './running.ts';
import { Side } from './side.ts';
import { Touched } from './touched.ts';

/** Rows that are carried in one batch, at most. */
const CHUNK = 500;
/** Time until what the node did not take is tried again. */
const RETRY_MS = 1000;

/** Says how far an alteration has come. */
export interface AlterationState {
  /** Counts the rows that stand on both sides. */
  readonly pairs: number;
  readonly carriedUp: number;
  readonly carriedDown: number;
  readonly conflicts: number;
  /** Counts the rows that the other side cannot have: the first 1,000 exactly, of more each time one was tried. */
  readonly unmapped: number;
}

/**
 * Keeps two tables alike whose declarations differ, for as long as programs with either run. Rows, removals and
 * expiries go both ways, by ordinary operations of this node. Each is carried once, also over a crash of it.
 */
export class Alteration {
  readonly #problems = new Problems();
  readonly #touched: Touched;
  readonly #reconciliation: Reconciliation;
  readonly #pairs: Pairs;
  readonly #node: AlteringNode;
  readonly #subscriptions: Subscription[] = [];
  readonly #wait: (milliseconds: number) => Promise<void>;
  readonly #sides: readonly [Side, Side];
  readonly #begun: Promise<void>;
  #work: Promise<void> = Promise.resolve();
  #isWorking = false;
  /** Says that what is told meanwhile is what was carried. */
  #isCarrying = false;
  /** Holds why it has ended. */
  #ending: TablecastError | undefined;
  readonly #ended = new Subject<void>();
  readonly #endRunning: () => void;

  /** @internal Use {@link alterTable}, which checks the options. Functions get rows as `asRead`, the same tables of a program, are read. */
  constructor(
    node: AlteringNode,
    options: AlterOptions,
    asRead: readonly [object, object] = [options.from, options.to],
  ) {
    const { from, to, oneWay = false, wait = waitForTimer } = options;
    const sides = [new Side(node, from, asRead[0]), new Side(node, to, asRead[1])] as const;
    const mappings = new RowMappings(sides, options);
    this.#node = node;
    this.#wait = wait;
    this.#sides = sides;
    this.#touched = new Touched(sides);
    this.#pairs = new Pairs(node, from.name, to.name, from.declaration.backend);
    const parts = { mappings, pairs: this.#pairs, problems: this.#problems, oneWay };
    this.#reconciliation = new Reconciliation(sides, parts);
    this.#endRunning = beginRunning(node, [from.name, to.name]);
    this.#begun = this.#begin().catch((error: unknown) => this.#fail(error));
    this.#begun.catch(() => undefined);
  }

  /**
   * Tells what could not be carried as it was asked; each row once, and again when its reason is another. Completes when
   * the node or the alteration is closed, and fails when it ended by a defect.
   */
  get problems(): Observable<AlterProblem> {
    return this.#problems.told.asObservable();
  }

  get state(): AlterationState {
    const [carriedDown, carriedUp] = this.#reconciliation.carried;
    const { conflicts, unmappedRows: unmapped } = this.#problems;
    return { pairs: this.#pairs.size, carriedUp, carriedDown, conflicts, unmapped };
  }

  /**
   * Resolves when everything that both tables hold now has been carried, in memory; `node.flush()` makes it durable.
   * Rejects with `CLOSED` when the node or the alteration ends before.
   */
  async settled(): Promise<void> {
    await this.#begun;
    while (this.#isWorking) await this.#work;
    if (this.#ending !== undefined) throw this.#ending;
  }

  /** Ends it. Both tables stay as they are; begun again on this node, it goes on where it was. */
  async close(): Promise<void> {
    this.#end(closed('The alteration was closed.'));
    await this.#work.catch(() => undefined);
    this.#problems.told.complete();
  }

  /** Ends it, because the node was closed or something happened that nobody expected. */
  #fail(error: unknown): never {
    if (this.#ending !== undefined) throw this.#ending;
    const isClosed = isTablecastError(error, 'CLOSED');
    const ending = isClosed ? error : failed(error);
    this.#end(ending);
    if (isClosed) this.#problems.told.complete();
    else this.#problems.told.error(ending);
    throw ending;
  }

  #end(ending: TablecastError): void {
    this.#ending ??= ending;
    this.#ended.next();
    this.#endRunning();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  async #begin(): Promise<void> {
    for (const { table } of this.#sides) {
      const synced = table.synced.pipe(
        filter((isSynced) => isSynced),
        takeUntil(this.#ended),
      );
      if (!(await firstValueFrom(synced, { defaultValue: false })))
        throw this.#ending ?? closed('The node was closed before both tables were there.');
    }
    this.#follow(0);
    this.#follow(1);
    const [from, to] = this.#sides;
    await this.#lookAtAll(0, this.#pairs.keysOfFrom(from));
    await this.#lookAtAll(0, Array.from(from.table.keys()));
    await this.#lookAtAll(1, Array.from(to.table.keys()));
  }

  #follow(side: SideIndex): void {
    const here = this.#sides[side];
    const changes = here.table.changes.subscribe(({ key }) => this.#note(side, key, !this.#isCarrying));
    this.#subscriptions.push(changes);
    if (!here.wantsRenewal) return;
    // A touch is no change, and a row that lives on in one table has to live on in the other.
    const { log } = this.#node;
    const operations = log.operations({ after: log.position, table: here.table.name });
    const touches = operations.pipe(filter(({ kind }) => kind === 'touch' && !this.#isCarrying));
    this.#subscriptions.push(touches.subscribe(({ key }) => this.#note(side, key, true)));
  }

  async #lookAtAll(side: SideIndex, keys: Iterable<unknown>): Promise<void> {
    let noted = 0;
    for (const key of keys) {
      this.#note(side, key, false);
      noted++;
      if (noted % CHUNK === 0) await this.#work;
    }
    await this.#work;
  }

  #note(side: SideIndex, key: unknown, isRenewed: boolean): void {
    this.#touched.note(side, key, isRenewed);
    this.#wake();
  }

  #wake(): void {
    if (this.#isWorking || this.#ending !== undefined) return;
    this.#isWorking = true;
    this.#work = this.#carryAll();
    this.#work.catch(() => undefined);
  }

  async #carryAll(): Promise<void> {
    try {
      for (let chunk = CHUNK; ;) {
        await this.#wait(0);
        if (this.#ending !== undefined || this.#touched.isEmpty) return;
        chunk = await this.#carry(chunk);
      }
    } catch (error) {
      return this.#fail(error);
    } finally {
      this.#isWorking = false;
    }
  }

  /** Takes so many rows over, and returns how many to try next. */
  async #carry(most: number): Promise<number> {
    const touched = this.#touched.take(most);
    this.#isCarrying = true;
    try {
      this.#node.batch(() => this.#reconciliation.lookAt(touched));
      this.#problems.tell();
      return CHUNK;
    } catch (error) {
      this.#problems.forget();
      if (!isTablecastError(error) || error.code === 'CLOSED') throw error;
      this.#touched.putBack(touched);
      return this.#tryAgain(error, most);
    } finally {
      this.#isCarrying = false;
    }
  }

  /** Returns fewer to try, as a batch may be too large, or one row keep all others back; one row is tried again later. */
  async #tryAgain(error: TablecastError, most: number): Promise<number> {
    if (most > 1) return Math.max(1, Math.floor(most / 8));
    this.#problems.told.next({ kind: 'waiting', error });
    await this.#wait(RETRY_MS);
    return most;
  }
}

function closed(message: string): TablecastError {
  return new TablecastError('CLOSED', message, {
    hint: 'Begin it again, with alterTable: it goes on where it was.',
  });
}

function failed(cause: unknown): TablecastError {
  return new TablecastError('CLOSED', 'The alteration has ended by what it did not expect.', {
    hint: 'Report this as a defect, with the cause; begin it again meanwhile.',
    cause,
  });
}

function waitForTimer(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    if (milliseconds === 0) setImmediate(resolve);
    else setTimeout(resolve, milliseconds);
  });
}

/**
 * Begins to keep two tables alike, on one node at a time. Throws `OPTION_INVALID` for tables between which rows
 * cannot go.
 */
export function alterTable<K1, V1, K2, V2>(
  node: AlteringNode,
  options: AlterOptions<K1, V1, K2, V2>,
): Alteration {
  return new Alteration(node, checkAlterOptions(options));
}
