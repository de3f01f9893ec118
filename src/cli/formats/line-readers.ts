import type { BadLines } from './bad-lines.ts';
import { JsonReader, type JsonStrings } from './json-reader.ts';
import type { LineBatch } from './lines.ts';
import type { LogRecord } from './log-record.ts';
import { isZeekHeader, type ZeekOptions, ZeekReader } from './zeek-reader.ts';

/** The options say how lines are read of which each is one record, or a header. */
export interface LineOptions extends ZeekOptions {
  readonly format: 'zeek' | 'json';
  readonly jsonStrings: JsonStrings;
  readonly maxLineBytes: number;
}

/** Reads Zeek's logs, tab-separated and JSON, also where one follows the other in a file made of several. */
export class LineReaders {
  readonly #bad: BadLines;
  readonly #maxLineBytes: number;
  readonly #zeek: ZeekReader;
  readonly #json: JsonReader;
  #isJson: boolean;

  constructor(bad: BadLines, options: LineOptions) {
    this.#bad = bad;
    this.#maxLineBytes = options.maxLineBytes;
    this.#zeek = new ZeekReader(bad, options);
    this.#json = new JsonReader(bad, options.jsonStrings);
    this.#isJson = options.format === 'json';
  }

  /** Returns the records that are complete with these lines. */
  *parseBatch({ first, lines, isEnded }: LineBatch): Generator<LogRecord> {
    for (const [at, text] of lines.entries()) {
      const line = first + at;
      if (text === undefined) {
        this.#bad.report({ line, expected: `at most ${this.#maxLineBytes} bytes`, found: 'a longer line' });
        continue;
      }
      const record = this.#parseLine(text, line, isEnded || at < lines.length - 1);
      if (record !== undefined) yield record;
    }
  }

  /** Nothing is left at the end. */
  end(): readonly LogRecord[] {
    return [];
  }

  #parseLine(text: string, line: number, isEnded: boolean): LogRecord | undefined {
    if (this.#isJson) this.#isJson = !isZeekHeader(text);
    else this.#isJson = this.#zeek.closed && text.startsWith('{');
    return this.#isJson ? this.#json.parseLine(text, line) : this.#zeek.parseLine(text, line, isEnded);
  }
}
