import { TablecastError } from '../../errors.ts';
import type { RunEffects, Version, Waited, WaitedRoom } from '../conflict-mode.ts';
import type { Change } from './change.ts';
import { readChange } from './change-reader.ts';
import { isBeginning } from './genesis.ts';

/** Most changes, and bytes of them, that wait for others: an author's change waits while one it follows is on another way. */
const MAX_WAITING = 65_536;
const MAX_WAITING_BYTES: number = 64 * 1024 * 1024;

/** The first operations of a run. */
export interface PartOfRun {
  readonly effects: RunEffects;
  /** Is the run's change in them. */
  readonly change: Change;
}

/** A change on its way into the document. */
export interface Pending {
  readonly change: Change;
  /** Beginnings of counters it adds to, which take effect with it. */
  readonly beginnings: readonly Change[];
  /** Holds what its run does, when known. */
  readonly effects: RunEffects | undefined;
  /** The exact versions of its operations, when known; undefined for one that its run does not name. */
  readonly versions?: Versions | undefined;
  /** Is the room of the frame that brought it, which is shown as one: what waits of it takes effect together. */
  readonly unit?: WaitedRoom | undefined;
  /** Holds, of a run that counts only in part, what is done in place of the change, and of its beginnings. */
  readonly part?: PartOfRun | undefined;
}

/** Per operation of a change. */
export type Versions = readonly (Version | undefined)[];

/** Touched is what a run, and all that waited for it, writes into a document. */
export interface Touched {
  /** Holds what the run does. */
  readonly by: RunEffects | undefined;
  /** The keys that it does not name itself. */
  readonly others: Set<string>;
}

/** A change costs so many operations beside its own. */
const CHANGE_UNITS = 12;

/** Changes that are being applied, one letting others follow. */
interface Applying {
  readonly touched: Touched;
  readonly room: WaitedRoom;
  readonly ready: Pending[];
}

const NOTHING: readonly Change[] = [];
const UNBOUNDED: WaitedRoom = { left: Infinity };
const NONE_BEGUN: ReadonlyMap<string, number> = new Map();

interface Applied {
  readonly actor: string;
  readonly operations: number;
  readonly bytes: Uint8Array;
}

/** The latest is what is kept of an actor's latest change that took effect. */
type Latest = Pick<Change, 'seq' | 'hash' | 'message'>;

/**
 * The changes of a document: applies each once, after all that it follows and after its author's one
 * before. What a peer made up so that it does neither, or that is not numbered from one behind all of
 * these, never takes effect, on any node: every author would have to go on from its numbers.
 */
export class History {
  readonly #apply: (pending: Pending, touched: Touched) => void;
  readonly #changes: Applied[] = [];
  /** By hash of a change that took effect, the counter of its last operation. */
  readonly #known = new Map<string, number>();
  readonly #heads = new Set<string>();
  readonly #seqs = new Map<string, number>();
  readonly #waiting = new Map<string, Pending>();
  #waitingBytes = 0;
  /** Waiting changes that wait for nothing but their turn: see {@link takeNext}. */
  readonly #ready: Pending[] = [];
  readonly #begun = new WeakMap<readonly Change[], ReadonlyMap<string, number>>();
  /** Per missing change, by hash or by {@link turnOf}, those that wait for it. */
  readonly #needed = new Map<string, Set<string>>();
  #undo: (() => void)[] | undefined;
  /** Per actor, beginnings included. */
  readonly latest: Map<string, Latest> = new Map();
  /** The greatest operation counter there is. */
  maxOp = 0;
  operations = 0;
  bytes = 0;

  constructor(apply: (pending: Pending, touched: Touched) => void) {
    this.#apply = apply;
  }

  /** Number of an actor's latest change that was taken, 0 before any. */
  seqOf(actor: string): number {
    return this.#seqs.get(actor) ?? 0;
  }

  has(hash: string): boolean {
    return this.#known.has(hash) || this.#waiting.has(hash);
  }

  isApplied(hash: string): boolean {
    return this.#known.has(hash);
  }

  heads(): string[] {
    return [...this.#heads].toSorted();
  }

  /** Throws `LIMIT_EXCEEDED` for a change that has to wait when too many do already; never for what they wait for. */
  requireRoom(pending: Pending): void {
    if (this.#waiting.size < MAX_WAITING && this.#waitingBytes < MAX_WAITING_BYTES) return;
    if (this.has(pending.change.hash) || this.#missing(pending).length === 0) return;
    throw new TablecastError(
      'LIMIT_EXCEEDED',
      `${this.#waiting.size} Automerge changes of ${this.#waitingBytes} bytes wait for changes that have not come.`,
      {
        hint: 'Let the missing authors connect, or switch the mode, which begins a new document.',
        details: this.#waiting.size < MAX_WAITING ? { limit: MAX_WAITING_BYTES } : { limit: MAX_WAITING },
        retryable: true,
      },
    );
  }

  /** Returns whether a change would never take effect because of its numbers; false for one that has to wait. */
  isMisnumbered(pending: Pending): boolean {
    if (this.has(pending.change.hash) || this.#missing(pending).length > 0) return false;
    return !this.#isNumbered(pending);
  }

  /**
   * Applies a change and what waited for it, or lets it wait; notes in `touched` what was written. What waited and finds
   * no room goes on waiting for {@link takeNext}.
   */
  take(pending: Pending, touched: Touched, room: WaitedRoom = UNBOUNDED): void {
    const { hash, actor, seq } = pending.change;
    if (this.has(hash)) return;
    this.#noteSeq(actor, seq);
    const missing = this.#missing(pending);
    if (missing.length === 0) return void this.#applyAll(pending, touched, room);
    this.#wait(pending);
    for (const dep of missing) {
      const waiters = this.#needed.get(dep);
      if (waiters === undefined) this.#needed.set(dep, new Set([hash]));
      else waiters.add(hash);
    }
  }

  #noteSeq(actor: string, seq: number): void {
    const before = this.seqOf(actor);
    if (seq <= before) return;
    this.#seqs.set(actor, seq);
    this.onUndo(() => this.#seqs.set(actor, before));
  }

  #wait(pending: Pending): void {
    this.#waiting.set(pending.change.hash, pending);
    this.#waitingBytes += bytesOf(pending);
  }

  #waitNoMore(pending: Pending): void {
    if (this.#waiting.delete(pending.change.hash)) this.#waitingBytes -= bytesOf(pending);
  }

  #missing({ change, beginnings }: Pending): string[] {
    const { deps, actor, seq } = change;
    const own = this.#lastOf(beginnings);
    const missing = deps.filter((dep) => !this.#known.has(dep) && !own.has(dep));
    // An author that did not follow its own change could leave any number of values and latest changes behind.
    if (seq > 1 && (this.latest.get(actor)?.seq ?? 0) < seq - 1) missing.push(turnOf(actor, seq - 1));
    return missing;
  }

  /** Returns whether the operations of a change that misses nothing are numbered as its author had to number them. */
  #isNumbered({ change, beginnings }: Pending): boolean {
    const own = this.#lastOf(beginnings);
    const before = this.latest.get(change.actor)?.hash;
    let last = before === undefined ? 0 : (this.#known.get(before) ?? 0);
    for (const dep of change.deps) last = Math.max(last, this.#known.get(dep) ?? own.get(dep) ?? 0);
    return change.startOp === last + 1;
  }

  /** By hash of some beginnings, which are looked through more than once, the counters of their last operations. */
  #lastOf(beginnings: readonly Change[]): ReadonlyMap<string, number> {
    if (beginnings.length === 0) return NONE_BEGUN;
    const known = this.#begun.get(beginnings);
    if (known !== undefined) return known;
    const begun = new Map(beginnings.map((beginning) => [beginning.hash, lastOp(beginning)]));
    this.#begun.set(beginnings, begun);
    return begun;
  }

  /** Says whether changes wait for nothing but {@link takeNext}. */
  get hasReady(): boolean {
    return this.#ready.length > 0;
  }

  /** Applies the next unit of those that only waited for their turn; undefined when there is none. */
  takeNext(touched: Touched): Omit<Waited, 'keys'> | undefined {
    const pending = this.#ready.pop();
    if (pending === undefined) return undefined;
    this.#waitNoMore(pending);
    const room = { left: 0 };
    const done = this.#applyAll(pending, touched, room);
    return { units: unitsOf(pending) - room.left, adds: (text) => onlyAdded(text, done) };
  }

  /** Returns what the runs do of which changes were applied, as far as it is known. */
  #applyAll(first: Pending, touched: Touched, room: WaitedRoom): ReadonlySet<RunEffects> {
    const on = { touched, room, ready: [first] };
    const done = new Set<RunEffects>();
    for (let pending = on.ready.pop(); pending !== undefined; pending = on.ready.pop()) {
      const { beginnings, part, unit } = pending;
      for (const change of beginnings)
        this.#applyNext({ change, beginnings: NOTHING, effects: undefined, part, unit }, on);
      this.#applyNext(pending, on);
      if (pending.effects !== undefined) done.add(pending.effects);
    }
    return done;
  }

  /** Applies one change that misses nothing; adds what waited for it, and finds room, to those that are ready. */
  #applyNext(pending: Pending, on: Applying): void {
    if (this.#known.has(pending.change.hash) || !this.#isNumbered(pending)) return;
    this.#applyOne(pending, on.touched);
    if (this.#needed.size > 0) on.ready.push(...this.#released(pending, on.room));
  }

  /** Returns what waited for a change, misses nothing more, and finds room; the rest waits for its turn. */
  #released(by: Pending, room: WaitedRoom): Pending[] {
    const released: Pending[] = [];
    const { hash, actor, seq } = by.change;
    for (const name of [hash, turnOf(actor, seq)]) {
      for (const waiter of this.#needed.get(name) ?? []) {
        const waiting = this.#waiting.get(waiter);
        if (waiting === undefined || this.#missing(waiting).length > 0) continue;
        if (room.left <= 0 && !areOne(waiting, by)) {
          this.#ready.push(waiting);
          continue;
        }
        room.left -= unitsOf(waiting);
        this.#waitNoMore(waiting);
        this.onUndo(() => this.#wait(waiting));
        released.push(waiting);
      }
      if (this.#undo === undefined) this.#needed.delete(name);
    }
    return released;
  }

  #noteLatest({ actor, seq, hash, message }: Change): void {
    const before = this.latest.get(actor);
    if (before !== undefined) this.#heads.delete(before.hash);
    this.latest.set(actor, { seq, hash, message });
    if (this.#undo === undefined) return;
    this.onUndo(() => (before === undefined ? this.latest.delete(actor) : this.latest.set(actor, before)));
  }

  #applyOne(pending: Pending, touched: Touched): void {
    const { change } = pending;
    const { hash, deps, actor, bytes, operations } = change;
    const { maxOp, operations: operationsBefore, bytes: bytesBefore } = this;
    const headsBefore = this.#undo === undefined ? undefined : [...this.#heads];
    const last = lastOp(change);
    this.#known.set(hash, last);
    for (const dep of deps) this.#heads.delete(dep);
    this.#noteLatest(change);
    this.#heads.add(hash);
    this.maxOp = Math.max(maxOp, last);
    if (!isBeginning(change)) this.operations += operations.length;
    this.bytes += bytes.length;
    this.#changes.push({ actor, operations: operations.length, bytes });
    if (headsBefore === undefined) return this.#apply(pending, touched);
    this.onUndo(() => {
      this.#known.delete(hash);
      this.#heads.clear();
      for (const head of headsBefore) this.#heads.add(head);
      this.maxOp = maxOp;
      this.operations = operationsBefore;
      this.bytes = bytesBefore;
      this.#changes.pop();
    });
    this.#apply(pending, touched);
  }

  /** Returns all changes in an order in which they can be applied. */
  *changes(): Generator<Uint8Array, void, undefined> {
    for (const { bytes } of this.#changes) yield bytes;
  }

  waiting(): Iterable<Pending> {
    return this.#waiting.values();
  }

  /** Reads the changes of some actors, those that wait included, in the order in which they took effect. */
  read(of: (change: { readonly actor: string }) => boolean): Change[] {
    const applied = this.#changes.filter(of).map(({ bytes }) => readChange(bytes));
    return [...applied, ...Array.from(this.#waiting.values(), ({ change }) => change).filter(of)];
  }

  /** Returns the actor with the most operations, of several the first by name. */
  largestActor(except: (change: { readonly actor: string }) => boolean): string | undefined {
    const counts = new Map<string, number>();
    for (const change of this.#changes) {
      if (!except(change)) counts.set(change.actor, (counts.get(change.actor) ?? 0) + change.operations);
    }
    let largest: string | undefined;
    for (const [actor, count] of counts) {
      const most = largest === undefined ? -1 : (counts.get(largest) as number);
      if (count > most || (count === most && actor < (largest as string))) largest = actor;
    }
    return largest;
  }

  // Batches ----------------------------------------------------------------------------------------------

  beginUndo(): void {
    this.#undo = [];
  }

  /** Notes how to take back what is about to happen, while a batch is under way. */
  onUndo(takeBack: () => void): void {
    this.#undo?.push(takeBack);
  }

  endUndo(keep: boolean): void {
    const steps = this.#undo ?? [];
    this.#undo = undefined;
    if (!keep) for (const step of steps.toReversed()) step();
  }
}

/** Names what waits for an author's change by its number, because its hash is not known. */
function turnOf(actor: string, seq: number): string {
  return `${seq} ${actor}`;
}

function lastOp({ startOp, operations }: Change): number {
  return startOp + operations.length - 1;
}

/** The changes of one frame are shown as one, and so are those of one run, of which it may not be known what brought them. */
function areOne(one: Pending, other: Pending): boolean {
  if (one.unit !== undefined && one.unit === other.unit) return true;
  return one.change.actor === other.change.actor && one.change.message === other.change.message;
}

/** Returns whether runs do nothing to a key but add to its counter. */
function onlyAdded(text: string, done: ReadonlySet<RunEffects>): boolean {
  const kinds = Array.from(done, ({ keys }) => keys.get(text)?.kind).filter((kind) => kind !== undefined);
  return kinds.length > 0 && kinds.every((kind) => kind === 'add');
}

function unitsOf({ change, beginnings }: Pending): number {
  return CHANGE_UNITS * (1 + beginnings.length) + change.operations.length;
}

function bytesOf({ change, beginnings }: Pending): number {
  return beginnings.reduce((sum, { bytes }) => sum + bytes.length, change.bytes.length);
}
