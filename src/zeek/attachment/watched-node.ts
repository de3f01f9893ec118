import type { AttachedTable } from './attached-table.ts';
import type { Pulse } from './pulse.ts';

/** Some pulses that say the same, with nothing in between, make a table one that rests. */
export interface Moment {
  readonly rows: number;
  readonly published: number | undefined;
  readonly heard: number;
  /** Counts what happened to the table here. */
  readonly activity: number;
}

/** Returns whether two moments are one to a table. */
export function isSameMoment(one: Moment | undefined, other: Moment): boolean {
  if (one === undefined) return false;
  const isSameThere =
    one.rows === other.rows && one.published === other.published && one.heard === other.heard;
  return isSameThere && one.activity === other.activity;
}

/** Says how one table stands with one Zeek node. */
export interface TableStanding {
  last: Moment | undefined;
  /** Counts the pulses that said the same as the one before. */
  same: number;
  /** Is when the rows were compared last and found to be the same. */
  compared: Moment | undefined;
  /** Position of this node's log at which a comparison found no difference; undefined if there was none. */
  agreedAt: number | undefined;
  /** Position at which nothing was lost between the two, by numbers, and both had as many rows. */
  evenAt: number | undefined;
  /** Changes sent and heard when nothing was on its way; undefined until that is so. */
  settled: { readonly sent: number; readonly heard: number } | undefined;
  /** Frames of Zeek's that were lost and not yet made good. */
  lostFrames: number;
  /** Changes of this node's that were lost and not yet made good. */
  lostChanges: number;
  /** Rows that Zeek has more than this node, though nothing is to be done about it. */
  excused: number;
  failures: number;
  /** Not looked at again before, in milliseconds since 1970. */
  notBefore: number;
  isQueued: boolean;
}

/** So much of the longest time between two pulses is left with each further one. */
const FADING = 0.75;

/** A Zeek node with what was heard from it, and sent to it alone. */
export class WatchedNode {
  readonly id: string;
  /** Position of this node's log when the Zeek node was met: it knows nothing of what is older. */
  readonly since: number;
  readonly #tables = new Map<AttachedTable, TableStanding>();
  readonly #frames = new Map<string, number>();
  /** Frames it had published, by topic, that this node cannot have heard. */
  readonly #before = new Map<string, number>();
  readonly #direct = new Map<AttachedTable, number>();
  /** Topics that were not listened to when it was met. */
  readonly #late = new Set<string>();
  readonly #hasAll: boolean;
  /** Is when a pulse that came in its time arrived, in milliseconds since 1970. */
  #pulsedAt: number | undefined;
  #arrivedAt: number | undefined;
  /** Is the longest time between two pulses lately. */
  #usualMs = 0;
  /** Says whether its latest pulse came a while after the one before: several that arrive at once are as one. */
  isInTime = false;
  /** Whatever it has published since it started is to be had here. */
  isNew: boolean;

  /** `hasAll`: it listened to all that this life of this node has sent. */
  constructor(id: string, met: { since: number; isNew: boolean; hasAll: boolean }) {
    this.id = id;
    this.since = met.since;
    this.isNew = met.isNew;
    this.#hasAll = met.hasAll;
  }

  /** A pulse arrived. Those that waited somewhere and come together say nothing of the time between them. */
  pulsed(now: number): void {
    const distance = now - (this.#arrivedAt ?? now);
    this.#usualMs = Math.max(this.#usualMs * FADING, distance);
    this.#arrivedAt = now;
    const since = now - (this.#pulsedAt ?? now);
    this.isInTime = since > 0 && since >= this.#usualMs / 2;
    if (this.isInTime || this.#pulsedAt === undefined) this.#pulsedAt = now;
  }

  table(attached: AttachedTable): TableStanding {
    const known = this.#tables.get(attached);
    if (known !== undefined) return known;
    const settled = this.#hasAll ? { sent: 0, heard: 0 } : undefined;
    const standing: TableStanding = {
      last: undefined,
      same: 0,
      compared: undefined,
      agreedAt: undefined,
      evenAt: undefined,
      settled,
      lostFrames: 0,
      lostChanges: 0,
      excused: 0,
      failures: 0,
      notBefore: 0,
      isQueued: false,
    };
    this.#tables.set(attached, standing);
    return standing;
  }

  /** A frame of its changes arrived. */
  heard(topic: string): void {
    this.#frames.set(topic, (this.#frames.get(topic) ?? 0) + 1);
  }

  /** From now on frames on a topic are counted: those that it published before are nobody's loss. */
  heardLate(topic: string): void {
    this.#late.add(topic);
  }

  /** Returns whether what it published on a topic was not listened to from the beginning. */
  isHeardLate(topic: string): boolean {
    return this.#late.has(topic);
  }

  /** Changes were sent to it alone. */
  sent(attached: AttachedTable, changes: number): void {
    this.#direct.set(attached, (this.#direct.get(attached) ?? 0) + changes);
  }

  /** Returns the changes that were sent to it alone. */
  direct(attached: AttachedTable): number {
    return this.#direct.get(attached) ?? 0;
  }

  /** Returns how many of its frames were lost since it was asked last; a pulse comes after what it counts. */
  newlyLost(topic: string, { published }: Pulse): number {
    if (published === undefined) return 0;
    const told = published.get(topic) ?? 0;
    const heard = this.#frames.get(topic) ?? 0;
    const hasAll = this.isNew && !this.#late.has(topic);
    const before = this.#before.get(topic) ?? (hasAll ? 0 : told - heard);
    const lost = told - before - heard;
    // A pulse lists so many topics only: a number that is missing is no frame too many.
    this.#before.set(topic, before + Math.max(0, lost));
    return Math.max(0, lost);
  }
}
