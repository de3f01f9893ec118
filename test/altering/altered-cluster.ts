import {
  type AlterProblem,
  type Alteration,
  type MapTable,
  type TableDeclaration,
  alterTable,
} from '../../src/index.ts';
import type { AlterOptions } from '../../src/altering/options.ts';
import { Cluster } from '../support/cluster.ts';

export type AnyMap = MapTable;
export type Mapping = Pick<AlterOptions, 'up' | 'down' | 'oneWay'>;

/** A program of before, one that has both tables and carries, and a new program, in a chain. */
export class AlteredCluster {
  readonly cluster: Cluster;
  readonly #old: TableDeclaration;
  readonly #new: TableDeclaration;
  readonly #mapping: Mapping;
  readonly problems: AlterProblem[] = [];
  alteration!: Alteration;

  constructor(seed: number, before: TableDeclaration, after: TableDeclaration, mapping: Mapping = {}) {
    this.cluster = new Cluster({ size: 3, topology: 'chain', seed });
    this.#old = before;
    this.#new = after;
    this.#mapping = mapping;
  }

  get old(): AnyMap {
    return this.cluster.node(0).tables.get('hits') as AnyMap;
  }

  get new(): AnyMap {
    return this.cluster.node(2).tables.get('hits2') as AnyMap;
  }

  async start(): Promise<this> {
    await this.cluster.start(0, (node) => void node.table('hits', this.#old));
    await this.cluster.start(2, (node) => void node.table('hits2', this.#new));
    await this.startCarrier();
    return this;
  }

  async startCarrier(): Promise<void> {
    await this.cluster.start(1, (node) => {
      const { environment } = this.cluster.member(1);
      this.alteration = alterTable(node, {
        from: node.table('hits', this.#old) as never,
        to: node.table('hits2', this.#new) as never,
        ...this.#mapping,
        wait: (milliseconds) =>
          new Promise((resolve) => void environment?.schedule(milliseconds, () => resolve())),
      });
      this.alteration.problems.subscribe((problem) => this.problems.push(problem));
    });
  }

  /** The machine that carries stops between two instructions, and begins again. */
  async crashCarrier(): Promise<void> {
    this.cluster.crash(1);
    await this.startCarrier();
  }

  async rest(): Promise<void> {
    await this.cluster.run(60_000);
    await this.cluster.time.until(this.alteration.settled());
    await this.cluster.run(60_000);
  }
}

export function rowsOf(table: AnyMap): Record<string, unknown> {
  return Object.fromEntries(Array.from(table.entries(), ([key, value]) => [String(key), value] as const));
}
