import { TablecastError } from '../../errors.ts';
import type { ChunksRequest, PublishRequest, StoreOptions } from './messages.ts';
import { type Connection, setSynchronous, writeDurability, writeState } from './connection.ts';
import { asTablecastError, cannotGrowError } from './failure.ts';
import { checkpointChecksum, checksum, factChecksum, segmentChecksum } from './format.ts';
import { cannotGrow } from './growth.ts';
import type { FileLock } from './lock.ts';
import type { Segment } from '../../log/backend.ts';
import type { CommitsRequest } from './packed-commits.ts';
import type { Block } from './sealed-block.ts';
import { Sealing } from './sealing.ts';
import { StandingFiles } from './standing.ts';
import { SyncWindow } from './sync-window.ts';
import { WalSpace } from './wal-space.ts';

/** Pages of write-ahead log after which they are moved into the database file. */
const CHECKPOINT_PAGES = 4000;
const PAGE_BYTES = 4096;

/** Pages a transaction writes beside the bytes of its rows, about. */
const PAGES_PER_TRANSACTION = 2;

/** Bounds what one slice of a trim or a sweep removes, so that commits do not wait long behind it. */
const SLICE_ROWS = 256;
const SLICE_BYTES = 4 * 1024 * 1024;

function prepare(connection: Connection) {
  return {
    segment: connection.prepare<[number, number, number, Uint8Array]>(
      'INSERT INTO segments VALUES (?, ?, ?, ?)',
    ),
    setFact: connection.prepare<[string, number, Uint8Array]>(
      'INSERT OR REPLACE INTO facts VALUES (?, ?, ?)',
    ),
    removeFact: connection.prepare<[string]>('DELETE FROM facts WHERE name = ?'),
    chunk: connection.prepare<[number, number, number, Uint8Array]>(
      'INSERT INTO checkpoint_chunks VALUES (?, ?, ?, ?)',
    ),
    publish: connection.prepare<[string, number, number, number, number]>(
      'INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?)',
    ),
    unreferenced: connection.prepare<[number, number], { rowid: number; size: number }>(
      'SELECT rowid, length(bytes) AS size FROM checkpoint_chunks ' +
        'WHERE generation <= ? AND generation NOT IN (SELECT generation FROM checkpoints) LIMIT ?',
    ),
    removeChunk: connection.prepare<[number]>('DELETE FROM checkpoint_chunks WHERE rowid = ?'),
    oldest: connection.prepare<[number, number], { position: number; span: number; size: number }>(
      'SELECT position, span, length(bytes) AS size FROM segments WHERE position <= ? ORDER BY position LIMIT ?',
    ),
    removeSegments: connection.prepare<[number]>('DELETE FROM segments WHERE position <= ?'),
    trimmedTo: connection.prepare<[], { value: number }>("SELECT value FROM state WHERE name = 'trimmed_to'"),
  };
}

/** Returns the rows at the front that fit one slice. */
function slice<Row extends { readonly size: number }>(rows: readonly Row[]): readonly Row[] {
  let bytes = 0;
  const end = rows.findIndex((row) => (bytes += row.size) > SLICE_BYTES);
  return end === -1 ? rows : rows.slice(0, Math.max(1, end));
}

/** The writing side of one database file. Every method is synchronous and one transaction. */
export class Store {
  readonly #connection: Connection;
  readonly #options: StoreOptions;
  readonly #lock: FileLock;
  readonly #statements;
  /** Made once: what better-sqlite3 makes of a function costs more than to run it. */
  readonly #transaction;
  readonly #sealing: Sealing;
  readonly #window: SyncWindow | undefined;
  readonly #space: WalSpace | undefined;
  readonly #standing: StandingFiles;
  #bytesSinceCheckpoint = 0;
  #lastPosition: number;
  /** Says that the file may lack something, and that nobody has committed since it was opened. */
  #isInDoubt: boolean;

  /** `failed` hears of a sync that failed between commits; the store must not be used after it. */
  constructor(
    opened: {
      readonly connection: Connection;
      readonly lock: FileLock;
      readonly lastPosition: number;
      readonly isInDoubt: boolean;
    },
    options: StoreOptions,
    failed: (error: TablecastError) => void,
  ) {
    this.#connection = opened.connection;
    this.#lock = opened.lock;
    this.#options = options;
    this.#lastPosition = opened.lastPosition;
    this.#isInDoubt = opened.isInDoubt;
    this.#statements = prepare(opened.connection);
    this.#transaction = opened.connection.transaction((work: () => void) => work());
    this.#sealing = new Sealing(opened.connection, options);
    const walFile = `${options.file}-wal`;
    if (options.durability === 'interval') this.#window = new SyncWindow(walFile, options.intervalMs, failed);
    else this.#space = new WalSpace(walFile);
    this.#space?.ensure(0);
    this.#standing = new StandingFiles(options.file);
  }

  /** Commits all of them together, or throws and leaves nothing of any. */
  commit(requests: readonly CommitsRequest[]): void {
    const [first] = requests;
    // A statement by itself is a transaction by itself, with less around it.
    const isOneStatement = requests.length === 1 && first?.places.length === 3 && first.facts.length === 0;
    if (isOneStatement && !this.#isInDoubt) this.#write('commit to', () => this.#insert(first), true);
    else {
      this.#write('commit to', () => {
        for (const request of requests) this.#insert(request);
        if (this.#isInDoubt) writeDurability(this.#connection, this.#options.durability);
      });
    }
    this.#isInDoubt = false;
    for (const { places } of requests) {
      const last = places.length - 3;
      if (last >= 0) this.#lastPosition = (places[last] as number) + (places[last + 1] as number) - 1;
    }
  }

  writeChunks(request: ChunksRequest): void {
    this.#write('write a checkpoint to', () => {
      for (const [offset, bytes] of request.chunks.entries()) {
        const chunk = request.first + offset;
        this.#statements.chunk.run(
          request.generation,
          chunk,
          checksum([request.generation, chunk], bytes),
          bytes,
        );
        this.#bytesSinceCheckpoint += bytes.length;
      }
    });
  }

  publish(request: PublishRequest): void {
    const { table: name, position, generation, chunks } = request;
    // The commit it was to follow may have been rejected meanwhile.
    if (position > this.#lastPosition) {
      throw new TablecastError(
        'OPERATION_INVALID',
        `the checkpoint of table ${JSON.stringify(name)} is at position ${position}; the log ends at ${this.#lastPosition}`,
        { hint: 'Commit the operations first, then write the checkpoint that covers them.' },
      );
    }
    const check = checkpointChecksum({ name, position, generation, chunks });
    this.#write('write a checkpoint to', () => {
      this.#statements.publish.run(name, position, generation, chunks, check);
    });
  }

  /** Removes some chunks up to `generation` that belong to no checkpoint; true when there may be more. */
  sweep(generation: number): boolean {
    const rows = this.#statements.unreferenced.all(generation, SLICE_ROWS);
    if (rows.length === 0) return false;
    const removed = slice(rows);
    this.#write('remove an old checkpoint from', () => {
      for (const row of removed) this.#statements.removeChunk.run(row.rowid);
    });
    return removed.length < rows.length || rows.length === SLICE_ROWS;
  }

  /** Positions up to this one have been trimmed. */
  get trimmedTo(): number {
    return this.#statements.trimmedTo.get()?.value ?? 0;
  }

  /** Removes some sealed blocks, and when there are none left segments, that end at or before `position`; true when there may be more. */
  trim(position: number): boolean {
    const { last, any } = this.#sealing.trimmable(position);
    if (last === undefined) return !any && this.#trimSegments(position);
    this.#write('trim', () => {
      this.#sealing.trim(last);
      writeState(this.#connection, 'trimmed_to', last.position + last.span - 1);
    });
    return true;
  }

  #trimSegments(position: number): boolean {
    const rows = this.#statements.oldest.all(position, SLICE_ROWS);
    const whole = rows.filter((row) => row.position + row.span - 1 <= position);
    const removed = slice(whole);
    const last = removed.at(-1);
    if (last === undefined) return false;
    this.#write('trim', () => {
      this.#statements.removeSegments.run(last.position);
      writeState(this.#connection, 'trimmed_to', last.position + last.span - 1);
    });
    return removed.length < whole.length || whole.length === SLICE_ROWS;
  }

  /** Unsealed segments that are due to be sealed; undefined when they are too few. */
  gather(position: number): readonly Segment[] | undefined {
    try {
      return this.#sealing.gather(position);
    } catch (error) {
      throw this.#asError(error, 'read');
    }
  }

  /** In one transaction, so that a crash leaves the segments or the block, never both and never neither. */
  replaceBySealed(block: Block, count: number): void {
    this.#write('seal', () => this.#sealing.replace(block, count));
    this.#bytesSinceCheckpoint += block.bytes.length;
  }

  /** As `Backend.positionKeeping`. */
  positionKeeping(bytes: number): number {
    try {
      return this.#sealing.positionKeeping(bytes);
    } catch (error) {
      throw this.#asError(error, 'read');
    }
  }

  /**
   * Between transactions: moves the write-ahead log into the database file when it has grown long
   * enough, and otherwise sees to its space. Done here and not by SQLite itself inside a commit,
   * which would delay the answer and hide a failed sync. Throws if the store has failed.
   */
  tidy(): void {
    this.#unlessFull('checkpoint', () => {
      if (this.#bytesSinceCheckpoint >= CHECKPOINT_PAGES * PAGE_BYTES) {
        this.#bytesSinceCheckpoint = 0;
        this.#connection.pragma('wal_checkpoint(PASSIVE)');
      }
      this.#space?.ensure(this.#bytesSinceCheckpoint);
    });
  }

  /** Syncs, marks the file as closed unless the store has failed or is in doubt, and releases everything. */
  close(failed: boolean): void {
    try {
      this.#window?.close();
      if (failed) return;
      this.#unlessFull('close', () => {
        setSynchronous(this.#connection, 'FULL');
        if (!this.#isInDoubt) writeState(this.#connection, 'clean', 1);
        this.#connection.pragma('wal_checkpoint(TRUNCATE)');
      });
    } finally {
      this.#space?.close();
      this.#connection.close();
      this.#lock.release();
    }
  }

  /** A full disk is no failure here: what was committed stays in the log, where it is just as durable. */
  #unlessFull(action: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      const failure = this.#asError(error, action);
      if (!failure.retryable) throw failure;
    }
  }

  #insert(request: CommitsRequest): void {
    const { segment, setFact, removeFact } = this.#statements;
    const { places, facts } = request;
    let start = 0;
    for (let at = 0; at < places.length; at += 3) {
      const position = places[at] as number;
      const span = places[at + 1] as number;
      const end = places[at + 2] as number;
      const bytes = request.bytes.subarray(start, end);
      segment.run(position, span, segmentChecksum(position, span, bytes), bytes);
      this.#bytesSinceCheckpoint += bytes.length;
      start = end;
    }
    for (const changed of facts) {
      for (const [name, value] of changed) {
        if (value === undefined) removeFact.run(name);
        else setFact.run(name, factChecksum(name, value), value);
      }
    }
  }

  #write(action: string, work: () => void, isOneStatement = false): void {
    try {
      if (isOneStatement) work();
      else this.#transaction.immediate(work);
      this.#bytesSinceCheckpoint += PAGES_PER_TRANSACTION * PAGE_BYTES;
      const gone = this.#standing.problem();
      if (gone !== undefined) throw gone;
      this.#window?.touched();
    } catch (error) {
      throw this.#asError(error, action);
    }
  }

  #asError(error: unknown, action: string): TablecastError {
    const attempt = { file: this.#options.file, action };
    const isWrite = error instanceof Error && 'code' in error && error.code === 'SQLITE_IOERR_WRITE';
    return isWrite && cannotGrow(attempt.file)
      ? cannotGrowError(error, attempt)
      : asTablecastError(error, attempt);
  }
}
