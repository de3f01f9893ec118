import { type NodeOptions, type TableNode, openNode } from 'tablecast';
import { onTestFinished } from 'vitest';

/** A node that serves the page. */
export interface Served {
  readonly node: TableNode;
  /** Where its page is, without the last slash. */
  readonly address: string;
}

/** Opens a node that serves its page, until the end of the test. */
export async function served(options: Partial<NodeOptions> = {}): Promise<Served> {
  const node = await openNode({ id: 'one', http: { port: 0 }, listen: { port: 0 }, ...options });
  onTestFinished(() => node.close());
  return { node, address: node.httpAddress ?? '' };
}
