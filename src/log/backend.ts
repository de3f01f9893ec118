/**
 * The backend port: bytes and positions, kept in order. An implementation knows nothing of tables,
 * conflict rules or streams; what the bytes mean is the log's business.
 */

import type { TablecastError } from '../errors.ts';

/** A segment holds operations that are committed together; once committed it never changes. */
export interface Segment {
  /** Is the position of its first operation in this node's log, at least 1. */
  readonly position: number;
  /** Counts the positions it covers: `position` to `position + span - 1`. At least 1. */
  readonly span: number;
  readonly bytes: Uint8Array;
}

/** A checkpoint holds one table's rows as of a position (a snapshot), in chunks that belong together. */
export interface Checkpoint {
  /** Names the table: any text, at most 1 KiB. */
  readonly table: string;
  /** Is the position up to which the rows hold the effect of every operation of the table; 0 for none. */
  readonly position: number;
  readonly chunks: readonly Uint8Array[];
}

/** A commit becomes durable together: all of it or nothing. */
export interface Commit {
  /** Lists segments in ascending position, each after the last position committed before. */
  readonly segments: readonly Segment[];
  /**
   * Holds small named values, at most 4,096 names in all; a value of undefined removes the name. A name may be any
   * text, `__proto__` too.
   */
  readonly facts?: ReadonlyMap<string, Uint8Array | undefined> | undefined;
}

/** A recovery is what a backend found when it opened. */
export interface Recovery {
  /** Is the highest position ever committed, trimmed and torn segments included; 0 for a new backend. */
  readonly lastPosition: number;
  /** Is the position up to which the log was trimmed (truncated); 0 when nothing was. */
  readonly trimmedTo: number;
  readonly facts: ReadonlyMap<string, Uint8Array>;
  /** Holds the newest checkpoint of each table. */
  readonly checkpoints: readonly Checkpoint[];
  /**
   * Says whether the last owner closed it; true for a new backend. After an unclean stop acknowledged commits
   * can be missing only if `lastDurability` is `interval` and the machine went down.
   */
  readonly closedCleanly: boolean;
  /** Says with which durability the last owner wrote; undefined for a new backend. */
  readonly lastDurability: 'commit' | 'interval' | undefined;
  /** Counts the segments cut off at the end because their checksum was wrong; 0 in every ordinary case. */
  readonly tornSegments: number;
  /** Names where a damaged store was moved to because the options asked for it; undefined otherwise. */
  readonly setAside: string | undefined;
}

/**
 * Every implementation gives these guarantees (`backendSuite` of tablecast/testing has a case for each):
 *
 * - `commit` is all or nothing, and commits take effect in the order of the calls. The promise
 *   resolves when the commit is as durable as the backend promises, and not before.
 * - A commit that rejects with a retryable error (`BACKEND_FULL`, `LIMIT_EXCEEDED`) has left no
 *   trace, and neither has any commit called after it that was still waiting: those reject with
 *   the same error. Call them again in the same order. `OPERATION_INVALID` (positions out of order)
 *   leaves no trace either. After any other rejection the backend refuses all further commits;
 *   reads go on.
 * - `read` returns what was committed, bytes unchanged, also when commits run meanwhile.
 * - `writeCheckpoint` leaves the old or the new checkpoint, never a mixture.
 * - `close` waits for what was already accepted, and may be called twice. Any call after it
 *   rejects with `CLOSED`, as does any call before `open` has resolved.
 *
 * The caller owes one: bytes handed in do not change until the promise settles (the memory
 * backend keeps them as they are: never).
 *
 * It orders no operations, removes no duplicates, retries nothing, and knows no tables.
 */
export interface Backend {
  readonly name: string;
  /** Says whether what was committed is there after the process ends. */
  readonly durable: boolean;
  /** Finds what is there, or creates it. Calling it again returns the same promise. */
  open(): Promise<Recovery>;
  /** Makes a commit as durable as the backend promises, all of it or nothing; resolves then and not before. */
  commit(commit: Commit): Promise<void>;
  /**
   * Returns segments whose last position is greater than `after`, ascending, at most `maxBytes` of them but at
   * least one if there is one; empty only when there is none. Rejects with `LOG_TRIMMED` when `after` lies before
   * the trimmed range's end.
   */
  read(after: number, maxBytes: number): Promise<readonly Segment[]>;
  /**
   * Replaces the table's checkpoint. Rejects with `OPERATION_INVALID` when its position lies after
   * the last committed one: a checkpoint ahead of its log could not be continued.
   */
  writeCheckpoint(checkpoint: Checkpoint): Promise<void>;
  /**
   * Forgets segments that lie wholly at or before `position`; the trimmed range ends with the last of
   * them, and that is what it resolves with. Sealed segments go in whole blocks only, so some of them may stay.
   */
  trim(position: number): Promise<number>;
  /**
   * Packs some of the oldest segments into a smaller form, from which `read` gives them back bit for bit. Those lie
   * wholly at or before `position`, and are not sealed yet. The amount of work is bounded. True when there may be
   * more to do. A backend that has no smaller form answers false.
   */
  seal(position: number): Promise<boolean>;
  /** Returns the position to which to trim so that about `bytes` of log remain, as they are stored; 0 when less is kept. */
  positionKeeping(bytes: number): Promise<number>;
  /**
   * Says why what was committed is not there any more, if that can be told at once; it is asked when there is
   * nothing to commit. Left out where nobody can take it away.
   */
  lost?(): TablecastError | undefined;
  /** Ends the backend after what was accepted before. Idempotent. */
  close(): Promise<void>;
}
