import { openLocalNode } from './local-node.ts';
import type { NodeOptions } from './options.ts';
import { pageOutside } from './page-outside.ts';
import type { TableNode } from './table-node.ts';

/** The options of a node in a page: those that need no file, no thread and no listening socket. */
export type CoreOptions = Omit<
  NodeOptions,
  'directory' | 'failureMode' | 'listen' | 'health' | 'http' | 'sql' | 'tracing' | 'zeek'
>;

/**
 * Opens a node that dials `ws://` and `wss://` with the platform's WebSocket, and what `transports` say. Its tables
 * are in memory, or in `backends` of yours. Throws `OPTION_INVALID`, also for what only Node.js has.
 */
export async function openNode(options: CoreOptions): Promise<TableNode> {
  return openLocalNode(options, {}, pageOutside);
}
