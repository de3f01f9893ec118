import { TablecastError } from '../../index.ts';
import { BadLines, type BadLineMode, shown } from './bad-lines.ts';
import { CsvReader } from './csv-reader.ts';
import type { JsonStrings } from './json-reader.ts';
import { LineReaders } from './line-readers.ts';
import { splitLines, type LineBatch } from './lines.ts';
import { formatLimits, type LogFormat, type LogRecord } from './log-record.ts';
import { readSource, sourceName, type LogSource } from './source.ts';
import { isTsvHeader, isZeekHeader } from './zeek-reader.ts';

/** The options say how a log is read. */
export interface ReadOptions {
  /** Left out, the format is told from the first line that is not blank. */
  readonly format?: LogFormat | undefined;
  /** Default `stop`. */
  readonly onBadLine?: BadLineMode | undefined;
  /** Called with the error of each line that is skipped. */
  readonly onSkip?: ((error: TablecastError) => void) | undefined;
  /** Default 1 MiB. A longer line is a bad line. */
  readonly maxLineBytes?: number | undefined;
  /** JSON lines only: how Zeek escaped strings. Default `text`. */
  readonly jsonStrings?: JsonStrings | undefined;
  /** Fields that hold sets or vectors, for Zeek logs whose header does not say types. */
  readonly lists?: ReadonlySet<string> | undefined;
  /** Told of what was taken for granted. */
  readonly onNotice?: ((text: string) => void) | undefined;
  /** Told of how many bytes were read, as they lie in the file. */
  readonly onRead?: ((bytes: number) => void) | undefined;
}

/** The records of one source, to be iterated once. */
export interface RecordStream extends AsyncIterable<LogRecord> {
  /** Lines left out so far. */
  readonly skipped: number;
  /** Known from the first record on; undefined for an empty source. */
  readonly format: LogFormat | undefined;
}

/** A reader turns lines into records. */
interface BatchReader {
  parseBatch(batch: LineBatch): Iterable<LogRecord>;
  end(): Iterable<LogRecord>;
}

/** A format, and whether it is Zeek's `tsv` mode. */
interface Detected {
  readonly format: LogFormat;
  readonly tsv?: boolean;
}

function detectFormat(text: string, line: number, bad: BadLines): Detected {
  if (isZeekHeader(text)) return { format: 'zeek' };
  const start = text.trimStart();
  if (start.startsWith('{')) return { format: 'json' };
  if (start.startsWith('[')) {
    throw bad.fatal({ line, expected: 'one JSON object per line', found: 'a JSON array' });
  }
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000e-\u001f]/.test(text)) {
    throw bad.fatal({ line, expected: 'text (Zeek, JSON lines or CSV), plain or gzip', found: shown(text) });
  }
  return isTsvHeader(text) ? { format: 'zeek', tsv: true } : { format: 'csv' };
}

const TSV_NOTICE =
  "read as a log of Zeek's tsv mode: - is unset and (empty) is empty; --format csv takes both as text";

class RecordReader implements RecordStream {
  readonly #source: LogSource;
  readonly #options: ReadOptions;
  readonly #bad: BadLines;
  readonly #maxLineBytes: number;
  #format: LogFormat | undefined;
  #started = false;

  constructor(source: LogSource, options: ReadOptions) {
    this.#source = source;
    this.#options = options;
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
    for await (const batch of splitLines(
      readSource(this.#source, this.#options.onRead),
      this.#maxLineBytes,
    )) {
      reader ??= this.#start(batch);
      if (reader !== undefined) yield* reader.parseBatch(batch);
    }
    if (reader !== undefined) yield* reader.end();
  }

  /** The reader for this file, once there is a line to tell its format by. */
  #start(batch: LineBatch): BatchReader | undefined {
    const index = batch.lines.findIndex((text) => text === undefined || text.trim() !== '');
    if (index === -1) return undefined;
    const text = batch.lines[index];
    const line = batch.first + index;
    if (this.#format !== undefined) {
      // Zeek's tsv mode has no mark of its own: who says zeek of such a file means it.
      const tsv = this.#format === 'zeek' && text !== undefined && isTsvHeader(text);
      return this.#reader({ format: this.#format, tsv });
    }
    if (text === undefined) {
      const expected = `a first line of at most ${this.#maxLineBytes} bytes`;
      throw this.#bad.fatal({ line, expected, found: 'a longer one' });
    }
    const detected = detectFormat(text, line, this.#bad);
    this.#format = detected.format;
    if (detected.tsv === true) this.#options.onNotice?.(`${this.#bad.file}: ${TSV_NOTICE}`);
    return this.#reader(detected);
  }

  #reader({ format, tsv }: Detected): BatchReader {
    const { jsonStrings = 'text', lists, onNotice } = this.#options;
    if (format === 'csv') return new CsvReader(this.#bad, this.#maxLineBytes, onNotice);
    return new LineReaders(this.#bad, { format, tsv, jsonStrings, lists, maxLineBytes: this.#maxLineBytes });
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
