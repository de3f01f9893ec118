import type { Operation, OperationRange, TableNode } from '../../src/index.ts';

/** Everything a range of a node's log replays; ends at the present position unless told otherwise. */
export function readLog(node: TableNode, range: OperationRange = {}): Promise<Operation[]> {
  const found: Operation[] = [];
  return new Promise((resolve, reject) => {
    node.log.operations({ until: Math.max(node.log.position, range.after ?? 0), ...range }).subscribe({
      next: (operation) => found.push(operation),
      error: reject,
      complete: () => resolve(found),
    });
  });
}
