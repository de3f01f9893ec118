import type { Environment, Timer } from '../../environment.ts';
import type { Behind } from '../../transport/behind.ts';
import type { Slices } from '../../work/slices.ts';
import type { Difference, Replica, ReplicaTable } from '../replica.ts';
import { type ComparisonMessage, encodeComparison, readComparison } from '../wire/comparison-wire.ts';
import { Announcements } from './announcements.ts';
import { type ComparedTables, type ComparisonParts, Comparisons } from './comparison.ts';
import { type Other, Others } from './others.ts';

/** Time between two looks at which tables came to rest, in milliseconds. */
const LOOK_MS = 1000;
/** Spreads over so long, in milliseconds, what nodes say of a table that came to rest: enough said by others is heard. */
const SPREAD_MS = 1000;
/** Pauses before a hash is said again, since it may have been lost; they double up to the longest. */
const FIRST_REPEAT_MS = 60_000;
const LONGEST_REPEAT_MS = 30 * 60_000;
/** Most questions and hashes of others that are answered between two looks; who asked asks again. */
const MAX_ANSWERS = 256;
/** One comparison that was asked for takes so many steps at most. */
const COMPARE_TRIES = 200;
const COMPARE_STEP_MS = 50;

type Digest = Extract<ComparisonMessage, { type: 'digest' }>;

/** A rest is a table that does not change, from one look to the next. */
interface Rest {
  changes: number;
  /** The state and revision of the rows whose hash is made; empty before. */
  state: string;
  revision: number;
  /** The digest as it is said; undefined while it is made. */
  digest: Digest | undefined;
  /** Says when it is said again, and the pause after that. */
  next: number;
  pauseMs: number;
}

/** The parts are what comparing with nodes behind a peer needs of its session. */
export interface BehindParts {
  readonly environment: Environment;
  readonly replica: Replica;
  readonly tables: ComparedTables;
  readonly slices: Slices;
  readonly behind: Behind;
  /** Returns whether a node is a peer itself, and compared with as such. */
  isPeer(this: void, id: string): boolean;
  /** So many bytes of rows are kept. */
  kept(this: void, bytes: number): void;
  failed(this: void, id: string, error: unknown): void;
  compared(this: void, id: string, table: string, differences: readonly Difference[]): void;
  lost(this: void, id: string): void;
}

/**
 * Compares tables with the nodes behind a peer. Each says the hash of a table once it is at rest to all of them, unless
 * enough of them said the same; who has another one asks who said it, and nobody else hears of that.
 */
export class ComparisonsBehind {
  readonly #parts: BehindParts;
  readonly #others: Others;
  readonly #announcements = new Announcements();
  readonly #rests = new Map<string, Rest>();
  readonly #kept = new Map<string, number>();
  #answers = 0;
  #held = 0;
  #freed: () => void = () => undefined;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(parts: BehindParts) {
    this.#parts = parts;
    const { environment, compared, lost } = parts;
    this.#others = new Others({
      partsFor: (id, told) => this.#partsFor(id, { tables: parts.tables, compared: told }),
      elapsed: () => environment.elapsed(),
      compared,
      lost,
    });
  }

  start(): void {
    this.#parts.behind.listen((frame, from, isForAll) => this.#take(frame, from, isForAll));
    this.#look();
  }

  stop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#others.stop();
    this.#rests.clear();
    this.#freed();
  }

  #partsFor(id: string, { tables, compared }: Pick<ComparisonParts, 'tables' | 'compared'>): ComparisonParts {
    const { environment, replica, slices, behind, failed } = this.#parts;
    return {
      environment,
      replica,
      tables,
      slices,
      hold: () => this.#hold(),
      send: (message) => {
        if (!this.#isOver) behind.tell(encodeComparison(message), id);
      },
      // What comes is taken one by one, and of questions a bounded number.
      spend: () => undefined,
      kept: (bytes) => this.#keep(id, bytes),
      failed: (error) => failed(id, error),
      compared,
    };
  }

  #hold(): () => void {
    this.#held++;
    return () => {
      this.#held--;
      this.#freed();
    };
  }

  #keep(id: string, bytes: number): void {
    if (bytes === 0) this.#kept.delete(id);
    else this.#kept.set(id, bytes);
    this.#parts.kept([...this.#kept.values()].reduce((sum, one) => sum + one, 0));
  }

  // At rest --------------------------------------------------------------------------------------------

  #look(): void {
    this.#timer = this.#parts.environment.schedule(LOOK_MS, () => this.#look());
    this.#answers = 0;
    this.#others.look();
    for (const [name, { writable }] of this.#parts.tables.shared) {
      const table = this.#parts.replica.table(name);
      if (table !== undefined && writable) this.#lookAt(table);
    }
  }

  #lookAt(table: ReplicaTable): void {
    const { name, changes } = table;
    const rest = this.#rests.get(name);
    const now = this.#parts.environment.elapsed();
    if (rest?.changes !== changes) this.#rests.set(name, { ...nothing, changes });
    else if (rest.state !== table.state() || rest.revision !== table.revision) this.#begin(table, rest);
    else if (rest.digest !== undefined && now >= rest.next) this.#repeat(name, rest);
  }

  #begin(table: ReplicaTable, rest: Rest): void {
    rest.state = table.state();
    rest.revision = table.revision;
    rest.digest = undefined;
    rest.pauseMs = FIRST_REPEAT_MS;
    this.#withDigest(table, (digest) => {
      if (digest.state !== rest.state || table.revision !== rest.revision) return;
      rest.digest = digest;
      rest.next = this.#parts.environment.elapsed() + rest.pauseMs;
      this.#later(table.name, digest, () => this.#settled(digest));
    });
  }

  #withDigest(table: ReplicaTable, then: (digest: Digest) => void): void {
    this.#parts.slices.run(table.digests(), {
      done: (digests) => {
        if (digests === undefined || this.#isOver) return;
        const { state } = digests;
        then({ type: 'digest', table: table.name, state, root: digests.root(), reply: false });
      },
      failed: (error) => this.#parts.failed(this.#parts.replica.nodeId, error),
    });
  }

  /** Does something in a while, if a table is still as it is. */
  #later(table: string, digest: Digest, then: () => void): void {
    const { environment } = this.#parts;
    environment.schedule(environment.random() * SPREAD_MS, () => {
      if (!this.#isOver && this.#rests.get(table)?.digest === digest) then();
    });
  }

  #settled(digest: Digest): void {
    const { table, state } = digest;
    for (const other of this.#others) if (other.different.has(table)) other.comparisons.begin(table);
    for (const id of this.#announcements.others(table, state, hashOf(digest))) this.#meet(id, table);
    this.#announce(digest);
  }

  #announce(digest: Digest): void {
    if (!this.#announcements.isEnough(digest.table, digest.state, hashOf(digest))) this.#say(digest);
  }

  #say(digest: Digest): void {
    this.#parts.behind.tell(encodeComparison(digest));
  }

  #repeat(table: string, rest: Rest): void {
    const { environment } = this.#parts;
    rest.pauseMs = Math.min(LONGEST_REPEAT_MS, 2 * rest.pauseMs);
    rest.next = environment.elapsed() + rest.pauseMs * (0.5 + environment.random());
    if (rest.digest !== undefined) this.#announce(rest.digest);
    this.#announcements.forget(table);
  }

  // What others say ------------------------------------------------------------------------------------

  /** Takes what a node said; resolves once it is done with, so that what comes meanwhile waits. */
  async #take(frame: Uint8Array, from: string, isForAll: boolean): Promise<void> {
    if (this.#isOver) return;
    this.#receive(readComparison(frame), from, isForAll);
    while (this.#held > 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#freed = resolve;
      });
    }
  }

  #receive(message: ComparisonMessage, from: string, isForAll: boolean): void {
    if (!this.#parts.tables.shared.has(message.table)) return;
    if (isForAll) {
      if (message.type === 'digest') this.#announced(message, from);
      return;
    }
    const isQuestion = message.type === 'digest' || message.type === 'ask';
    if (isQuestion && ++this.#answers > MAX_ANSWERS) return;
    const other = message.type === 'digest' ? this.#others.with(from) : this.#others.get(from);
    if (other !== undefined) this.#heard(other, message);
    else if (isQuestion) this.#answering(from, message.table).receive(message);
  }

  #heard(other: Other, message: ComparisonMessage): void {
    other.heard = this.#parts.environment.elapsed();
    other.asked = 0;
    other.comparisons.receive(message);
  }

  /** Answers a node that is not compared with, as one that may not write is answered. */
  #answering(id: string, table: string): Comparisons {
    const shared = new Map([[table, { writable: false, levelReceived: false, levelSent: false }]]);
    return new Comparisons(this.#partsFor(id, { tables: { shared }, compared: () => undefined }));
  }

  #announced(said: Digest, from: string): void {
    const { table, state } = said;
    const held = this.#parts.replica.table(table);
    if (held === undefined) return;
    this.#announcements.note({ table, state, hash: hashOf(said), from }, held.state());
    const digest = this.#rests.get(table)?.digest;
    // Otherwise it is looked at once the table is at rest here.
    if (digest?.state !== state || held.state() !== state) return;
    const other = this.#others.get(from);
    if (hashOf(digest) !== hashOf(said)) this.#later(table, digest, () => this.#meet(from, table, said));
    else if (other?.different.has(table) === true) this.#heard(other, { ...said, reply: true });
  }

  /** Compares a table with a node that said another hash of it. */
  #meet(id: string, table: string, said?: Digest): void {
    if (this.#parts.isPeer(id) || this.#parts.tables.shared.get(table)?.writable !== true) return;
    const other = this.#others.with(id);
    if (other === undefined) return;
    if (said !== undefined && other.different.has(table)) this.#heard(other, { ...said, reply: true });
    else if (!other.comparisons.isCompared(table)) other.comparisons.begin(table);
  }

  // Asked for ------------------------------------------------------------------------------------------

  /**
   * Compares a table at once: with one node, or, asked for this one, with those that say that they differ. Resolves
   * with the ids of those that were compared in the state in which the table is then.
   */
  async compareNow(name: string, from: string): Promise<readonly string[]> {
    const { replica, environment, tables, isPeer } = this.#parts;
    const table = replica.table(name);
    if (table === undefined || tables.shared.get(name)?.writable !== true || isPeer(from)) return [];
    const isOwn = from === replica.nodeId;
    const wanted = isOwn ? undefined : this.#others.with(from, true);
    if (wanted === undefined) this.#withDigest(table, (digest) => this.#say(digest));
    const asked = (): Other[] => (wanted === undefined ? [...this.#others] : [wanted]);
    for (const { id, different, comparisons } of asked())
      if (id === from || different.has(name)) comparisons.begin(name);
    const isDone = (): boolean => !asked().some(({ comparisons }) => comparisons.isUnderWay(name));
    // Who differs says so within the spread, and a step for its way.
    const least = isOwn ? SPREAD_MS / COMPARE_STEP_MS + 5 : 0;
    for (let tries = 0; !this.#isOver && tries < COMPARE_TRIES && (tries < least || !isDone()); tries++) {
      await new Promise<void>((resolve) => environment.schedule(COMPARE_STEP_MS, resolve));
    }
    return asked().flatMap(({ id, comparisons }) => (comparisons.isCompared(name) ? [id] : []));
  }
}

const nothing: Omit<Rest, 'changes'> = {
  state: '',
  revision: -1,
  digest: undefined,
  next: 0,
  pauseMs: FIRST_REPEAT_MS,
};

function hashOf({ root: [low, high] }: Digest): string {
  return `${low} ${high}`;
}
