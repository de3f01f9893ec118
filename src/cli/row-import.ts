import { type Command, Option } from 'commander';
import { type TableDeclaration, TablecastError, isTablecastError } from '../index.ts';
import {
  type FieldMapping,
  type LogFormat,
  type LogRecord,
  defaultMapping,
  readRecords,
  recordMapper,
} from './formats/index.ts';
import { note, visible } from './output.ts';
import { PacedWrites, type WriteTarget } from './paced-writes.ts';
import { isMissing } from './whole-file.ts';

const REPORTED_SKIPS = 3;
const PROGRESS_MS = 1000;
const MAX_FIELDS_NAMED = 30;

/** How a file is imported. */
export interface ImportFlags {
  readonly key?: readonly string[] | undefined;
  readonly value?: string | undefined;
  readonly format?: LogFormat | undefined;
  readonly strict?: boolean | undefined;
}

/** A table that rows go into. */
export interface ImportTarget extends WriteTarget {
  readonly name: string;
  readonly declaration: Readonly<TableDeclaration>;
}

/** What came of an import. */
export interface Imported {
  readonly rows: number;
  /** Lines that could not be read. */
  readonly skippedLines: number;
  /** Records without one of the fields, or whose value is none of the table's. */
  readonly skippedRecords: number;
}

/** The option that names a format. */
export function withFormat(command: Command): Command {
  return command.addOption(
    new Option('--format <name>', 'default: told from the content').choices(['zeek', 'csv', 'json']),
  );
}

/** Writes every usable record of a file into a table, and returns when all are durable there. */
export async function importRows(file: string, target: ImportTarget, flags: ImportFlags): Promise<Imported> {
  const mapping = mappingOf(flags, target.declaration);
  const skips = new Skips(flags.strict === true);
  const records = readRecords(file, {
    format: flags.format,
    onBadLine: flags.strict === true ? 'stop' : 'skip',
    onSkip: (error) => skips.tell(error),
  });
  const map = recordMapper(
    { ...mapping, file, onUnset: flags.strict === true ? 'stop' : 'skip' },
    target.declaration,
  );
  const fields = new SeenFields(mapping);
  const progress = new Progress(target.name);
  const writes = new PacedWrites(target);
  try {
    for await (const record of records) {
      fields.look(record);
      const written = skips.guard(() => {
        const row = map(record);
        if (row !== undefined) writes.write(row.key, row.value);
        return row;
      });
      if (written !== undefined && (await writes.paced())) progress.at(writes.rows);
    }
    await writes.end();
  } catch (error) {
    throw writes.ended(error);
  } finally {
    progress.end();
  }
  fields.warn();
  const { rows } = writes;
  return { rows, skippedLines: records.skipped, skippedRecords: fields.records - rows };
}

/** Throws `IMPORT_INVALID` for a file that is not there: before a table is declared or a database made for it. */
export function requireInput(file: string): void {
  if (file === '-' || !isMissing(file)) return;
  throw new TablecastError('IMPORT_INVALID', `There is no file ${file}.`, {
    hint: 'Name a Zeek log, CSV or JSON lines, plain or gzip, or - for the standard input.',
  });
}

function mappingOf({ key, value }: ImportFlags, declaration: TableDeclaration): FieldMapping {
  if (key === undefined && value === undefined) return defaultMapping(declaration);
  return { key: key ?? defaultMapping(declaration).key, ...(value === undefined ? {} : { value }) };
}

/** What is left out, told up to a few times. */
class Skips {
  readonly #strict: boolean;
  #told = 0;

  constructor(strict: boolean) {
    this.#strict = strict;
  }

  tell(error: Error): void {
    if (++this.#told <= REPORTED_SKIPS) note(`left out: ${visible(error.message)}`);
    else if (this.#told === REPORTED_SKIPS + 1) note('left out: more of the like, counted below');
  }

  /** Runs what may find a record unusable; undefined when it did. */
  guard<T>(attempt: () => T): T | undefined {
    try {
      return attempt();
    } catch (error) {
      if (this.#strict || !isTablecastError(error) || !UNUSABLE.has(error.code) || isMistake(error))
        throw error;
      this.tell(error);
      return undefined;
    }
  }
}

const UNUSABLE: ReadonlySet<string> = new Set(['IMPORT_INVALID', 'KEY_INVALID', 'VALUE_INVALID']);

/** A field that no record can have is a mistake of the command, not of the record. */
function isMistake(error: Error): boolean {
  return error.message.endsWith('there is no such field');
}

/** Which fields of the mapping the records have had. */
class SeenFields {
  readonly #missing: Set<string>;
  readonly #found = new Set<string>();
  records = 0;

  constructor({ key, value }: FieldMapping) {
    const names = [...key, ...(value === undefined ? [] : [value])];
    this.#missing = new Set(names.map((name) => name.replace(/\/[^/]*$/, '')));
  }

  look({ fields, json }: LogRecord): void {
    this.records++;
    if (this.#missing.size === 0) return;
    for (const name of [...fields.keys(), ...(json?.keys() ?? [])]) {
      this.#missing.delete(name);
      if (this.#found.size < MAX_FIELDS_NAMED) this.#found.add(name);
    }
  }

  warn(): void {
    if (this.#missing.size === 0 || this.records === 0) return;
    const missing = [...this.#missing].map(visible).join(', ');
    note(`warning: no record has the field ${missing}; fields are: ${visible([...this.#found].join(', '))}`);
  }
}

/** A line on a terminal that counts; nothing elsewhere. */
class Progress {
  readonly #name: string;
  #lastMs = Date.now();
  #shown = false;

  constructor(name: string) {
    this.#name = name;
  }

  at(rows: number): void {
    if (!process.stderr.isTTY || Date.now() - this.#lastMs < PROGRESS_MS) return;
    this.#lastMs = Date.now();
    this.#shown = true;
    process.stderr.write(`\r${this.#name}: ${rows} rows`);
  }

  end(): void {
    if (this.#shown) process.stderr.write('\n');
  }
}
