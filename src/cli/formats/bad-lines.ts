import { TablecastError } from '../../index.ts';

const MAX_SHOWN_LENGTH = 120;

/** A mode says what to do with a line that cannot be read: end with an error, or leave it out and count it. */
export type BadLineMode = 'stop' | 'skip';

/** Shortens text from a file to what fits into a message; control characters become visible. */
export function shown(text: string): string {
  const short = text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
  return JSON.stringify(short);
}

/** A fault says what was wrong on which line. */
export interface LineFault {
  readonly line: number;
  readonly expected: string;
  readonly found: string;
}

/** Turns faults of one file into errors, and counts those that are skipped. */
export class BadLines {
  readonly file: string;
  readonly #mode: BadLineMode;
  readonly #onSkip: ((error: TablecastError) => void) | undefined;
  #skipped = 0;

  constructor(file: string, mode: BadLineMode, onSkip: ((error: TablecastError) => void) | undefined) {
    this.file = file;
    this.#mode = mode;
    this.#onSkip = onSkip;
  }

  get skipped(): number {
    return this.#skipped;
  }

  /** Counts a line that is left out, or throws `IMPORT_INVALID` when the policy is to stop. */
  report(fault: LineFault): void {
    const error = this.#error(fault, 'Correct the line, or choose to skip bad lines.');
    if (this.#mode === 'stop') throw error;
    this.#skipped += 1;
    this.#onSkip?.(error);
  }

  /** Makes the error for a fault after which nothing that follows can be trusted, whatever the policy. */
  fatal(fault: LineFault): TablecastError {
    return this.#error(fault, 'Correct the file; lines after this one cannot be told apart.');
  }

  #error(fault: LineFault, hint: string): TablecastError {
    const { line, expected, found } = fault;
    return new TablecastError(
      'IMPORT_INVALID',
      `${this.file}, line ${line}: expected ${expected}, found ${found}`,
      {
        hint,
        details: { file: this.file, line, expected, found },
      },
    );
  }
}
