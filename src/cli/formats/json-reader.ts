import { shown, type BadLines } from './bad-lines.ts';
import { JsonFault, scanJsonObject } from './json-scanner.ts';
import type { LogRecord } from './log-record.ts';
import { lineText } from './text-bytes.ts';

/** Reads one JSON object per line; see `scanJsonObject` for what is kept. */
export class JsonReader {
  readonly #bad: BadLines;

  constructor(bad: BadLines) {
    this.#bad = bad;
  }

  /** The record of a line; undefined for blank and skipped lines. */
  parseLine(raw: string, line: number): LogRecord | undefined {
    const text = lineText(raw);
    if (text.trim() === '') return undefined;
    try {
      const { fields, json } = scanJsonObject(text);
      return json.size === 0 ? { line, fields } : { line, fields, json };
    } catch (error) {
      if (!(error instanceof JsonFault)) throw error;
      const rest = text.slice(error.at);
      const found = `${rest === '' ? 'the end of the line' : shown(rest)} at column ${error.at + 1}`;
      this.#bad.report({ line, expected: error.expected, found });
      return undefined;
    }
  }
}
