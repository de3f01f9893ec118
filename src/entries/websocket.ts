/**
 * The transport that carries frames over WebSockets: that of Node.js, which listens and dials, and that of a page,
 * which dials.
 *
 * @packageDocumentation
 */
export { webSocketTransport } from '../transport/websocket/websocket.ts';
export type { RenewableTransport, TlsChange } from '../transport/websocket/websocket.ts';
export { webSocketClient } from '../transport/websocket/client.ts';
export type { WebSocketClientOptions } from '../transport/websocket/client.ts';
