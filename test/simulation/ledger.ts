import type { Operation } from '../../src/index.ts';
import { textOf } from '../support/naive-model.ts';

/** What an author had seen of one table: per origin the highest sequence. */
export type Seen = ReadonlyMap<string, number>;

/** An operation as its author wrote it. */
export interface Written {
  readonly operation: Operation;
  /** What its author had applied of others when it wrote it; undefined when that cannot be known any more. */
  readonly seen: Seen | undefined;
  /** For `expire`: the write it names. */
  readonly names: string | undefined;
  /** Whether a user wrote it, and not the node by itself. */
  readonly byUser: boolean;
  /** Whether any other node has it. */
  spread: boolean;
}

/** An operation's name, on any node. */
export function nameOf({
  table,
  origin,
  sequence,
}: Pick<Operation, 'table' | 'origin' | 'sequence'>): string {
  return `${table} ${origin} ${sequence}`;
}

/** What is said of an operation wherever it is seen. */
export function contentOf({ kind, key, value }: Operation): string {
  return `${kind} ${textOf(key)} ${textOf(value)}`;
}

/** Everything ever written in one world, by whoever wrote it. */
export class Ledger {
  readonly #written = new Map<string, Written>();
  /** Per name in {@link forked}, what it was used for after the first time. */
  readonly #again = new Map<string, Written[]>();
  /** Per such name, which of its uses stands in the end. */
  readonly #standing = new Map<string, Written>();
  /** Names of durable writes whose author was told that they are on disk. */
  readonly acknowledged: Set<string> = new Set();
  /** Names that a node used again after its disk was put back to an earlier state. */
  readonly forked: Set<string> = new Set();
  /** Nodes that ended before they had told of everything: others may have what they never told of. */
  readonly untold: Set<string> = new Set();
  /** Per `table origin`, the highest sequence that reached another node. */
  readonly #sent = new Map<string, number>();
  /** Per `table origin`, the highest sequence that a checkpoint covered which its author sent to others. */
  readonly #summedUp = new Map<string, number>();
  /** `table key` of every conflict any node reported. */
  readonly reported: Set<string> = new Set();

  /**
   * Notes a write; a name may be used again only if the earlier use died with its author. Where disks are copied,
   * a copy may hold it, and be put back.
   */
  write(
    operation: Operation,
    about: Pick<Written, 'seen' | 'names' | 'byUser'>,
    disk: 'only' | 'copied',
  ): void {
    const name = nameOf(operation);
    const before = this.#written.get(name);
    if (before !== undefined && disk === 'copied')
      this.#again.set(name, [...(this.#again.get(name) ?? []), before]);
    if (before?.spread === true) {
      throw new Error(`${name} was used twice: ${contentOf(before.operation)}, then ${contentOf(operation)}`);
    }
    this.#written.set(name, { operation, ...about, spread: false });
  }

  /**
   * Notes a write under a name that stands for another one elsewhere. Where no other is known it is that one itself:
   * it may have been sent before its author's witness came to it.
   */
  writeAgain(operation: Operation, about: Pick<Written, 'seen' | 'names' | 'byUser'>): void {
    const name = nameOf(operation);
    if (!this.#written.has(name)) {
      this.#written.set(name, { operation, ...about, spread: false });
      return;
    }
    this.forked.add(name);
    this.#again.set(name, [...(this.#again.get(name) ?? []), { operation, ...about, spread: false }]);
  }

  /** Everything that a name was used for. */
  #uses(name: string): Written[] {
    const first = this.#written.get(name);
    return first === undefined ? [] : [first, ...(this.#again.get(name) ?? [])];
  }

  /** Which of the uses of its name an operation is, and none of the others; undefined for one that a checkpoint summed up. */
  useOf(operation: Operation): Written | undefined {
    const { time } = operation;
    const content = contentOf(operation);
    return this.#uses(nameOf(operation)).find(
      ({ operation: used }) => used.time === time && contentOf(used) === content,
    );
  }

  /** What the author of an operation had seen, of the uses of its name that one; undefined when it is not known. */
  seenBy(operation: Operation | undefined): Seen | undefined {
    if (operation === undefined) return undefined;
    return (this.useOf(operation) ?? this.#written.get(nameOf(operation)))?.seen;
  }

  /** What the nodes hold in the end says which use of a name stands. Throws when it stands for two. */
  settle(operations: Iterable<Operation>): void {
    for (const operation of operations) {
      const name = nameOf(operation);
      const use = this.forked.has(name) ? this.useOf(operation) : undefined;
      if (use === undefined) continue;
      const known = this.#standing.get(name) ?? use;
      if (known !== use)
        throw new Error(
          `${name} is ${contentOf(known.operation)}, and ${contentOf(use.operation)} elsewhere`,
        );
      this.#standing.set(name, use);
    }
  }

  /** Notes that operations have reached another node, which may take its time to take them in. */
  send(table: string, origin: string, last: number): void {
    const name = `${table} ${origin}`;
    this.#sent.set(name, Math.max(this.#sent.get(name) ?? 0, last));
  }

  /** Whether a write has left its author. */
  hasSpread(operation: Operation): boolean {
    const { table, origin, sequence } = operation;
    const uses = this.#uses(nameOf(operation));
    const isSent = (this.#sent.get(`${table} ${origin}`) ?? 0) >= sequence;
    return uses.some(({ spread }) => spread || isSent);
  }

  /**
   * The write that a node has got, from another one or from its own disk. Unless `exact`, rows stand
   * for it that a checkpoint brought or took away, which are not what its author wrote.
   */
  found(operation: Operation, at: 'author' | 'other', exact: boolean): Written {
    const name = nameOf(operation);
    const written = this.useOf(operation) ?? this.#written.get(name) ?? this.#takenAsWritten(operation);
    if (written === undefined) throw new Error(`${name} was found, and nobody wrote it`);
    if (at === 'other') written.spread = true;
    const same = !exact || contentOf(written.operation) === contentOf(operation);
    // A row that a checkpoint takes away goes under the name of the write that had put it there.
    const taken = operation.kind === 'delete' && written.operation.kind === 'set';
    if (!same && !taken) {
      throw new Error(`${name} was ${contentOf(written.operation)}, was found as ${contentOf(operation)}`);
    }
    return written;
  }

  /** Whether a write is known, or will never be told of by its author. */
  isWritten(operation: Operation): boolean {
    return this.#written.has(nameOf(operation)) || this.#takenAsWritten(operation) !== undefined;
  }

  #takenAsWritten(operation: Operation): Written | undefined {
    const { origin } = operation;
    if (!this.untold.has(origin.slice(0, origin.indexOf('@')))) return undefined;
    const written = { operation, seen: undefined, names: undefined, byUser: false, spread: false };
    this.#written.set(nameOf(operation), written);
    return written;
  }

  /**
   * Of the operations that a node holds, per origin, those that its document shows: a change waits there until
   * everything is there that its author had seen.
   */
  shown(table: string, held: Seen): Seen {
    const shown = new Map(held);
    const waits = (origin: string, sequence: number): boolean => {
      const { seen = [] } = this.#written.get(nameOf({ table, origin, sequence })) ?? {};
      return [...seen].some(([other, needed]) => (shown.get(other) ?? 0) < needed);
    };
    for (let again = true; again;) {
      again = false;
      for (const [origin, last] of shown) {
        let sequence = last;
        while (sequence > 0 && waits(origin, sequence)) sequence--;
        if (sequence < last) again = true;
        shown.set(origin, sequence);
      }
    }
    return shown;
  }

  /**
   * Of nodes whose disk was put back to an earlier state, what is on no disk any more is not promised: a peer
   * may have taken it in, and lost it before it was on its own disk. `held` is what the disks hold, per
   * `table origin`.
   */
  forget(restored: ReadonlySet<string>, held: ReadonlyMap<string, number>): void {
    for (const name of this.acknowledged) {
      const [table = '', origin = '', sequence = ''] = name.split(' ');
      const author = origin.slice(0, origin.indexOf('@'));
      if (restored.has(author) && (held.get(`${table} ${origin}`) ?? 0) < Number(sequence))
        this.acknowledged.delete(name);
    }
  }

  /** Notes what a checkpoint covers that has reached another node: writes that were replaced are not in it one by one. */
  sumUp(table: string, vector: readonly (readonly [origin: string, sequence: number])[]): void {
    for (const [origin, sequence] of vector) {
      const name = `${table} ${origin}`;
      this.#summedUp.set(name, Math.max(this.#summedUp.get(name) ?? 0, sequence));
    }
  }

  /** Whether a checkpoint that covers an operation has reached another node. */
  isSummedUp({ table, origin, sequence }: Operation): boolean {
    return (this.#summedUp.get(`${table} ${origin}`) ?? 0) >= sequence;
  }

  /** Whether an operation that has left its author is this very one, and not another under its name. */
  isKnown(operation: Operation): boolean {
    return this.useOf(operation)?.spread === true;
  }

  /** The writes of one table that a cluster with such vectors holds. */
  *held(table: string, held: ReadonlyMap<string, number>): Generator<Written, void, undefined> {
    for (const [name, first] of this.#written) {
      const written = this.#standing.get(name) ?? first;
      const { operation } = written;
      if (operation.table === table && (held.get(operation.origin) ?? 0) >= operation.sequence) yield written;
    }
  }
}
