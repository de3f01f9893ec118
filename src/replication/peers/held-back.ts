import type { Environment, Timer } from '../../environment.ts';
import type { ErrorCode, TablecastError } from '../../errors.ts';
import type { RunReference } from '../../log/keeping/segment-store.ts';
import type { HeldBackOperations } from './peer-state.ts';
import type { Refusal } from '../replica.ts';
import { type HeldBackState, MAX_HELD_BACK_TOLD, MAX_REASON } from '../wire/bodies.ts';

/** Most authors of one peer's tables whose operations are held back one by one; of tables with more, everything is. */
const MAX_HELD_BACK = 256;
/** Says how often what may have changed is looked at, and a peer told; counted, because clocks jump. */
const TICK_MS = 1000;
/**
 * Bounds the interval at which what was refused is asked for again: after 1, 2, 4, … and then every so many
 * ticks.
 */
const LONGEST_TICKS = 300;
/**
 * Counts the failures that stand for the longest interval: what only a change at the peer can mend begins
 * with it.
 */
const MOST_FAILURES = 9;
/** Stands for the author where everything of a table is held back, or its checkpoint. */
const EVERYBODY = '';

interface Entry {
  readonly table: string;
  readonly origin: string;
  readonly sequence: number;
  readonly code: ErrorCode;
  readonly reason: string;
  readonly hint: string;
  readonly since: number;
  readonly times: number;
  /** Nothing of the table is taken, not only no checkpoint. */
  readonly everything: boolean;
  /** Says when the time has come at which it is no longer dated too far ahead, in milliseconds since 1970. */
  readonly acceptableAt: number | undefined;
  /** It was asked for again. */
  trying: boolean;
}

interface Schedule {
  failures: number;
  ticks: number;
  untold: boolean;
}

/** The parts are what holding back needs of its session. */
export interface HeldBackParts {
  readonly environment: Environment;
  /** Counts what is held here of an origin; undefined for a table that is not declared. */
  held(table: string, origin: string): number | undefined;
  /** Says anew what is held of tables and what is held back, so that the peer sends what is missing. */
  ask(tables: readonly string[]): void;
  /** Again and again, where it comes again. */
  refused(held: HeldBackOperations): void;
  taken(held: HeldBackOperations): void;
}

/**
 * Operations are held back that one peer brought and this node does not take, by table and author: nothing
 * behind them is looked at or missed, until they can succeed. Then the peer is asked for it again, ever more
 * rarely.
 */
export class HeldBack {
  readonly #parts: HeldBackParts;
  readonly #entries = new Map<string, Entry>();
  readonly #schedules = new Map<string, Schedule>();
  #timer: Timer | undefined;
  #stopped = false;

  constructor(parts: HeldBackParts) {
    this.#parts = parts;
  }

  /** Counts what is looked through with each frame of the peer. */
  get size(): number {
    return this.#entries.size;
  }

  /** Returns whether a run is to be looked at: not what lies behind something refused. */
  admits({ table, origin, firstSequence }: RunReference): boolean {
    if (this.#entries.size === 0) return true;
    const whole = this.#entries.get(nameOf(table, EVERYBODY));
    if (whole?.everything === true && !whole.trying) return false;
    const entry = this.#entries.get(nameOf(table, origin));
    if (entry === undefined || entry.trying || firstSequence <= entry.sequence) return true;
    // Another peer may have brought it meanwhile.
    return (this.#parts.held(table, origin) ?? 0) >= entry.sequence;
  }

  /**
   * Returns whether a peer may be asked now for what is missing of a table: not for the checkpoint that is
   * held back.
   */
  mayAsk(table: string): boolean {
    const whole = this.#entries.get(nameOf(table, EVERYBODY));
    return whole === undefined || whole.trying;
  }

  /** Returns whether anything of a table is held back. */
  concerns(table: string): boolean {
    return this.#of(table).length > 0;
  }

  /** An author's operations in a table were refused. */
  refused({ table, origin, sequence, error }: Refusal): void {
    if (this.#entries.size < MAX_HELD_BACK || this.#entries.has(nameOf(table, origin)))
      return this.#hold({ table, origin, sequence, error, everything: false });
    this.#hold({ table, origin: EVERYBODY, sequence: 0, error, everything: true });
  }

  /** A checkpoint of a table was refused. */
  refusedCheckpoint(table: string, error: TablecastError): void {
    this.#hold({ table, origin: EVERYBODY, sequence: 0, error, everything: false });
  }

  #hold({ error, ...what }: Refusal & { readonly everything: boolean }): void {
    if (this.#stopped) return;
    const name = nameOf(what.table, what.origin);
    const before = this.#entries.get(name);
    const { code, message: reason, hint } = error;
    const entry: Entry = {
      ...what,
      code,
      reason,
      hint,
      since: before?.since ?? this.#parts.environment.now(),
      times: before?.code === code ? before.times + 1 : 1,
      // Asked for at that time, and refused all the same: from then on as often as anything else.
      acceptableAt: before?.trying === true && before.sequence === what.sequence ? undefined : dueTime(error),
      trying: false,
    };
    this.#entries.set(name, entry);
    const schedule = this.#schedules.get(what.table) ?? { failures: 0, ticks: 1, untold: true };
    schedule.untold = true;
    if (code === 'OPERATION_INVALID' && what.origin === EVERYBODY) schedule.failures = MOST_FAILURES;
    if (before?.trying !== false) schedule.ticks = ticksAfter(schedule.failures);
    this.#schedules.set(what.table, schedule);
    this.#parts.refused(this.#shown(entry));
    this.#timer ??= this.#tickLater();
  }

  /** Lets go of what was taken after all, from this peer or another. */
  settle(): void {
    for (const entry of this.#entries.values()) {
      if (entry.origin === EVERYBODY) continue;
      const held = this.#parts.held(entry.table, entry.origin);
      if (held !== undefined && held >= entry.sequence) this.#letGo(entry);
    }
  }

  /** The peer has sent everything of a table: also what it was asked for again. */
  levelled(table: string): void {
    const whole = this.#entries.get(nameOf(table, EVERYBODY));
    if (whole?.trying === true) this.#letGo(whole);
  }

  /** Something changed about a table here, so that what was refused may be taken now. */
  retry(table: string): void {
    const entries = this.#of(table);
    if (entries.length === 0) return;
    for (const entry of entries) entry.trying = true;
    this.#parts.ask([table]);
  }

  /** Lists what the peer is told of a table. */
  toldOf(table: string): HeldBackState[] {
    return this.#of(table)
      .slice(0, MAX_HELD_BACK_TOLD)
      .map(({ origin, sequence, code, reason, trying }) => {
        return {
          origin,
          sequence,
          code,
          reason: reason.slice(0, MAX_REASON),
          ...(trying && { asked: true }),
        };
      });
  }

  /** For people. */
  all(): HeldBackOperations[] {
    return Array.from(this.#entries.values(), (entry) => this.#shown(entry));
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #of(table: string): Entry[] {
    if (!this.#schedules.has(table)) return [];
    return [...this.#entries.values()].filter((entry) => entry.table === table);
  }

  #shown({ table, origin, sequence, code, reason, hint, since, times }: Entry): HeldBackOperations {
    const author = origin === EVERYBODY ? undefined : origin;
    return { by: 'here', table, origin: author, sequence, code, reason, hint, since, times };
  }

  #letGo(entry: Entry): void {
    this.#entries.delete(nameOf(entry.table, entry.origin));
    const schedule = this.#schedules.get(entry.table);
    if (schedule !== undefined) {
      schedule.failures = 0;
      schedule.untold = true;
    }
    this.#parts.taken(this.#shown(entry));
  }

  #tickLater(): Timer {
    return this.#parts.environment.schedule(TICK_MS, () => {
      this.#timer = undefined;
      if (this.#stopped) return;
      this.#tick();
      if (this.#schedules.size > 0) this.#timer ??= this.#tickLater();
    });
  }

  #tick(): void {
    this.settle();
    const names: string[] = [];
    for (const [table, schedule] of this.#schedules) {
      const entries = this.#of(table);
      if (this.#tryAgain(entries, schedule) || schedule.untold) names.push(table);
      schedule.untold = false;
      if (entries.length === 0) this.#schedules.delete(table);
    }
    if (names.length > 0) this.#parts.ask(names);
  }

  /** Marks what can succeed now; false when nothing can. */
  #tryAgain(entries: readonly Entry[], schedule: Schedule): boolean {
    const isDue = --schedule.ticks <= 0;
    const now = this.#parts.environment.now();
    const due = entries.filter(({ acceptableAt, trying, code, origin }) => {
      if (trying) return false;
      if (acceptableAt !== undefined) return now >= acceptableAt;
      return isDue && (code !== 'OPERATION_INVALID' || origin === EVERYBODY);
    });
    for (const entry of due) entry.trying = true;
    if (isDue) {
      schedule.failures = Math.min(MOST_FAILURES, schedule.failures + 1);
      schedule.ticks = ticksAfter(schedule.failures);
    }
    return due.length > 0;
  }
}

function ticksAfter(failures: number): number {
  return Math.min(LONGEST_TICKS, 2 ** failures);
}

function nameOf(table: string, origin: string): string {
  return `${table}\n${origin}`;
}

/** Says when an operation dated too far ahead may be tried again. */
function dueTime({ code, details }: TablecastError): number | undefined {
  if (code !== 'CLOCK_AHEAD') return undefined;
  const time = Date.parse(details.acceptableAt ?? '');
  return Number.isNaN(time) ? undefined : time;
}
