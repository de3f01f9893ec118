import type { RowSide } from '../projection/comparing/digest.ts';

/** A Zeek cluster that a node is attached to. */
export interface OperatedZeek {
  readonly name: string;
  readonly address: string;
  readonly state: string;
  readonly tables: readonly string[];
  /** Counts what was missed of tables and is not made good, by table; 1 where the number is not known. */
  readonly missed: Readonly<Record<string, number>>;
}

/** Returns a cluster as one sees it who may read some tables only. */
export function zeekForm(cluster: OperatedZeek, mayRead: (table: string) => boolean): OperatedZeek {
  const missed = Object.entries(cluster.missed).filter(([name]) => mayRead(name));
  return { ...cluster, tables: cluster.tables.filter(mayRead), missed: Object.fromEntries(missed) };
}

/** A write that a repair would make. */
export interface OperatedWrite {
  /** Names the key by its canonical text. */
  readonly text: string;
  /** Holds the row; undefined: the key is removed. */
  readonly side: Pick<RowSide<unknown>, 'value'> | undefined;
}

/** A node as those who operate it see it over HTTP, beside what health and metrics observe. */
export interface OperatedNode {
  /** Says how much of the log is kept; nothing: all of it. */
  readonly retention: {
    readonly age?: number | undefined;
    readonly bytes?: number | undefined;
    readonly operations?: number | undefined;
  };
  zeek(): readonly OperatedZeek[];
  /** Resolves with what a repair of a table would write now. Rejects with what a repair rejects with. */
  planRepair(table: string, from: string): Promise<readonly OperatedWrite[]>;
}
