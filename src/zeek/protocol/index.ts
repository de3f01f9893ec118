/** Zeek's Cluster WebSocket API, and its tables. */
export { connectZeek } from './client.ts';
export type { ZeekClient, ZeekEndpoint, ZeekLinkState } from './client.ts';
export type { ZeekClientOptions, ZeekTimings } from './client-options.ts';
export { zeekLimits } from './limits.ts';
export type { ZeekLimits } from './limits.ts';
export { writeEvent } from './messages.ts';
export type { ZeekEvent } from './messages.ts';
export { readChangeHeader, readChanges, writeChanges } from './table-changes.ts';
export type { OutgoingChange, ZeekChange } from './table-changes.ts';
export { compileZeekTable, declarationOf, lossOf } from './zeek-table.ts';
export type { ZeekTable, ZeekTableDescription } from './zeek-table.ts';
