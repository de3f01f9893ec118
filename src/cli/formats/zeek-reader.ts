import { type BadLines } from './bad-lines.ts';
import type { FieldText, LogRecord } from './log-record.ts';
import { isPlainZeek, zeekText } from './text-bytes.ts';
import {
  layoutOf,
  type Layout,
  type Marks,
  NO_LAYOUT,
  unusable,
  withTypes,
  ZEEK_MARKS,
} from './zeek-layout.ts';

/** Returns true for a line that Zeek's tab-separated format starts with. */
export function isZeekHeader(line: string): boolean {
  return /^#(?:separator|set_separator|empty_field|unset_field|path|open|close|fields|types)(?:\s|$)/.test(
    line,
  );
}

/**
 * Returns true for the first line of a log that Zeek wrote in its `tsv` mode: names of fields between tabs,
 * and nothing else.
 */
export function isTsvHeader(line: string): boolean {
  return /^[A-Za-z_][\w.]*(?:\t[A-Za-z_][\w.]*)+\r?$/.test(line);
}

const HALF_A_ROW = {
  expected: 'a line feed after the last row',
  found: 'the end of the file: the row may be cut',
};

/** The options are what is known of a log beside its lines. */
export interface ZeekOptions {
  /** The first line has the names, and no header follows (Zeek's `tsv` mode). */
  readonly tsv?: boolean | undefined;
  /** Fields that hold sets or vectors, for headers without types. */
  readonly lists?: ReadonlySet<string> | undefined;
}

/**
 * Reads Zeek's ASCII log format line by line. A header holds until the next one: a file made of several logs has
 * several layouts.
 */
export class ZeekReader {
  readonly #bad: BadLines;
  readonly #lists: ReadonlySet<string> | undefined;
  #awaitsNames: boolean;
  #marks: Marks = ZEEK_MARKS;
  #layout: Layout = NO_LAYOUT;
  #closed = false;

  constructor(bad: BadLines, { tsv = false, lists }: ZeekOptions = {}) {
    this.#bad = bad;
    this.#awaitsNames = tsv;
    this.#lists = lists;
  }

  /** Returns true after `#close`, until the next header. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Returns the record of a line; undefined for header lines, blank lines and skipped lines.
   *
   * @param isEnded - false for a last line without a line feed, which Zeek never writes: half of a row at best
   */
  parseLine(raw: string, line: number, isEnded: boolean): LogRecord | undefined {
    const text = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    // With one column of strings, a blank line cannot be data either: Zeek writes `(empty)`.
    if (text === '') return undefined;
    if (text.startsWith('#') || this.#awaitsNames) {
      this.#readHeader(text, line);
      return undefined;
    }
    const { types, faults } = this.#layout;
    const columns = text.split(this.#marks.separator);
    if (!this.#fits(columns, line, isEnded)) return undefined;
    const fields = this.#fields(columns, isPlainZeek(text));
    if (faults !== undefined) return { line, fields, faults, ...(types && { types }) };
    return types === undefined ? { line, fields } : { line, fields, types };
  }

  #fits(columns: readonly string[], line: number, isEnded: boolean): boolean {
    const { names, unusable: reason } = this.#layout;
    const hasWidth = columns.length === names.length;
    if (hasWidth && reason === undefined && isEnded) return true;
    const width = { expected: `${names.length} columns as in #fields`, found: `${columns.length} columns` };
    this.#bad.report({ line, ...(reason ?? (hasWidth ? HALF_A_ROW : width)) });
    return false;
  }

  #fields(columns: readonly string[], plain: boolean): Map<string, FieldText> {
    const { names, lists, faults } = this.#layout;
    const { unset, empty } = this.#marks;
    const fields = new Map<string, FieldText>();
    for (let i = 0; i < names.length; i += 1) {
      const name = names[i] as string;
      if (name === '' || faults?.has(name) === true) continue;
      const raw = columns[i] as string;
      if (raw === unset) fields.set(name, undefined);
      else if (lists[i] === true) fields.set(name, this.#list(raw));
      else if (raw === empty) fields.set(name, '');
      else fields.set(name, plain ? raw : zeekText(raw));
    }
    return fields;
  }

  #list(raw: string): readonly (string | undefined)[] {
    const { setSeparator, unset, empty } = this.#marks;
    if (raw === empty || raw === '') return [];
    return raw.split(setSeparator).map((element) => {
      if (element === unset) return undefined;
      return element === empty ? '' : zeekText(element);
    });
  }

  #readHeader(text: string, line: number): void {
    const [name = '', ...values] = text.split(this.#marks.separator);
    this.#closed = name === '#close';
    if (this.#awaitsNames) {
      this.#awaitsNames = false;
      this.#setNames([name, ...values], line);
    } else if (text.startsWith('#separator'))
      this.#begin(zeekText(text.slice('#separator'.length + 1)), line);
    else if (name === '#fields') this.#setNames(values, line);
    else if (name === '#types') this.#setTypes(values, line);
    else this.#setMark(name, values.join(this.#marks.separator), line);
  }

  #begin(separator: string, line: number): void {
    this.#marks = { ...ZEEK_MARKS, separator };
    this.#layout = NO_LAYOUT;
    if (separator === '') this.#refuse('a separator such as \\x09', 'none', line);
  }

  /** Without what this header should say, no row below it can be read; the next header may be better. */
  #refuse(expected: string, found: string, line: number): void {
    this.#bad.report({ line, expected, found });
    this.#marks = ZEEK_MARKS;
    this.#layout = unusable(`${expected} in the header`, found);
  }

  #setMark(name: string, raw: string, line: number): void {
    const mark = zeekText(raw);
    if (name === '#empty_field') this.#marks = { ...this.#marks, empty: mark };
    else if (name === '#unset_field') this.#marks = { ...this.#marks, unset: mark };
    else if (name === '#set_separator') {
      if (mark === '') this.#refuse('a set separator', 'none', line);
      else this.#marks = { ...this.#marks, setSeparator: mark };
    }
  }

  #setNames(raw: readonly string[], line: number): void {
    this.#layout = layoutOf(raw.map(zeekText), this.#lists);
    const { unusable: reason } = this.#layout;
    if (reason !== undefined) this.#bad.report({ line, ...reason });
  }

  #setTypes(types: readonly string[], line: number): void {
    const { names, unusable: reason } = this.#layout;
    if (reason !== undefined) return;
    if (types.length === names.length) this.#layout = withTypes(this.#layout, types);
    else
      this.#bad.report({
        line,
        expected: `${names.length} types, one for each of #fields`,
        found: `${types.length}`,
      });
  }
}
