import { TablecastError } from '../errors.ts';
import type { Checkpoint, Commit, Segment } from '../log/backend.ts';

/** Names of facts one backend holds at most. */
const MAX_FACTS = 4096;

/** Longest name of a fact or a table, in bytes of UTF-8. */
const MAX_NAME_BYTES = 1024;

const utf8 = new TextEncoder();

function invalid(message: string, hint: string): TablecastError {
  return new TablecastError('OPERATION_INVALID', message, { hint });
}

function checkName(name: string, what: string): void {
  const bytes = utf8.encode(name).length;
  if (bytes > MAX_NAME_BYTES) {
    throw new TablecastError(
      'LIMIT_EXCEEDED',
      `${what} has a name of ${bytes} bytes; ${MAX_NAME_BYTES} are allowed`,
      {
        hint: 'Use a shorter name.',
        details: { limit: MAX_NAME_BYTES },
      },
    );
  }
  // A lone surrogate has no UTF-8 form: two such names would become one on disk.
  if (/\p{Surrogate}/u.test(name)) {
    throw invalid(`${what} has a name that is not well-formed text`, 'Remove the unpaired surrogate.');
  }
}

function checkSegment(segment: Segment, last: number): number {
  const { position, span } = segment;
  const end = position + span - 1;
  if (!Number.isSafeInteger(position) || !Number.isSafeInteger(end) || position < 1 || span < 1) {
    throw invalid(
      `a segment at position ${position} of span ${span} cannot be`,
      'Both are whole numbers from 1.',
    );
  }
  if (position <= last) {
    throw invalid(
      `a segment at position ${position} comes after position ${last} was committed`,
      'Commit segments in ascending order, each after the last one.',
    );
  }
  return end;
}

/** The rules refuse in a commit or a checkpoint what every backend refuses, before it takes it. */
export class CommitRules {
  #last: number;
  readonly #names: Set<string>;
  /** Counts the commits accepted, and those of them that are written. */
  #accepted = 0;
  #settled = 0;
  /** Names that came or went with commits that are not written yet, in order. */
  #changes: { readonly commit: number; readonly name: string; readonly isNew: boolean }[] = [];

  constructor(lastPosition: number, names: Iterable<string>) {
    this.#last = lastPosition;
    this.#names = new Set(names);
  }

  /** Returns the highest position accepted. */
  get last(): number {
    return this.#last;
  }

  /**
   * Accepts a commit and returns the last position after it.
   * Throws `OPERATION_INVALID` or `LIMIT_EXCEEDED`; then nothing has changed.
   */
  accept(commit: Commit): number {
    let last = this.#last;
    for (const segment of commit.segments) last = checkSegment(segment, last);
    let names = this.#names.size;
    for (const [name, value] of commit.facts ?? []) {
      checkName(name, 'a fact');
      if (value !== undefined && !this.#names.has(name)) names += 1;
    }
    if (names > MAX_FACTS) {
      throw new TablecastError(
        'LIMIT_EXCEEDED',
        `the commit would make ${names} facts; ${MAX_FACTS} are allowed`,
        {
          hint: 'Remove facts that are no longer needed.',
          details: { limit: MAX_FACTS },
        },
      );
    }
    this.#accepted++;
    for (const [name, value] of commit.facts ?? []) {
      const isNew = value !== undefined;
      if (this.#names.has(name) === isNew) continue;
      this.#changes.push({ commit: this.#accepted, name, isNew });
      this.#name(name, isNew);
    }
    this.#last = last;
    return last;
  }

  #name(name: string, isThere: boolean): void {
    if (isThere) this.#names.add(name);
    else this.#names.delete(name);
  }

  /** The oldest `count` commits of those accepted and not settled yet are written: they are not taken back any more. */
  settle(count: number): void {
    this.#settled += count;
    if (this.#changes.length > 0)
      this.#changes = this.#changes.filter(({ commit }) => commit > this.#settled);
  }

  /** Takes back every commit that is not settled, after they were rejected: the next one continues from `last`. */
  rewind(last: number): void {
    for (const { name, isNew } of this.#changes.toReversed()) this.#name(name, !isNew);
    this.#changes = [];
    this.#settled = this.#accepted;
    this.#last = last;
  }

  /** Throws `OPERATION_INVALID` or `LIMIT_EXCEEDED` for a checkpoint that cannot be continued from. */
  checkCheckpoint(checkpoint: Checkpoint): void {
    const { position, table } = checkpoint;
    checkName(table, 'a checkpoint');
    if (!Number.isSafeInteger(position) || position < 0 || position > this.#last) {
      throw invalid(
        `the checkpoint of table ${JSON.stringify(table)} is at position ${position}; the log ends at ${this.#last}`,
        'Commit the operations first, then write the checkpoint that covers them.',
      );
    }
  }
}

/** Makes the error for a read that starts before the trimmed range's end. */
export function logTrimmed(after: number, trimmedTo: number): TablecastError {
  return new TablecastError(
    'LOG_TRIMMED',
    `operations after position ${after} were asked for, but the log was trimmed to position ${trimmedTo}`,
    { hint: `Start from a checkpoint, or read from position ${trimmedTo}.`, details: { after, trimmedTo } },
  );
}

/** The error for a call before `open` has resolved or after `close`. */
export function notOpen(name: string): TablecastError {
  return new TablecastError('CLOSED', `the ${name} backend is not open`, {
    hint: 'Call it after open() has resolved and before close(); a closed backend is not opened again.',
  });
}
