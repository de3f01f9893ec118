/**
 * The core: tables, log, memory and the modes `naive` and `lww`, without native code and without anything of Node.js.
 * A bundler for browsers gets it for `tablecast`; everybody else finds it at `tablecast/core`.
 *
 * @packageDocumentation
 */
export { openNode } from '../node/open-core.ts';
export type { CoreOptions } from '../node/open-core.ts';
export * from './shared.ts';
export { webSocketClient } from '../transport/websocket/client.ts';
export type { WebSocketClientOptions } from '../transport/websocket/client.ts';
