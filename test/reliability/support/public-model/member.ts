import { join } from 'node:path';
import { type MapTable, type SetTable, type Table, type TableNode, openNode } from '../../../../src/index.ts';
import { exactly } from '../../../../src/schema/exactly.ts';
import { readLog } from '../../../support/read-log.ts';
import type { TableKind } from './kinds.ts';
import type { Write } from './table-model.ts';
import { Witness } from './witness.ts';

/** Rows of it go while a world lasts. */
export const SHORT = { key: 'string', value: 'count', writeExpire: 400 } as const;

/** One node of a world, through all its lives. */
export class Member {
  readonly index: number;
  readonly #directory: string;
  readonly #kinds: readonly TableKind[];
  readonly #maxMemoryLogBytes: number | undefined;
  #node: TableNode | undefined;
  #witness: Witness | undefined;
  #port = 0;

  constructor(
    index: number,
    parts: {
      readonly directory: string;
      readonly kinds: readonly TableKind[];
      readonly maxMemoryLogBytes: number | undefined;
    },
  ) {
    this.index = index;
    this.#directory = join(parts.directory, `n${index}`);
    this.#kinds = parts.kinds;
    this.#maxMemoryLogBytes = parts.maxMemoryLogBytes;
  }

  get isUp(): boolean {
    return this.#node !== undefined;
  }

  get node(): TableNode {
    if (this.#node === undefined) throw new Error(`n${this.index} is down.`);
    return this.#node;
  }

  get witness(): Witness {
    if (this.#witness === undefined) throw new Error(`n${this.index} is down.`);
    return this.#witness;
  }

  get address(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  /** Opens the node at the address it had before, and declares its tables before anything else can happen. */
  async start(peers: readonly string[]): Promise<void> {
    const node = await openNode({
      id: `n${this.index}`,
      directory: this.#directory,
      listen: { port: this.#port, host: '127.0.0.1' },
      peers,
      limits: this.#maxMemoryLogBytes === undefined ? {} : { maxMemoryLogBytes: this.#maxMemoryLogBytes },
    });
    this.#port = Number(new URL(node.address as string).port);
    const tables = this.#kinds.map(({ name, declaration, defaults }) => {
      const value = defaults[this.index];
      return node.table(
        name,
        exactly({ ...declaration, ...(value === undefined ? {} : { default: value }) }),
      ) as Table;
    });
    tables.push(node.table('short', SHORT));
    const witness = new Witness(node, tables);
    this.#node = node;
    this.#witness = witness;
    if (witness.since > 0)
      for (const operation of await readLog(node, { until: witness.since })) witness.note(operation);
  }

  async stop(): Promise<void> {
    const { node } = this;
    this.#node = undefined;
    await node.close();
  }

  table(name: string): Table {
    return this.node.tables.get(name) as Table;
  }

  /** Does a write. Throws what the table throws. */
  write({ name, keys, values }: TableKind, write: Write): void {
    const table = this.table(name);
    if (write.do === 'clear') return table.clear();
    const key = keys[write.key]?.given;
    if (write.do === 'delete') table.delete(key);
    else if (write.do === 'increment') (table as MapTable).increment(key, write.by);
    else if (values.length === 0) (table as SetTable).add(key);
    else (table as MapTable).set(key, values[write.value]?.given);
  }
}

/** Whom a node dials: everybody before it, or only the first. */
export function peersOf(index: number, members: readonly Member[], isMesh: boolean): string[] {
  return members.slice(0, isMesh ? index : Math.min(index, 1)).map(({ address }) => address);
}
