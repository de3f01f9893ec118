/**
 * The backend that keeps a log in a file of SQLite, and what looks at such files: copies, checks, reading without a
 * node. `openNode({ directory })` uses it by itself.
 *
 * @packageDocumentation
 */
export { sqliteBackend } from '../backends/sqlite/sqlite-backend.ts';
export type { SqliteBackendOptions } from '../backends/sqlite/sqlite-backend.ts';
export { createBackup } from '../backup/backup.ts';
export type { BackupOptions, BackupSummary } from '../backup/backup.ts';
export { restoreBackup } from '../backup/restore.ts';
export type { FileProgress, OnFileProgress } from '../backup/progress.ts';
export type { RestoreOptions } from '../backup/restore.ts';
export { verifyFiles } from '../backup/verify.ts';
export type { Verification, VerifyOptions } from '../backup/verify.ts';
export { openLogFile } from '../reading/log-file.ts';
export type { LogFile } from '../reading/log-file.ts';
