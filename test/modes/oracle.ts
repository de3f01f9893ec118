import type { TableNode } from '../../src/index.ts';
import { connectedWith } from '../support/connected-with.ts';
import type { StormTable } from './storm.ts';

/** What a table says it differs in, as texts to compare. */
export function reported(table: StormTable): string[] {
  const texts: string[] = [];
  table.divergence
    .subscribe((list) => {
      for (const { peer, key, here, there } of list)
        texts.push(`${peer} ${key} ${String(here?.value)} ${String(there?.value)}`);
    })
    .unsubscribe();
  return texts.toSorted();
}

/** What it truly differs in from those it is connected with, or from others: looked up in the tables themselves. */
export function truth(
  node: TableNode,
  tables: ReadonlyMap<string, StormTable>,
  others: readonly string[] = connectedWith(node),
): string[] {
  const mine = tables.get(node.id) as StormTable;
  const texts: string[] = [];
  for (const peer of others) {
    const theirs = tables.get(peer) as StormTable;
    for (const key of new Set([...mine.keys(), ...theirs.keys()])) {
      const [here, there] = [mine.get(key), theirs.get(key)];
      if (here !== there) texts.push(`${peer} ${key} ${String(here)} ${String(there)}`);
    }
  }
  return texts.toSorted();
}
