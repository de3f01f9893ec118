import { statSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { PlainDeclaration } from '../index.ts';
import {
  type FieldMapping,
  type JsonStrings,
  type LogFormat,
  type LogRecord,
  type LogSource,
  type MappedRow,
  type NumberUnit,
  type RecordMapper,
  type RecordStream,
  defaultMapping,
  readRecords,
  recordMapper,
  sourceName,
} from './formats/index.ts';
import { isUnusable, LeftOut, type Omission } from './left-out.ts';
import { note, visible } from './output.ts';
import { PacedWrites, type WriteTarget } from './paced-writes.ts';
import { isMissing, requireFile } from './named-files.ts';
import { ProgressLine } from './progress.ts';

const MAX_FIELDS_NAMED = 30;

/** The flags say how a file is imported. */
export interface ImportFlags {
  readonly key?: readonly string[] | undefined;
  readonly value?: string | undefined;
  readonly format?: LogFormat | undefined;
  readonly strict?: boolean | undefined;
  readonly timeUnit?: NumberUnit | undefined;
  readonly intervalUnit?: NumberUnit | undefined;
  readonly jsonStrings?: JsonStrings | undefined;
  readonly json?: boolean | undefined;
}

/** A table that rows go into. */
export interface ImportTarget extends WriteTarget {
  readonly name: string;
  readonly declaration: Readonly<PlainDeclaration>;
}

/** An import ends with what came of it. */
export interface Imported {
  /** Rows written; of several with one key the last stands. */
  readonly rows: number;
  /** Keys that the table did not have before. */
  readonly newKeys: number;
  /** Lines that could not be read. */
  readonly skippedLines: number;
  /** Records without one of the fields, or whose value is none of the table's. */
  readonly skippedRecords: number;
  readonly leftOut: readonly Omission[];
}

/** Adds the options that say what a file does not say of itself. */
export function withFormat(command: Command): Command {
  const units = ['s', 'ms', 'us', 'ns'];
  return command
    .addOption(
      new Option('--format <name>', 'default: told from the content').choices(['zeek', 'csv', 'json']),
    )
    .addOption(
      new Option(
        '--time-unit <unit>',
        'of bare numbers that are times; default seconds, or milliseconds where that is sure',
      ).choices(units),
    )
    .addOption(
      new Option('--interval-unit <unit>', 'of bare numbers that are intervals; default s').choices(units),
    )
    .addOption(
      new Option(
        '--json-strings <policy>',
        'how Zeek escaped bytes in JSON strings (its json_string_escape_policy); default text: not at all',
      ).choices(['text', 'hex', 'tsv', 'pua']),
    );
}

/**
 * Writes every usable record of a file into a table, and returns when all are durable there. Where the file is damaged,
 * what stands before the damage is written, and the error says how much of it stands. `reached` is told of each line
 * whose row was written or left out.
 */
export async function importRows(
  source: LogSource,
  target: ImportTarget,
  flags: ImportFlags,
  reached?: (line: number, writes: PacedWrites) => void,
): Promise<Imported> {
  const mapping = mappingOf(flags, target.declaration);
  const left = new LeftOut(flags.strict === true);
  const fields = new SeenFields(mapping);
  let bytes = 0;
  const onRead = (count: number): void => void (bytes += count);
  const records = recordsOf(source, flags, { left, lists: fields.lists(target.declaration), onRead });
  const map = mapperOf(sourceName(source), flags, { mapping, left, declaration: target.declaration });
  const size = typeof source === 'string' ? sizeOf(source) : 0;
  const progress = new ProgressLine(target.name, flags);
  const writes = new PacedWrites(target);
  try {
    for await (const record of records) {
      fields.look(record);
      const written = left.guard(record.line, () => writeRow(writes, map(record)));
      reached?.(record.line, writes);
      if (written === true && (await writes.paced()))
        progress.at(() => ({
          count: writes.rows,
          unit: 'rows',
          share: size === 0 ? undefined : bytes / size,
        }));
    }
    await writes.end();
  } catch (error) {
    throw await writes.ended(error, isUnusable(error));
  } finally {
    progress.end();
  }
  fields.warn();
  const { rows, newKeys } = writes;
  const { skipped: skippedLines } = records;
  return { rows, newKeys, skippedLines, skippedRecords: left.records, leftOut: left.omissions };
}

function recordsOf(
  source: LogSource,
  flags: ImportFlags,
  {
    left,
    lists,
    onRead,
  }: {
    readonly left: LeftOut;
    readonly lists: ReadonlySet<string>;
    readonly onRead: (bytes: number) => void;
  },
): RecordStream {
  return readRecords(source, {
    format: flags.format,
    jsonStrings: flags.jsonStrings,
    lists,
    onBadLine: flags.strict === true ? 'stop' : 'skip',
    onSkip: (error) => left.line(error),
    onNotice: (text) => note(visible(text)),
    onRead,
  });
}

function mapperOf(
  file: string,
  flags: ImportFlags,
  on: { readonly mapping: FieldMapping; readonly left: LeftOut; readonly declaration: PlainDeclaration },
): RecordMapper {
  const { mapping, left, declaration } = on;
  return recordMapper(
    {
      ...mapping,
      file,
      onUnset: flags.strict === true ? 'stop' : 'skip',
      onSkip: (error, { line }) => left.record(error, line),
      timeUnit: flags.timeUnit,
      intervalUnit: flags.intervalUnit,
    },
    declaration,
  );
}

/** Returns true when there was a row to write. */
function writeRow(writes: PacedWrites, row: MappedRow | undefined): boolean {
  if (row !== undefined) writes.write(row.key, row.value);
  return row !== undefined;
}

/** The bytes of a file as it lies on the disk; 0 for what has no end that is known. Reading tells what is wrong with it. */
function sizeOf(file: string): number {
  try {
    const found = statSync(file);
    return found.isFile() ? found.size : 0;
  } catch {
    return 0;
  }
}

/** Returns true for the standard input and for a file that is there. */
export function isInput(file: string): boolean {
  return file === '-' || !isMissing(file);
}

/** Throws `OPTION_INVALID` for a file that is not there: before a table is declared or a database made for it. */
export function requireInput(file: string): void {
  if (file === '-') return;
  requireFile(file, 'Name a Zeek log, CSV or JSON lines, plain or gzip, or - for the standard input.');
}

function mappingOf({ key, value }: ImportFlags, declaration: PlainDeclaration): FieldMapping {
  if (key === undefined && value === undefined) return defaultMapping(declaration);
  return { key: key ?? defaultMapping(declaration).key, ...(value === undefined ? {} : { value }) };
}

/** The seen fields are those of the mapping that the records have had. */
class SeenFields {
  readonly #value: string | undefined;
  readonly #missing: Set<string>;
  readonly #found = new Set<string>();
  #records = 0;

  constructor({ key, value }: FieldMapping) {
    const names = [...key, ...(value === undefined ? [] : [value])];
    this.#value = value;
    this.#missing = new Set(names.map((name) => name.replace(/\/[^/]*$/, '')));
  }

  /** Returns the field that holds a set or vector, if one does; keys never do. */
  lists({ value }: PlainDeclaration): ReadonlySet<string> {
    const isList = value === 'set' || value === 'vector';
    return new Set(isList && this.#value !== undefined ? [this.#value] : []);
  }

  look({ fields, json, faults }: LogRecord): void {
    this.#records++;
    if (this.#missing.size === 0) return;
    for (const name of [...fields.keys(), ...(json?.keys() ?? []), ...(faults?.keys() ?? [])]) {
      this.#missing.delete(name);
      if (this.#found.size < MAX_FIELDS_NAMED) this.#found.add(name);
    }
  }

  warn(): void {
    if (this.#missing.size === 0 || this.#records === 0) return;
    const missing = [...this.#missing].map(visible).join(', ');
    note(`warning: no record has the field ${missing}; fields are: ${visible([...this.#found].join(', '))}`);
  }
}
