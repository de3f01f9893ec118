import { shown, type BadLines } from './bad-lines.ts';
import { JsonFault, scanJsonObject, type Spelling } from './json-scanner.ts';
import type { LogRecord } from './log-record.ts';
import { hexText, lineText, puaText, zeekText } from './text-bytes.ts';

/**
 * Names how Zeek escaped bytes in the strings of a JSON log (`LogAscii::json_string_escape_policy`); `text`:
 * not at all.
 */
export type JsonStrings = 'text' | 'hex' | 'tsv' | 'pua';

const SPELLINGS: Readonly<Record<JsonStrings, Spelling | undefined>> = {
  text: undefined,
  hex: hexText,
  tsv: zeekText,
  pua: puaText,
};

/** Reads one JSON object per line; see `scanJsonObject` for what is kept. */
export class JsonReader {
  readonly #bad: BadLines;
  readonly #spelling: Spelling | undefined;

  constructor(bad: BadLines, strings: JsonStrings) {
    this.#bad = bad;
    this.#spelling = SPELLINGS[strings];
  }

  /** Returns the record of a line; undefined for blank and skipped lines. */
  parseLine(raw: string, line: number): LogRecord | undefined {
    const text = lineText(raw);
    if (text.trim() === '') return undefined;
    try {
      const { fields, json, faults } = scanJsonObject(text, this.#spelling);
      if (faults.size > 0) return { line, fields, json, faults: faultTexts(faults, text) };
      return json.size === 0 ? { line, fields } : { line, fields, json };
    } catch (error) {
      if (!(error instanceof JsonFault)) throw error;
      this.#bad.report({ line, expected: error.expected, found: foundAt(text, error.at) });
      return undefined;
    }
  }
}

function foundAt(text: string, at: number): string {
  const rest = text.slice(at);
  return `${rest === '' ? 'the end of the line' : shown(rest)} at column ${at + 1}`;
}

function faultTexts(faults: ReadonlyMap<string, JsonFault>, text: string): ReadonlyMap<string, string> {
  return new Map(
    Array.from(faults, ([name, { expected, at }]) => [
      name,
      `expected ${expected}, found ${foundAt(text, at)}`,
    ]),
  );
}
