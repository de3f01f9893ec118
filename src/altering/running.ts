import { type AlteringNode, refused } from './options.ts';

/** Holds the pairs of tables that are kept alike on each node: two alterations would carry what the other has carried. */
const running = new WeakMap<AlteringNode, Set<string>>();

/** Begins to run for two tables, until what is returned is called. @throws TablecastError `OPTION_INVALID` */
export function beginRunning(node: AlteringNode, names: readonly [string, string]): () => void {
  const pairs = running.get(node) ?? new Set();
  const pair = names.toSorted().join(' ');
  if (pairs.has(pair)) {
    throw refused(
      `Tables ${names.join(' and ')} are kept alike on this node already.`,
      'Close that alteration before: await alteration.close().',
    );
  }
  running.set(node, pairs.add(pair));
  return () => void pairs.delete(pair);
}
