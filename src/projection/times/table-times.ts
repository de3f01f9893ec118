import { TablecastError } from '../../errors.ts';
import { HybridClock, STAMPS_PER_MS, stampToMs } from '../../log/operations/hybrid-clock.ts';
import type { Wall } from '../../log/operations/wall-clock.ts';
import type { PartOfRows } from '../rows/bulk-rows.ts';
import type { Dot } from '../rows/dot.ts';
import type { Versions } from '../rows/versions.ts';

/** Bounds how far ahead of this machine's clock an operation may be dated that its own author brings: 5 minutes. */
const MAX_AHEAD_MS = 300_000;
/** And one that a peer passes on, which another node has let in: 1 hour. */
const MAX_RELAYED_AHEAD_MS = 3_600_000;
/**
 * Counts the stamps, a millisecond, by which an author may go beyond what came from others: it must date
 * later what it has seen.
 */
const SLACK_STAMPS: number = STAMPS_PER_MS;

/** An arrival says how an operation comes to this node. */
export interface Arrival {
  readonly origin: string;
  /** Its own author brings it: it enters the cluster here. */
  readonly enters: boolean;
}

/**
 * The times of one table: what this node stamps its operations with, and which stamps it takes from others.
 *
 * Where stamps order, one far ahead would win against everybody, and carry all clocks along. The limit is kept where
 * an operation enters the cluster. A relay vouches for it, within a much larger limit; and who has
 * seen such a stamp must go beyond it, so that up to there its own are taken as well. An honest node is therefore
 * not refused because a clock is slower than the one that let something in. What decides nothing is not looked at.
 */
export class TableTimes {
  readonly clock: HybridClock;
  readonly #table: string;
  readonly #versions: Versions;
  readonly #wall: Wall;
  /** The latest stamp that was let in by its own time, here or by who passed it on. */
  #vouched = 0;

  constructor(table: string, versions: Versions, wall: Wall) {
    this.#table = table;
    this.#versions = versions;
    this.#wall = wall;
    this.clock = new HybridClock(wall);
    this.restart();
  }

  /** Begins anew under the table's mode: what came before a switch binds nothing. */
  restart(): void {
    this.clock.restart(this.#versions.mode.comparesVersions);
    this.#vouched = 0;
  }

  /** Throws `CLOCK_AHEAD` for a stamp too far ahead to let it decide which write is the last. */
  check(stamp: number, { origin, enters }: Arrival): void {
    // A jump that is not believed yet may be a correction: what is right by either is not too far ahead.
    const now = Math.max(this.#wall.now(), this.#wall.believed());
    const limitMs = enters ? MAX_AHEAD_MS : MAX_RELAYED_AHEAD_MS;
    if (stamp <= (now + limitMs) * STAMPS_PER_MS) this.#vouched = Math.max(this.#vouched, stamp);
    else if (!enters || stamp > this.#vouched + SLACK_STAMPS)
      throw clockAhead(this.#table, origin, { timeMs: stampToMs(stamp), limitMs });
  }

  /** Lets what is written from now on be stamped later than a run that takes effect; of the log when it is not `live`. */
  observeRun(stamp: number, live: boolean): void {
    this.clock.observe(stamp);
    if (!live) this.#vouched = Math.max(this.#vouched, stamp);
  }

  /** The same for a write of a checkpoint, if it takes part in deciding which is the last. */
  observe(dot: Dot): void {
    if (!this.#versions.isBefore(dot)) this.clock.observe(dot.stamp);
  }

  /** The same for each entry of a part of a checkpoint; `origins` are the numbers of the part's. */
  observeAll(
    { stamps, sequences, originOf }: Pick<PartOfRows, 'stamps' | 'sequences' | 'originOf'>,
    origins: readonly number[],
  ): void {
    const { before, mode } = this.#versions;
    if (!mode.comparesVersions) return;
    let latest = -1;
    for (let index = 0; index < stamps.length; index++) {
      const stamp = stamps[index] as number;
      if (stamp <= latest) continue;
      const origin = before === undefined ? -1 : (origins[originOf[index] as number] as number);
      if (before === undefined || before.get(origin) < (sequences[index] as number)) latest = stamp;
    }
    if (latest >= 0) this.clock.observe(latest);
  }
}

function clockAhead(
  table: string,
  origin: string,
  { timeMs, limitMs }: { readonly timeMs: number; readonly limitMs: number },
): TablecastError {
  const time = new Date(timeMs).toISOString();
  const acceptableAt = new Date(timeMs - limitMs).toISOString();
  return new TablecastError(
    'CLOCK_AHEAD',
    `Table ${table}: an operation of ${origin} is dated ${time}, more than ${limitMs / 60_000} minutes ahead of this node's clock.`,
    {
      hint: 'Correct the clocks (NTP). If it stays so, switch the mode to naive and back to lww: times then begin anew, and nothing is lost.',
      details: { table, origin, time, acceptableAt },
      retryable: true,
    },
  );
}
