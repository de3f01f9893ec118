/**
 * Replicated tables on an append-only operation log.
 *
 * {@link openNode} opens this process's part of a cluster; {@link TableNode.table} declares a table,
 * which behaves like a Map or a Set and has the same content on every node that declares it.
 *
 * @packageDocumentation
 */
export { openNode } from './node/open-node.ts';
export type { FlushOptions } from './node/flush-options.ts';
export * from './entries/shared.ts';
export type {
  AccessRequest,
  Credential,
  CredentialChange,
  CredentialOptions,
  Rights,
  Verifier,
} from './access/rights.ts';
export type { CertificateChange, Limits, NodeOptions, Pem, Retention } from './node/options.ts';
export type { HttpLimitOptions } from './http/limits.ts';
export type { HttpOptions } from './http/options.ts';
export type { NatsOptions } from './nats/options.ts';
export { alterTable } from './altering/alteration.ts';
export type { Alteration, AlterationState } from './altering/alteration.ts';
export type { AlterOptions, AlteredRow, AlteringNode, RowMapping } from './altering/options.ts';
export { previewAlteration } from './altering/preview.ts';
export type { AlterPreview } from './altering/preview.ts';
export type { AlterProblem } from './altering/problems.ts';
export { openLogFile } from './reading/log-file.ts';
export type { LogFile } from './reading/log-file.ts';
export { createBackup } from './backup/backup.ts';
export type { BackupOptions, BackupSummary } from './backup/backup.ts';
export { restoreBackup } from './backup/restore.ts';
export type { FileProgress, OnFileProgress } from './backup/progress.ts';
export type { RestoreOptions } from './backup/restore.ts';
export { verifyFiles } from './backup/verify.ts';
export type { Verification, VerifyOptions } from './backup/verify.ts';
export type { Damage, VerifiedDatabase } from './backup/verify-database.ts';
export type { RowSide } from './projection/comparing/digest.ts';
export type { HeldBackOperations, PeerRights, PeerTable } from './replication/peers/peer-state.ts';
export type { ZeekAttachment } from './zeek/attachment/zeek-attachment.ts';
export type { ZeekCheck } from './zeek/attachment/check.ts';
export type {
  ZeekAttachmentLimits,
  ZeekAttachmentOptions,
  ZeekAttachmentTimings,
  ZeekTableOptions,
  ZeekTables,
} from './zeek/options.ts';
export { readBrokerStore } from './zeek/broker-store/read.ts';
export type { BrokerStore, BrokerStoreEntry, BrokerStoreOptions } from './zeek/broker-store/read.ts';
export { readStorageFile } from './zeek/storage-file/read.ts';
export type {
  StorageEntry,
  StorageFile,
  StorageTable,
  StorageTableOptions,
} from './zeek/storage-file/read.ts';
export type { ZeekLinkState } from './zeek/protocol/index.ts';
export type { ProjectOptions } from './sql/options.ts';
export type { ProjectionState, SqlProjection } from './sql/sql-projection.ts';
export type { QueryCell } from './sql/queries/messages.ts';
export type { QueryOptions, QueryResult } from './sql/queries/queries.ts';
export type { ProjectedRow } from './sql/transform.ts';
export type { Stranger } from './transport/transport.ts';
