import { WebSocket } from 'ws';
import type { WebSocketLike } from '../../../src/transport/websocket/client.ts';

/** What a page has as `globalThis.WebSocket`; Node 20 has none of its own. */
export const PageWebSocket = function open(url: string, protocols: string[]): WebSocketLike {
  return new WebSocket(url, protocols);
} as unknown as new (url: string, protocols: string[]) => WebSocketLike;
