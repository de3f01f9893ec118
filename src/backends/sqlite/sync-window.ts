import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import type { TablecastError } from '../../errors.ts';
import { syncFailed } from './failure.ts';

/**
 * Keeps the age of data that is committed but not synced below a stated window: the write-ahead
 * log is synced `intervalMs` after the first commit since the last sync, off the calling thread.
 *
 * Syncing the log file rather than checkpointing it is enough, because SQLite recovers every whole
 * transaction of the log after a power loss, and it writes each byte once instead of twice.
 */
export class SyncWindow {
  readonly #walFile: string;
  readonly #descriptor: number;
  readonly #intervalMs: number;
  readonly #failed: (error: TablecastError) => void;
  #timer: NodeJS.Timeout | undefined;
  #syncing = false;
  #due = false;

  constructor(walFile: string, intervalMs: number, failed: (error: TablecastError) => void) {
    this.#walFile = walFile;
    this.#descriptor = openSync(walFile, 'r+');
    this.#intervalMs = intervalMs;
    this.#failed = failed;
  }

  /** To be called after every commit. */
  touched(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#expired(), this.#intervalMs);
    this.#timer.unref();
  }

  /** Syncs what is left and gives the file back. Throws `BACKEND_FAILED` when the sync fails. */
  close(): void {
    clearTimeout(this.#timer);
    this.#due = false;
    try {
      fdatasyncSync(this.#descriptor);
    } catch (error) {
      throw syncFailed(this.#walFile, error);
    } finally {
      if (!this.#syncing) closeSync(this.#descriptor);
      this.#syncing = false;
    }
  }

  #expired(): void {
    this.#timer = undefined;
    if (this.#syncing) this.#due = true;
    else this.#sync();
  }

  #sync(): void {
    this.#syncing = true;
    fdatasync(this.#descriptor, (error) => {
      if (!this.#syncing) {
        closeSync(this.#descriptor);
        return;
      }
      this.#syncing = false;
      if (error !== null) {
        this.#failed(syncFailed(this.#walFile, error));
        return;
      }
      if (!this.#due) return;
      this.#due = false;
      this.#sync();
    });
  }
}
