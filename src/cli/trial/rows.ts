import { basename } from 'node:path';
import { type SourceRow, type RowSource } from '../../trial/index.ts';
import { TablecastError } from '../../index.ts';
import { type LogFormat, type LogRecord, generateSampleLog, readRecords } from '../formats/index.ts';
import { didYouMean } from '../nearest-word.ts';

const MAX_KEY_LENGTH = 512;
const MAX_VALUE_LENGTH = 255;
const MAX_FIELDS_NAMED = 30;
/** Names of so many fields are kept for a hint. */
const MAX_FIELDS_KEPT = 1000;

/** The options say which rows to compare with. */
export interface RowOptions {
  /** A path or `-`; undefined for a generated log. */
  readonly log: string | undefined;
  readonly format: LogFormat | undefined;
  /** Most rows taken. */
  readonly rows: number;
  readonly seed: number;
  /** Field that is counted. */
  readonly key: string;
  /** Field whose latest value is kept. */
  readonly value: string;
}

/** The rows of a log, and what there is to say of them. */
export interface SourceRows {
  readonly rows: readonly SourceRow[];
  readonly source: RowSource;
}

/**
 * Reads the first rows of a log, or of a generated one. Throws `IMPORT_INVALID` when it cannot be
 * read or has no row with the fields.
 */
export async function readSourceRows(options: RowOptions): Promise<SourceRows> {
  const { log, format, rows: wanted, seed, key, value } = options;
  const generated = { name: 'the generated log', chunks: generateSampleLog({ rows: wanted, seed }) };
  const records = readRecords(log ?? generated, { format, onBadLine: 'skip' });
  const rows: SourceRow[] = [];
  let skippedRecords = 0;
  let more = false;
  const named = new Set<string>();
  let hasValues = false;
  for await (const record of records) {
    if (rows.length === wanted) {
      more = true;
      break;
    }
    if (named.size < MAX_FIELDS_KEPT) for (const name of record.fields.keys()) named.add(name);
    hasValues ||= record.fields.has(value);
    const row = rowOf(record, key, value);
    if (row === undefined) skippedRecords++;
    else rows.push(row);
  }
  if (rows.length === 0) throw nothingFound(log, { field: key, flag: '--key' }, [...named]);
  if (!hasValues) throw nothingFound(log, { field: value, flag: '--value' }, [...named]);
  const source = {
    log: log === undefined ? undefined : log === '-' ? 'standard input' : basename(log),
    fields: { key, value },
    skippedLines: records.skipped,
    skippedRecords,
    more,
  };
  return { rows, source };
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, MAX_FIELDS_NAMED).join(', ')}${names.length > MAX_FIELDS_NAMED ? ', …' : ''}`;
}

function nothingFound(
  log: string | undefined,
  { field, flag }: { readonly field: string; readonly flag: string },
  named: readonly string[],
): TablecastError {
  const hint =
    named.length === 0
      ? 'Give a Zeek log, CSV with a header, or JSON lines, plain or gzip.'
      : `Choose another field with ${flag}; the fields are ${listed(named)}.`;
  return new TablecastError(
    'IMPORT_INVALID',
    `${log ?? 'The log'} has no row with the field ${JSON.stringify(field)}.${didYouMean(field, named)}`,
    { hint },
  );
}

function rowOf({ fields }: LogRecord, keyField: string, valueField: string): SourceRow | undefined {
  const key = textOf(fields.get(keyField));
  // Longer keys and halves of characters are no keys of a table.
  if (key === undefined || key.length > MAX_KEY_LENGTH || /\p{Surrogate}/u.test(key)) return undefined;
  const value = textOf(fields.get(valueField)) ?? '';
  return { key, value: value.slice(0, MAX_VALUE_LENGTH).replaceAll(/\p{Surrogate}/gu, '') };
}

function textOf(field: ReturnType<LogRecord['fields']['get']>): string | undefined {
  return typeof field === 'string' ? field : field?.map((part) => part ?? '-').join(',');
}
