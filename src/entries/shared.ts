// Both entries that open nodes, index.ts and core.ts, have all of this.
export type { TableNode } from '../node/table-node.ts';
export { MapTable, SetTable, Table } from '../table/table.ts';
export type { Stream, TableKind, TableOf } from '../table/table.ts';
export { defineTable } from '../table/define-table.ts';
export type { LocalChoices, TableDefinition } from '../table/define-table.ts';
export { typed } from '../table/forms.ts';
export type {
  ConcurrentValue,
  DivergedKey,
  Form,
  KeyOf,
  ValueOf,
  WrittenForm,
  WrittenOf,
} from '../table/forms.ts';
export { View } from '../views/view.ts';
export type { Difference, ViewRow } from '../views/rows-of-views.ts';
export type {
  AggregateOptions,
  Aggregates,
  GroupKey,
  GroupOptions,
  OrderBy,
  RowOptions,
  ShownOptions,
} from '../views/options.ts';
export type { ViewOpener } from '../views/view-opener.ts';
export type { Aggregate, Aggregated } from '../views/aggregates.ts';
export type { Join, JoinOptions, Joined } from '../views/join.ts';
export type { OrderKey } from '../views/order.ts';
export type { Log, Moment } from '../reading/log-view.ts';
export { follow } from '../reading/follow.ts';
export type { FollowOptions, Follower, Overflow } from '../reading/follow.ts';
export type { OperationRange } from '../log/reading/operation-stream.ts';
export type { Operation, OperationKind } from '../log/operations/operation.ts';
export type { Change, ChangeKind, Conflict, ConflictSide } from '../projection/telling/change.ts';
export type { RepairOptions } from '../table/repair.ts';
export type { UndoOptions, UndoPlan, UndoneKey } from '../table/undo.ts';
export type { PeerState } from '../replication/peers/peer-state.ts';
export { bytesOfText, textOfBytes } from '../schema/index.ts';
export type {
  AtomicName,
  Column,
  ComplexColumn,
  ComplexName,
  Duration,
  IntegerColumn,
  IntegerForm,
  JsonValue,
  Key,
  KeyColumn,
  PlainDeclaration,
  StandardIssue,
  StandardResult,
  StandardSchema,
  TableDeclaration,
  TypeName,
  Value,
} from '../schema/index.ts';
export { NODE_EVENT_CODES } from '../events.ts';
export type { NodeEvent, NodeEventCode } from '../events.ts';
export { ERROR_CODES, TablecastError, isTablecastError } from '../errors.ts';
export type { ErrorCode, ErrorDetails } from '../errors.ts';

// Ports, and what helps to write a backend or a transport of your own: docs/write-your-own.md.
export type { Backend, Checkpoint, Commit, Recovery, Segment } from '../log/backend.ts';
export { backendOn } from '../backends/backend-on.ts';
export type { Disk } from '../backends/backend-on.ts';
export { CommitRules, logTrimmed, notOpen } from '../backends/commit-rules.ts';
export { memoryBackend } from '../backends/memory.ts';
export type { MemoryBackendOptions } from '../backends/memory.ts';
export type { Closing, Connection, ConnectionHandlers, Transport } from '../transport/transport.ts';
export { ConnectionSet } from '../transport/connection-set.ts';
export { FrameConnection } from '../transport/frame-connection.ts';
export type { ConnectionFacts, FrameSocket, Holder } from '../transport/frame-connection.ts';
export { inProcessNetwork } from '../transport/in-process.ts';
export type { InProcessNetwork, InProcessOptions } from '../transport/in-process.ts';
export { frameLimits, frameTooLong } from '../transport/limits.ts';
export type { FrameLimitOptions, FrameLimits } from '../transport/limits.ts';
