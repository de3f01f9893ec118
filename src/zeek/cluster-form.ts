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
