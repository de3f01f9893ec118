import { afterEach } from 'vitest';
import { type NodeEvent, type NodeOptions, type TableNode, openNode } from '../../src/index.ts';

/** Opens nodes that are closed after each test, and keeps what happens to them. */
export interface OpenedNodes {
  readonly told: ReadonlyMap<TableNode, readonly NodeEvent[]>;
  open(this: void, options: NodeOptions): Promise<TableNode>;
}

/** To be called once, at the top of a test file. */
export function openedNodes(): OpenedNodes {
  const told = new Map<TableNode, NodeEvent[]>();
  afterEach(async () => {
    await Promise.all(Array.from(told.keys(), (node) => node.close()));
    told.clear();
  });
  return {
    told,
    async open(options) {
      const node = await openNode(options);
      const events: NodeEvent[] = [];
      told.set(node, events);
      node.events.subscribe((event) => events.push(event));
      return node;
    },
  };
}
