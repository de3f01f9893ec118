import { isTablecastError } from '../index.ts';
import { note, visible } from './output.ts';

const REPORTED = 3;
const UNUSABLE: ReadonlySet<string> = new Set(['IMPORT_INVALID', 'KEY_INVALID', 'VALUE_INVALID']);

/** An omission is what was left out for one reason. */
export interface Omission {
  readonly reason: string;
  readonly count: number;
  readonly firstLine: number;
}

/** The omissions of an import are kept here: the first few are told at once, all are counted by reason. */
export class LeftOut {
  readonly #strict: boolean;
  readonly #omissions = new Map<string, { count: number; readonly firstLine: number }>();
  #told = 0;
  records = 0;

  constructor(strict: boolean) {
    this.#strict = strict;
  }

  /**
   * Returns the reasons, in the order in which they first occurred; as many as there are mapped fields and
   * kinds of faults.
   */
  get omissions(): readonly Omission[] {
    return Array.from(this.#omissions, ([reason, { count, firstLine }]) => ({ reason, count, firstLine }));
  }

  /** A line that cannot be read. */
  line(error: Error): void {
    this.#add('lines cannot be read', lineOf(error) ?? 0, error);
  }

  /** A record that makes no row. */
  record(error: Error, line: number): void {
    this.records++;
    this.#add(recordReason(error), line, error);
  }

  /** Runs what may find the record of a line unusable; undefined when it did. */
  guard<T>(line: number, attempt: () => T): T | undefined {
    try {
      return attempt();
    } catch (error) {
      if (this.#strict || !isUnusable(error)) throw error;
      this.record(error, line);
      return undefined;
    }
  }

  #add(reason: string, line: number, error: Error): void {
    const known = this.#omissions.get(reason);
    if (known === undefined) this.#omissions.set(reason, { count: 1, firstLine: line });
    else known.count++;
    // The table's message does not name the line.
    const where = isTablecastError(error, 'IMPORT_INVALID') ? '' : `line ${line}: `;
    if (++this.#told <= REPORTED) note(`left out: ${where}${visible(error.message)}`);
    else if (this.#told === REPORTED + 1) note('left out: more of the like, counted below');
  }
}

/** Returns true for an error about what is imported, not about where it goes. */
export function isUnusable(error: unknown): error is Error {
  return isTablecastError(error) && UNUSABLE.has(error.code);
}

/** One line for each reason, for people. */
export function tellOmissions(omissions: readonly Omission[]): void {
  for (const { reason, count, firstLine } of omissions)
    note(`  ${count} left out: ${visible(reason)}, first in line ${firstLine}`);
}

function lineOf(error: Error): number | undefined {
  const line = isTablecastError(error) ? error.details.line : undefined;
  return typeof line === 'number' ? line : undefined;
}

function recordReason(error: Error): string {
  if (isTablecastError(error, 'KEY_INVALID')) return 'the table takes no such key';
  if (isTablecastError(error, 'VALUE_INVALID')) return 'the table takes no such value';
  const { field, reason } = isTablecastError(error) ? error.details : {};
  const name = String(field);
  if (reason === 'absent') return `there is no field ${name}`;
  if (reason === 'unset') return `${name} is unset`;
  return reason === 'limit' ? `${name} is beyond a limit` : `${name} is not what the column takes`;
}
