import type { SegmentStore } from '../../log/keeping/segment-store.ts';
import { compareEpochs } from '../../log/operations/epoch.ts';
import type { Replica, ReplicaTable } from '../replica.ts';
import { MAX_HOLDINGS, type OperationName, type WantedOperation } from '../wire/holding-wire.ts';

/** A mark is what a store must have committed before something that is held counts as durable. */
interface Mark {
  readonly sequence: number;
  readonly store: SegmentStore;
  readonly position: number;
}

interface Wanted {
  want: WantedOperation;
  /** Is the last operation that the peer was told of. */
  told: number;
  mark: Mark | undefined;
}

/**
 * Answers a peer what this node holds, as durably as it keeps the tables: however it came here, over this connection,
 * an earlier one, from another peer or with a checkpoint (docs/decisions/0073).
 */
export class Holdings {
  readonly #replica: Replica;
  /** Says whether a table is shared with the peer: of others it learns nothing. */
  readonly #isShared: (table: string) => boolean;
  readonly #wanted = new Map<string, Wanted>();

  constructor(replica: Replica, isShared: (table: string) => boolean) {
    this.#replica = replica;
    this.#isShared = isShared;
  }

  /** Counts what the peer waits for, which is looked at each time. */
  get size(): number {
    return this.#wanted.size;
  }

  /** Takes in what a peer wants to hear of; beyond {@link MAX_HOLDINGS} at a time it is not answered. */
  want(wants: readonly WantedOperation[]): void {
    for (const want of wants) {
      const name = `${want.table}\n${want.origin}`;
      const known = this.#wanted.get(name);
      if (known !== undefined) known.want = want;
      else if (this.#wanted.size < MAX_HOLDINGS) this.#wanted.set(name, { want, told: 0, mark: undefined });
    }
  }

  /** Returns how far each of them is durable here, where that is further than was said before. */
  news(): OperationName[] {
    const news: OperationName[] = [];
    for (const [name, wanted] of this.#wanted) {
      const { table, origin, sequence } = wanted.want;
      const before = wanted.told;
      this.#look(wanted);
      if (wanted.told > before) news.push({ table, origin, sequence: wanted.told });
      if (wanted.told >= sequence) this.#wanted.delete(name);
    }
    return news;
  }

  #look(wanted: Wanted): void {
    const table = this.#isShared(wanted.want.table) ? this.#replica.table(wanted.want.table) : undefined;
    if (table === undefined) return;
    // What is held after a place was noted does not put it off: under steady writes nothing would ever be told.
    this.#settle(wanted);
    wanted.mark ??= this.#mark(table, wanted);
    this.#settle(wanted);
  }

  #settle(wanted: Wanted): void {
    const { mark } = wanted;
    if (mark === undefined || mark.store.committed < mark.position) return;
    wanted.told = mark.sequence;
    wanted.mark = undefined;
  }

  #mark(table: ReplicaTable, { want, told }: Wanted): Mark | undefined {
    const sequence = table.held(want.origin);
    const store = this.#replica.log.stores.get(table.store);
    if (store === undefined || sequence <= told) return undefined;
    // What a switch passes over stands nowhere: its author writes it again, and asks for that.
    if (compareEpochs(want.epoch, table.epoch) < 0) return undefined;
    return { sequence, store, position: store.backend.durable ? store.appended : 0 };
  }
}
