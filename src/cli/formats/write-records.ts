import Papa from 'papaparse';
import { TablecastError } from '../../index.ts';
import {
  defaultMapping,
  mapColumns,
  type FieldMapping,
  type MappedColumn,
  type MappedDeclaration,
} from './field-mapping.ts';
import { cellError, cellJson, utf8Text, type Cell } from './format-value.ts';
import { formatLimits, type LogFormat } from './log-record.ts';
import { MARKS, escapedJson, markEscape } from './marks.ts';
import { isComplexType } from './parse-value.ts';
import { byteEscape, escapeZeek } from './text-bytes.ts';

const ROWS_PER_CHUNK = 512;
/** Fewer rows are written together once they have so many characters: one alone may have more than a million. */
const CHARACTERS_PER_CHUNK = 65_536;

/** A row as `table.entries()` gives it; the value is not looked at for sets. */
export type ExportRow = readonly [key: unknown, value?: unknown];

/** The options say how rows are written. */
export interface WriteOptions {
  readonly format: LogFormat;
  readonly declaration: MappedDeclaration;
  /** Names of the fields; left out: `key` (or `key1`, `key2`, …) and `value`. */
  readonly mapping?: FieldMapping | undefined;
  /** CSV only: for a spreadsheet, which would compute cells that begin like a formula. Not to be imported again. */
  readonly spreadsheet?: boolean | undefined;
  /** Zeek only: the name of the log. Default `tablecast`. */
  readonly path?: string | undefined;
  /** Zeek only: the clock for `#open` and `#close`, milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** One format: text before, for and after the rows. */
interface RowWriter {
  readonly head: string;
  row(cells: readonly Cell[]): string;
  tail(): string;
}

/** A field of the file. Ports whose protocol has a field of its own make two. */
interface OutputField {
  readonly name: string;
  readonly type: string;
}

function outputFields(column: MappedColumn): OutputField[] {
  const type = isComplexType(column.type) ? 'string' : column.type;
  const field = { name: column.field, type };
  return column.protocolField === undefined ? [field] : [field, { name: column.protocolField, type: 'enum' }];
}

/** Returns the cells of one column; a port is split when the mapping splits it. */
function cellsOf(column: MappedColumn, value: unknown): Cell[] {
  const { field, type, protocol, protocolField } = column;
  const whole = { field, type, value };
  const split = protocol !== undefined || protocolField !== undefined;
  if (!split || typeof value !== 'string') return [whole];
  const [number = '', found = ''] = value.split('/');
  if (protocolField !== undefined) {
    return [
      { field, type, value: number },
      { field: protocolField, type: 'enum', value: found },
    ];
  }
  if (found === protocol) return [{ field, type, value: number }];
  const hint = `Map the column to '${field}' or '${field}/proto', so that each row keeps its protocol.`;
  throw cellError(whole, `'${value}' is not a ${protocol} port`, hint);
}

function zeekClock(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 19).replace(/[T:]/g, '-');
}

function zeekText(cell: Cell): string {
  const text = utf8Text(cell);
  if (text === '') return '(empty)';
  // Escaped, these are the text and not the marker.
  if (text === '-' || text === '(empty)') return byteEscape(text.charCodeAt(0)) + text.slice(1);
  const escaped = escapeZeek(text);
  if (escaped !== undefined) return escaped;
  throw cellError(
    cell,
    'code points that stand for bytes spell UTF-8 here, which has another text',
    'Export as JSON lines or CSV, which keep every text.',
  );
}

/** Returns a name in the header; one that stands for no bytes is written as it is. */
function headerText(name: string): string {
  return escapeZeek(name) ?? name;
}

function zeekWriter(fields: readonly OutputField[], options: WriteOptions): RowWriter {
  const now = options.now ?? Date.now;
  const names = fields.map((field) => headerText(field.name));
  const head = [
    '#separator \\x09',
    '#set_separator\t,',
    '#empty_field\t(empty)',
    '#unset_field\t-',
    `#path\t${headerText(options.path ?? 'tablecast')}`,
    `#open\t${zeekClock(now())}`,
    `#fields\t${names.join('\t')}`,
    `#types\t${fields.map((field) => field.type).join('\t')}`,
  ];
  return {
    head: `${head.join('\n')}\n`,
    row: (cells) => `${cells.map(zeekText).join('\t')}\n`,
    tail: () => `#close\t${zeekClock(now())}\n`,
  };
}

/** Spreadsheets take a text that begins so for a formula. */
const FORMULA = /^[=+\-@\t\r\n]/;
const NUMBERS: ReadonlySet<string> = new Set(['count', 'int', 'double', 'interval', 'time', 'port', 'bool']);

/** As a spreadsheet shows it and does not compute it; marks that it would act on are shown as escapes. */
function spreadsheetText(cell: Cell): string {
  const text = utf8Text(cell).replace(MARKS, markEscape);
  return !NUMBERS.has(cell.type) && FORMULA.test(text) ? `'${text}` : text;
}

function csvWriter(fields: readonly OutputField[], { spreadsheet }: WriteOptions): RowWriter {
  // A lone empty field needs its quotes, or it would be a blank line.
  const config = { newline: '\n', quotes: fields.length === 1 };
  const text = spreadsheet === true ? spreadsheetText : utf8Text;
  const head = fields.map(({ name }) => text({ field: name, type: 'string', value: name }));
  return {
    head: `${Papa.unparse([head], config)}\n`,
    row: (cells) => `${Papa.unparse([cells.map(text)], config)}\n`,
    tail: () => '',
  };
}

function jsonWriter(fields: readonly OutputField[]): RowWriter {
  const names = fields.map((field) => escapedJson(JSON.stringify(field.name)));
  return {
    head: '',
    row: (cells) => `{${cells.map((cell, i) => `${names[i]}:${cellJson(cell)}`).join(',')}}\n`,
    tail: () => '',
  };
}

function writerFor(fields: readonly OutputField[], options: WriteOptions): RowWriter {
  if (options.format === 'zeek') return zeekWriter(fields, options);
  return options.format === 'csv' ? csvWriter(fields, options) : jsonWriter(fields);
}

function checkFields(fields: readonly OutputField[]): void {
  const names = new Set(fields.map((field) => field.name));
  const long = fields.find((field) => field.name.length > formatLimits.maxFieldNameLength);
  if (names.size === fields.length && long === undefined) return;
  const listed = fields.map((field) => field.name.slice(0, 80)).join(', ');
  throw new TablecastError(
    'OPTION_INVALID',
    `field names are not different from each other or too long: ${listed}`,
    {
      hint: `Give each column a name of its own of at most ${formatLimits.maxFieldNameLength} characters.`,
    },
  );
}

/**
 * Writes rows of a table as text in pieces of some hundred rows, or fewer long ones. What it writes, `readRecords` and
 * `recordMapper` with the same mapping and declaration turn into equal rows.
 *
 * In JSON, a number is written as a number only when a reader that uses doubles gets the exact value
 * back, else as a string with its digits; times and intervals are seconds. Complex values are JSON
 * in place in JSON lines (JSON text in a string for a bare scalar), and JSON text in Zeek and CSV.
 *
 * @throws TablecastError `OPTION_INVALID` at once when mapping and declaration do not fit;
 * `VALUE_INVALID` while iterating for a value the format cannot hold.
 */
export function writeRecords(
  rows: Iterable<ExportRow> | AsyncIterable<ExportRow>,
  options: WriteOptions,
): AsyncGenerator<string> {
  const { declaration } = options;
  const columns = mapColumns(options.mapping ?? defaultMapping(declaration), declaration);
  const all = columns.value === undefined ? columns.key : [...columns.key, columns.value];
  const fields = all.flatMap(outputFields);
  checkFields(fields);
  const cells = ([key, value]: ExportRow): Cell[] => {
    const keys: readonly unknown[] = columns.compositeKey && Array.isArray(key) ? key : [key];
    return all.flatMap((column, i) => cellsOf(column, column === columns.value ? value : keys[i]));
  };
  return chunks(rows, cells, writerFor(fields, options));
}

async function* chunks(
  rows: Iterable<ExportRow> | AsyncIterable<ExportRow>,
  cells: (row: ExportRow) => Cell[],
  writer: RowWriter,
): AsyncGenerator<string> {
  if (writer.head !== '') yield writer.head;
  let pending = '';
  let count = 0;
  for await (const row of rows) {
    pending += writer.row(cells(row));
    if (++count < ROWS_PER_CHUNK && pending.length < CHARACTERS_PER_CHUNK) continue;
    yield pending;
    pending = '';
    count = 0;
  }
  const last = pending + writer.tail();
  if (last !== '') yield last;
}
