import type { Operation, TableNode } from '../../src/index.ts';
import { type Ledger, contentOf, nameOf } from './ledger.ts';
import { type Surroundings, TableWitness, type Told } from './table-witness.ts';

/** Follows one node through one life. */
export class NodeWitness {
  readonly node: TableNode;
  readonly operations: Operation[] = [];
  readonly tables: Map<string, TableWitness> = new Map();
  /** The first thing that was wrong. */
  failure: unknown;
  readonly #ledger: Ledger;
  /**
   * Told of, and not looked at yet: a node tells of a long checkpoint in slices, and of what it writes meanwhile
   * behind it, when others may have been told already.
   */
  readonly #waiting: Told[] = [];

  constructor(
    node: TableNode,
    around: Surroundings,
    before: {
      readonly operations: readonly Operation[];
      readonly adopted: ReadonlySet<string>;
      /** Position of the log when the node was opened: what stands behind it was written since. */
      readonly loadedTo: number;
      /** Position up to which the log is gone. */
      readonly trimmedTo: number;
    },
  ) {
    this.node = node;
    this.#ledger = around.ledger;
    for (const [name, table] of node.tables) {
      const witness = new TableWitness(node.id, table, around);
      witness.adopted = before.adopted.has(name) || before.trimmedTo > 0;
      this.tables.set(name, witness);
    }
    let index = before.operations.findIndex(({ position }) => position > before.trimmedTo);
    node.log.operations({ after: before.trimmedTo }).subscribe({
      next: (operation) => {
        if (this.failure !== undefined) return;
        try {
          this.operations.push(operation);
          const old = operation.position <= before.loadedTo;
          if (old) this.#compare(operation, before.operations[index++]);
          this.#waiting.push({ operation, old, byUser: around.userWrites });
          this.#follow();
        } catch (error) {
          this.failure = error;
        }
      },
      error: (error: unknown) => {
        this.failure ??= error;
      },
    });
  }

  #compare(operation: Operation, before: Operation | undefined): void {
    // The log has what the node had not told of yet when it ended.
    if (before === undefined && this.#ledger.untold.has(this.node.id)) return;
    const [is, was] = [operation, before].map((each) =>
      each === undefined ? 'nothing' : `${each.position} ${nameOf(each)} ${contentOf(each)}`,
    );
    if (is !== was) throw new Error(`${this.node.id} restarted with ${is} where ${was} had been`);
  }

  /** Looks at what was told, up to what its author has not told of yet. */
  #follow(): void {
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      const { origin } = next.operation;
      const own = origin.startsWith(`${this.node.id}@`);
      if (!own && !this.#ledger.isWritten(next.operation)) return;
      this.#waiting.shift();
      this.tables.get(next.operation.table)?.operation(next);
    }
  }

  /** Whether the node may have something to tell of yet that it has done; what was never told of is not promised. */
  get #isTelling(): boolean {
    return (this.operations.at(-1)?.position ?? 0) < this.node.log.position;
  }

  /** The node is about to end, perhaps before it has told of everything. */
  end(): void {
    if (this.#isTelling || this.#waiting.length > 0) this.#ledger.untold.add(this.node.id);
  }

  /** What can be looked at after every step. */
  glance(): void {
    this.#follow();
    if (this.failure !== undefined) throw this.failure;
    if (!this.#isTelling) for (const witness of this.tables.values()) witness.glance();
  }

  check(): void {
    this.#follow();
    if (this.failure !== undefined) throw this.failure;
    const [first] = this.#waiting;
    if (first !== undefined) throw new Error(`${nameOf(first.operation)} was found, and nobody wrote it`);
    for (const witness of this.tables.values()) witness.check();
  }
}
