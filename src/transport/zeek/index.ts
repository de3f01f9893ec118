/** Zeek's Cluster WebSocket API, its tables, and the stores that `&backend` left behind. */
export { connectZeek } from './client.ts';
export type { ZeekClient, ZeekClientHandlers, ZeekEndpoint, ZeekLinkState } from './client.ts';
export type { ZeekClientOptions, ZeekTimings, ZeekTls } from './client-options.ts';
export { zeekLimits } from './limits.ts';
export type { ZeekLimits } from './limits.ts';
export { writeEvent } from './messages.ts';
export type { ZeekEvent } from './messages.ts';
export { readChangeHeader, readChanges, tableChangeEvent, writeChanges } from './table-changes.ts';
export type {
  BatchSize,
  ChangeFrames,
  ChangeHeader,
  OutgoingChange,
  RawChanges,
  ReadChanges,
  ZeekChange,
  ZeekChangeKind,
  ZeekKey,
} from './table-changes.ts';
export { compileZeekTable, declarationOf, lossOf } from './zeek-table.ts';
export type { DerivedDeclaration, ZeekTable, ZeekTableDescription } from './zeek-table.ts';
export { typeText } from './zeek-type.ts';
export type { ZeekField, ZeekType } from './zeek-type.ts';
export { readBrokerStore } from './broker-store/read.ts';
export type { BrokerStore, BrokerStoreEntry, BrokerStoreOptions } from './broker-store/read.ts';
