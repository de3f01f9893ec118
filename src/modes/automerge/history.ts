import { TablecastError } from '../../errors.ts';
import type { RunEffects } from '../conflict-mode.ts';
import type { Change } from './change.ts';
import { readChange } from './change-reader.ts';
import { isBeginning } from './genesis.ts';

/** Most changes kept that wait for others; an author's change waits while one it follows is on another way. */
const MAX_WAITING = 65_536;

/** A change on its way into the document. */
export interface Pending {
  readonly change: Change;
  /** Beginnings of counters it adds to, which take effect with it. */
  readonly beginnings: readonly Change[];
  /** What its run does, when known: gives its operations their exact versions. */
  readonly effects: RunEffects | undefined;
}

interface Applied {
  readonly actor: string;
  readonly operations: number;
  readonly bytes: Uint8Array;
}

/** The changes of a document: applies each once, after all that it follows. */
export class History {
  readonly #apply: (pending: Pending, touched: Set<string>) => void;
  readonly #changes: Applied[] = [];
  readonly #known = new Set<string>();
  readonly #heads = new Set<string>();
  readonly #seqs = new Map<string, number>();
  readonly #waiting = new Map<string, Pending>();
  /** Per missing change, those that wait for it. */
  readonly #needed = new Map<string, Set<string>>();
  #undo: (() => void)[] | undefined;
  /** Per actor that is an origin, the message of its latest change that took effect. */
  readonly latest: Map<string, string> = new Map();
  /** The greatest operation counter there is. */
  maxOp = 0;
  operations = 0;
  bytes = 0;

  constructor(apply: (pending: Pending, touched: Set<string>) => void) {
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

  /** Throws `LIMIT_EXCEEDED` when too many changes wait already. */
  requireRoom(): void {
    if (this.#waiting.size < MAX_WAITING) return;
    throw new TablecastError(
      'LIMIT_EXCEEDED',
      `${MAX_WAITING} Automerge changes wait for changes that have not come.`,
      {
        hint: 'Let the missing authors connect, or switch the mode, which begins a new document.',
        retryable: true,
      },
    );
  }

  /** Applies a change and whatever waited for it, or lets it wait; adds the keys it wrote to `touched`. */
  take(pending: Pending, touched: Set<string>): void {
    const { hash, actor, seq } = pending.change;
    if (this.has(hash)) return;
    this.#noteSeq(actor, seq);
    const missing = this.#missing(pending);
    if (missing.length === 0) return this.#applyAll(pending, touched);
    this.#waiting.set(hash, pending);
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

  #missing({ change, beginnings }: Pending): string[] {
    return change.deps.filter((dep) => !this.#known.has(dep) && !beginnings.some(({ hash }) => hash === dep));
  }

  #applyAll(first: Pending, touched: Set<string>): void {
    const ready = [first];
    for (let pending = ready.pop(); pending !== undefined; pending = ready.pop()) {
      const beginnings = pending.beginnings.map((change) => ({ change, beginnings: [], effects: undefined }));
      for (const next of [...beginnings, pending]) {
        const { hash } = next.change;
        if (this.#known.has(hash)) continue;
        this.#applyOne(next, touched);
        for (const waiter of this.#needed.get(hash) ?? []) {
          const waiting = this.#waiting.get(waiter);
          if (waiting === undefined || this.#missing(waiting).length > 0) continue;
          this.#waiting.delete(waiter);
          this.onUndo(() => this.#waiting.set(waiter, waiting));
          ready.push(waiting);
        }
        if (this.#undo === undefined) this.#needed.delete(hash);
      }
    }
  }

  #noteLatest(actor: string, message: string): void {
    const before = this.latest.get(actor);
    this.latest.set(actor, message);
    this.onUndo(() => (before === undefined ? this.latest.delete(actor) : this.latest.set(actor, before)));
  }

  #applyOne(pending: Pending, touched: Set<string>): void {
    const { change } = pending;
    const { hash, deps, actor, bytes, operations } = change;
    const { maxOp, operations: operationsBefore, bytes: bytesBefore } = this;
    const headsBefore = this.#undo === undefined ? undefined : [...this.#heads];
    this.#known.add(hash);
    for (const dep of deps) this.#heads.delete(dep);
    this.#heads.add(hash);
    this.maxOp = Math.max(maxOp, change.startOp + operations.length - 1);
    if (!isBeginning(change)) {
      this.operations += operations.length;
      this.#noteLatest(actor, change.message);
    }
    this.bytes += bytes.length;
    this.#changes.push({ actor, operations: operations.length, bytes });
    this.onUndo(() => {
      this.#known.delete(hash);
      this.#heads.clear();
      for (const head of headsBefore ?? []) this.#heads.add(head);
      this.maxOp = maxOp;
      this.operations = operationsBefore;
      this.bytes = bytesBefore;
      this.#changes.pop();
    });
    this.#apply(pending, touched);
  }

  /** All changes in an order in which they can be applied. */
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

  /** The actor with the most operations, of several the first by name. */
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
