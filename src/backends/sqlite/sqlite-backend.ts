import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { TablecastError } from '../../errors.ts';
import type { Backend, Checkpoint, Commit, Recovery, Segment } from '../../log/backend.ts';
import { notOpen } from '../commit-rules.ts';
import type { Durability } from './connection.ts';
import type { StoreOptions } from './messages.ts';
import { PagedReader } from './paged-reader.ts';
import { StandingFiles } from './standing.ts';
import { inlineHost, workerHost } from './writer-host.ts';
import { Writer } from './writer.ts';

const DEFAULT_INTERVAL_MS = 100;
const DEFAULT_MAX_QUEUED_BYTES = 256 * 1024 * 1024;
/** Bounds what one step of sealing handles, and a read unpacks. */
const DEFAULT_BLOCK_BYTES = 512 * 1024;

/** Options of {@link sqliteBackend}. */
export interface SqliteBackendOptions {
  /** The database file; created with its directory when missing. SQLite keeps `-wal` and `-shm` beside it, and we a `.lock`. */
  readonly file: string;
  /**
   * `commit`: a commit resolves when it is synced (`synchronous=FULL`); it survives a killed process
   * and a power loss. `interval`: it resolves when the operating system has it (`NORMAL`); it
   * survives a killed process, and a power loss takes at most what was committed since the last
   * sync, which starts no later than `intervalMs` after the oldest unsynced commit.
   */
  readonly durability: Durability;
  /** The node's id, named to a process that finds the file in use. */
  readonly owner: string;
  /** The window of `interval`, in milliseconds; 100 unless given. */
  readonly intervalMs?: number | undefined;
  /** `refuse` a damaged file (default), or `delete`: set it aside as `<file>.damaged-<n>` and start empty. */
  readonly failureMode?: 'refuse' | 'delete' | undefined;
  /** Commit in the calling thread, where no worker is to be had. Default false. */
  readonly inline?: boolean | undefined;
  readonly limits?:
    | {
        /** Bytes of commits accepted and not yet answered; 256 MiB unless given. */
        readonly maxQueuedBytes?: number | undefined;
        /** Largest size of the database file; unbounded unless given. Above it commits reject with `BACKEND_FULL`. */
        readonly maxFileBytes?: number | undefined;
        /** Bytes of segments that are sealed together; 512 KiB unless given. */
        readonly blockBytes?: number | undefined;
      }
    | undefined;
}

class SqliteBackend implements Backend {
  readonly name = 'sqlite';
  readonly durable = true;
  readonly #writer: Writer;
  readonly #file: string;
  #reader: PagedReader | undefined;
  #standing: StandingFiles | undefined;
  #opening: Promise<Recovery> | undefined;
  #closing: Promise<void> | undefined;

  constructor(writer: Writer, file: string) {
    this.#writer = writer;
    this.#file = file;
  }

  open(): Promise<Recovery> {
    if (this.#closing !== undefined) return Promise.reject(notOpen(this.name));
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** Not an async function, which would make two promises more for each commit. */
  commit(commit: Commit): Promise<void> {
    try {
      this.#requireOpen();
      return this.#writer.commit(commit);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async read(after: number, maxBytes: number): Promise<readonly Segment[]> {
    return this.#requireOpen().read(after, maxBytes);
  }

  async writeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    this.#requireOpen();
    return this.#writer.writeCheckpoint(checkpoint);
  }

  async trim(position: number): Promise<number> {
    this.#requireOpen();
    return this.#writer.trim(position);
  }

  async seal(position: number): Promise<boolean> {
    this.#requireOpen();
    return this.#writer.seal(position);
  }

  async positionKeeping(bytes: number): Promise<number> {
    this.#requireOpen();
    return this.#writer.positionKeeping(bytes);
  }

  lost(): TablecastError | undefined {
    return this.#closing === undefined ? this.#standing?.problem() : undefined;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #open(): Promise<Recovery> {
    const recovery = await this.#writer.open();
    this.#reader = new PagedReader(this.#file);
    this.#standing = new StandingFiles(realpathSync(this.#file));
    return recovery;
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    const reader = this.#reader;
    this.#reader = undefined;
    // The reading connection goes first: only the last one may fold the write-ahead log into the file.
    reader?.close();
    await this.#writer.close();
  }

  #requireOpen(): PagedReader {
    if (this.#reader === undefined || this.#closing !== undefined) throw notOpen(this.name);
    return this.#reader;
  }
}

function requireWhole(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new TablecastError('OPTION_INVALID', `${name} of the sqlite backend is ${value}`, {
    hint: 'Give a whole number from 1.',
  });
}

/**
 * Makes a durable backend: one SQLite file per node, written by a worker thread that commits whatever is
 * waiting as one transaction (see docs/file-format.md).
 *
 * `open` rejects with `BACKEND_FOREIGN`, `BACKEND_NEWER`, `BACKEND_DAMAGED`, `BACKEND_READ_ONLY`,
 * `BACKEND_IN_USE` or `BACKEND_FAILED` and leaves the file as it was. A commit rejects with `BACKEND_FULL`,
 * `BACKEND_IN_USE` (another program holds SQLite's lock) or `LIMIT_EXCEEDED`, all retryable, or with
 * `BACKEND_FAILED` for good: a failed write or sync, or the end of the worker.
 */
export function sqliteBackend(options: SqliteBackendOptions): Backend {
  const maxFileBytes = options.limits?.maxFileBytes;
  const maxQueuedBytes = requireWhole(
    'maxQueuedBytes',
    options.limits?.maxQueuedBytes ?? DEFAULT_MAX_QUEUED_BYTES,
  );
  const store: StoreOptions = {
    file: resolve(options.file),
    durability: options.durability,
    owner: options.owner,
    intervalMs: requireWhole('intervalMs', options.intervalMs ?? DEFAULT_INTERVAL_MS),
    failureMode: options.failureMode ?? 'refuse',
    maxFileBytes: maxFileBytes === undefined ? undefined : requireWhole('maxFileBytes', maxFileBytes),
    blockBytes: requireWhole('blockBytes', options.limits?.blockBytes ?? DEFAULT_BLOCK_BYTES),
  };
  const startHost = options.inline === true ? inlineHost : workerHost;
  const writer = new Writer((events) => startHost(store, events), { file: store.file, maxQueuedBytes });
  return new SqliteBackend(writer, store.file);
}
