/**
 * A progress says how far a backup, a restore or a verification is. Each begins several steps, one after another, some of
 * them more than once: `copy` in bytes, `log` in positions of the log, `sums` in bytes.
 */
export interface FileProgress {
  readonly step: 'copy' | 'log' | 'sums';
  readonly done: number;
  readonly total: number;
}

/** Is told how far it is, some times a second at most where a file is large; must not throw. */
export type OnFileProgress = (progress: FileProgress) => void;
