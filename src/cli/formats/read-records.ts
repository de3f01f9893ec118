import { TablecastError } from '../../index.ts';
import { BadLines, type BadLineMode, shown } from './bad-lines.ts';
import { CsvReader } from './csv-reader.ts';
import { JsonReader } from './json-reader.ts';
import { splitLines, type LineBatch } from './lines.ts';
import { formatLimits, type LogFormat, type LogRecord } from './log-record.ts';
import { readSource, sourceName, type LogSource } from './source.ts';
import { isZeekHeader, ZeekReader } from './zeek-reader.ts';

/** How a log is read. */
export interface ReadOptions {
  /** Left out, the format is told from the first line that is not blank. */
  readonly format?: LogFormat | undefined;
  /** Default `stop`. */
  readonly onBadLine?: BadLineMode | undefined;
  /** Called with the error of each line that is skipped. */
  readonly onSkip?: ((error: TablecastError) => void) | undefined;
  /** Default 1 MiB. A longer line is a bad line. */
  readonly maxLineBytes?: number | undefined;
}

/** The records of one source, to be iterated once. */
export interface RecordStream extends AsyncIterable<LogRecord> {
  /** Lines left out so far. */
  readonly skipped: number;
  /** Known from the first record on; undefined for an empty source. */
  readonly format: LogFormat | undefined;
}

/** What turns lines into records. */
interface BatchReader {
  parseBatch(batch: LineBatch): Iterable<LogRecord>;
  end(): Iterable<LogRecord>;
}

interface LineReader {
  parseLine(text: string, line: number): LogRecord | undefined;
}

function detectFormat(text: string, line: number, bad: BadLines): LogFormat {
  if (isZeekHeader(text)) return 'zeek';
  const start = text.trimStart();
  if (start.startsWith('{')) return 'json';
  if (start.startsWith('[')) {
    throw bad.fatal({ line, expected: 'one JSON object per line', found: 'a JSON array' });
  }
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000e-\u001f]/.test(text)) {
    throw bad.fatal({ line, expected: 'text (Zeek, JSON lines or CSV), plain or gzip', found: shown(text) });
  }
  return 'csv';
}

/** One line is one record: the batch face of such a reader. */
function byLine(reader: LineReader, bad: BadLines, maxLineBytes: number): BatchReader {
  return {
    *parseBatch(batch) {
      let line = batch.first;
      for (const text of batch.lines) {
        if (text === undefined) {
          bad.report({ line, expected: `at most ${maxLineBytes} bytes`, found: 'a longer line' });
        } else {
          const record = reader.parseLine(text, line);
          if (record !== undefined) yield record;
        }
        line += 1;
      }
    },
    end: () => [],
  };
}

function readerFor(format: LogFormat, bad: BadLines, maxLineBytes: number): BatchReader {
  if (format === 'csv') return new CsvReader(bad, maxLineBytes);
  return byLine(format === 'zeek' ? new ZeekReader(bad) : new JsonReader(bad), bad, maxLineBytes);
}

class RecordReader implements RecordStream {
  readonly #source: LogSource;
  readonly #bad: BadLines;
  readonly #maxLineBytes: number;
  #format: LogFormat | undefined;
  #started = false;

  constructor(source: LogSource, options: ReadOptions) {
    this.#source = source;
    this.#bad = new BadLines(sourceName(source), options.onBadLine ?? 'stop', options.onSkip);
    this.#maxLineBytes = options.maxLineBytes ?? formatLimits.maxLineBytes;
    this.#format = options.format;
  }

  get skipped(): number {
    return this.#bad.skipped;
  }

  get format(): LogFormat | undefined {
    return this.#format;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LogRecord> {
    if (this.#started) {
      throw new TablecastError('OPTION_INVALID', `${this.#bad.file}: is being read already`, {
        hint: 'Call readRecords again for a second pass.',
      });
    }
    this.#started = true;
    let reader: BatchReader | undefined;
    for await (const batch of splitLines(readSource(this.#source), this.#maxLineBytes)) {
      reader ??= this.#start(batch);
      if (reader !== undefined) yield* reader.parseBatch(batch);
    }
    if (reader !== undefined) yield* reader.end();
  }

  /** The reader for this file, once there is a line to tell its format by. */
  #start(batch: LineBatch): BatchReader | undefined {
    if (this.#format === undefined) {
      const index = batch.lines.findIndex((text) => text === undefined || text.trim() !== '');
      if (index === -1) return undefined;
      const text = batch.lines[index];
      const line = batch.first + index;
      if (text === undefined) {
        const expected = `a first line of at most ${this.#maxLineBytes} bytes`;
        throw this.#bad.fatal({ line, expected, found: 'a longer one' });
      }
      this.#format = detectFormat(text, line, this.#bad);
    }
    return readerFor(this.#format, this.#bad, this.#maxLineBytes);
  }
}

/**
 * Reads a Zeek log (tab-separated or JSON), CSV with a header row, or JSON lines, plain or gzip.
 *
 * Compression and format are told from the content, never from the name. Records come in the order
 * of the file; memory is bounded by one chunk and one line. Leaving the loop early closes the file.
 *
 * @throws TablecastError `IMPORT_INVALID`, while iterating, with file, line, what was expected and
 * what was found; after `onBadLine: 'skip'` only for what makes the rest of the file unreadable.
 */
export function readRecords(source: LogSource, options: ReadOptions = {}): RecordStream {
  const limit = options.maxLineBytes;
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw new TablecastError('OPTION_INVALID', `maxLineBytes: ${limit} is not a positive whole number`, {
      hint: 'Leave it out for 1 MiB.',
    });
  }
  return new RecordReader(source, options);
}
