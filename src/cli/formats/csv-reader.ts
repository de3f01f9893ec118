import Papa from 'papaparse';
import { shown, type BadLines } from './bad-lines.ts';
import type { LineBatch } from './lines.ts';
import type { FieldText, LogRecord } from './log-record.ts';
import { lineText } from './text-bytes.ts';
import { doubledNames, namesFault } from './zeek-layout.ts';

const DELIMITERS = [',', ';', '\t', '|'];

interface Dialect {
  readonly delimiter: string;
  readonly newline: '\n' | '\r\n';
}

function dialectOf(header: string): Dialect {
  const line = header.endsWith('\r') ? header.slice(0, -1) : header;
  const guess = Papa.parse(line, { delimitersToGuess: DELIMITERS, preview: 1 }).meta.delimiter;
  return {
    delimiter: DELIMITERS.includes(guess) ? guess : ',',
    newline: header.endsWith('\r') ? '\r\n' : '\n',
  };
}

function countLines(row: readonly string[]): number {
  let lines = 1;
  for (const cell of row) {
    for (let at = cell.indexOf('\n'); at !== -1; at = cell.indexOf('\n', at + 1)) lines += 1;
  }
  return lines;
}

/**
 * Reads CSV with a header row. Quoted fields may span lines, up to `maxLineBytes` per record.
 * A quote that is never closed ends the reading whatever the policy: where the next record starts
 * cannot be known.
 */
export class CsvReader {
  readonly #bad: BadLines;
  readonly #maxBytes: number;
  readonly #onNotice: ((text: string) => void) | undefined;
  #dialect: Dialect | undefined;
  #names: readonly string[] | undefined;
  #toldHeader = false;
  /** Holds what is wrong with names that come twice. */
  #faults: ReadonlyMap<string, string> | undefined;
  /** Text from the start of the first unfinished record, and the line that is on. */
  #rest = '';
  #line = 1;

  constructor(bad: BadLines, maxBytes: number, onNotice?: (text: string) => void) {
    this.#bad = bad;
    this.#maxBytes = maxBytes;
    this.#onNotice = onNotice;
  }

  /** Returns the records that are complete with these lines. */
  *parseBatch(batch: LineBatch): Generator<LogRecord> {
    let from = 0;
    for (let i = 0; i < batch.lines.length; i += 1) {
      if (batch.lines[i] !== undefined) continue;
      yield* this.#parseLines(batch.lines.slice(from, i));
      this.#dropLong(batch.first + i);
      from = i + 1;
    }
    yield* this.#parseLines(from === 0 ? batch.lines : batch.lines.slice(from));
  }

  /** Returns the last record, if the file ends without a line feed; refuses a quote left open. */
  *end(): Generator<LogRecord> {
    if (this.#rest === '' || this.#dialect === undefined) return;
    const text = this.#rest.replace(/\r?\n$/, this.#dialect.newline);
    this.#rest = '';
    yield* this.#parseText(text);
    if (this.#rest !== '') throw this.#openQuote('the end of the file');
  }

  #dropLong(line: number): void {
    const expected = `at most ${this.#maxBytes} bytes`;
    // Inside a quoted field, or as the header, a missing line changes the meaning of all others.
    if (this.#rest !== '' || this.#names === undefined) {
      throw this.#bad.fatal({ line, expected, found: 'a longer line' });
    }
    this.#bad.report({ line, expected, found: 'a longer line' });
    this.#line = line + 1;
  }

  *#parseLines(lines: readonly (string | undefined)[]): Generator<LogRecord> {
    if (lines.length === 0) return;
    const text = lineText(`${lines.join('\n')}\n`);
    yield* this.#parseText(this.#rest + text);
    if (Buffer.byteLength(this.#rest) > this.#maxBytes) {
      throw this.#openQuote(`more than ${this.#maxBytes} bytes`);
    }
  }

  #openQuote(found: string): Error {
    return this.#bad.fatal({ line: this.#line, expected: 'a closing quote', found });
  }

  *#parseText(text: string): Generator<LogRecord> {
    this.#dialect ??= dialectOf(text.trimStart().split('\n', 1)[0] ?? '');
    const parser = new Papa.Parser(this.#dialect);
    const result = parser.parse(text, 0, true) as Papa.ParseResult<string[]>;
    const broken = new Set(result.errors.map((error) => error.row));
    const physical = result.data.some((row) => row.length === 1) ? text.split('\n') : [];
    const first = this.#line;
    for (let i = 0; i < result.data.length; i += 1) {
      const row = result.data[i] as string[];
      const line = this.#line;
      this.#line += countLines(row);
      // A blank line and a quoted empty field look the same after parsing.
      const blank = row.length === 1 && row[0] === '' && physical[line - first]?.trim() === '';
      if (!blank) yield* this.#row(row, line, broken.has(i));
    }
    this.#rest = text.slice(result.meta.cursor);
  }

  *#row(row: readonly string[], line: number, broken: boolean): Generator<LogRecord> {
    const names = this.#names;
    const doubled = 'quotes inside a quoted field to be doubled';
    const fault = broken ? { line, expected: doubled, found: shown(row.join()) } : undefined;
    if (names === undefined) {
      const misnamed = fault ?? namesFault(row);
      if (misnamed !== undefined) throw this.#bad.fatal({ line, ...misnamed });
      this.#names = row;
      this.#faults = doubledNames(row);
    } else if (fault !== undefined) {
      this.#bad.report(fault);
    } else if (row.length !== names.length) {
      this.#bad.report({ line, expected: `${names.length} columns`, found: `${row.length} columns` });
    } else {
      if (!this.#toldHeader && row.every((cell, at) => cell === names[at])) this.#tellHeader(line);
      yield this.#record(row, names, line);
    }
  }

  /** CSV has no mark for a header: another one is a row like any other, and can be one. */
  #tellHeader(line: number): void {
    this.#toldHeader = true;
    this.#onNotice?.(
      `${this.#bad.file}, line ${line}: the same as the header, and taken as a row; import files that were put together one by one`,
    );
  }

  #record(row: readonly string[], names: readonly string[], line: number): LogRecord {
    const faults = this.#faults;
    const fields = new Map<string, FieldText>();
    for (const [at, name] of names.entries()) {
      if (name !== '' && faults?.has(name) !== true) fields.set(name, row[at]);
    }
    return { line, fields, ...(faults && { faults }) };
  }
}
