import { shown, type BadLines } from './bad-lines.ts';
import { type FieldText, formatLimits, type LogRecord } from './log-record.ts';
import { isPlainZeek, zeekText } from './text-bytes.ts';

const DEFAULTS = { separator: '\t', setSeparator: ',', empty: '(empty)', unset: '-' } as const;

/** What the current header says; a file made of several logs has several. */
interface Header {
  separator: string;
  setSeparator: string;
  empty: string;
  unset: string;
  names: readonly string[];
  /** For each column whether it holds a set or vector. */
  lists: readonly boolean[];
  types: ReadonlyMap<string, string> | undefined;
}

function freshHeader(): Header {
  return { ...DEFAULTS, names: [], lists: [], types: undefined };
}

/** True for a line that Zeek's tab-separated format starts with. */
export function isZeekHeader(line: string): boolean {
  return /^#(?:separator|set_separator|empty_field|unset_field|path|open|close|fields|types)(?:\s|$)/.test(
    line,
  );
}

function isList(type: string | undefined): boolean {
  return type !== undefined && /^(?:set|vector|table)\[/.test(type);
}

/** Reads Zeek's ASCII log format line by line, following its header lines. */
export class ZeekReader {
  readonly #bad: BadLines;
  #header: Header = freshHeader();

  constructor(bad: BadLines) {
    this.#bad = bad;
  }

  /** The record of a line; undefined for header lines, blank lines and skipped lines. */
  parseLine(raw: string, line: number): LogRecord | undefined {
    const text = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (text.startsWith('#')) {
      this.#readHeader(text, line);
      return undefined;
    }
    const { names, types, separator } = this.#header;
    // With one column of strings, a blank line cannot be data either: Zeek writes `(empty)`.
    if (text === '') return undefined;
    const columns = text.split(separator);
    if (columns.length !== names.length) {
      this.#reportColumns(columns.length, line);
      return undefined;
    }
    const fields = this.#fields(columns, isPlainZeek(text));
    return types === undefined ? { line, fields } : { line, fields, types };
  }

  #reportColumns(found: number, line: number): void {
    const wanted = this.#header.names.length;
    this.#bad.report({
      line,
      expected: wanted === 0 ? 'a #fields line before the first row' : `${wanted} columns as in #fields`,
      found: wanted === 0 ? 'a row' : `${found} columns`,
    });
  }

  #fields(columns: readonly string[], plain: boolean): Map<string, FieldText> {
    const { names, lists, unset, empty } = this.#header;
    const fields = new Map<string, FieldText>();
    for (let i = 0; i < names.length; i += 1) {
      const name = names[i] as string;
      const raw = columns[i] as string;
      if (raw === unset) fields.set(name, undefined);
      else if (lists[i] === true) fields.set(name, this.#list(raw));
      else if (raw === empty) fields.set(name, '');
      else fields.set(name, plain ? raw : zeekText(raw));
    }
    return fields;
  }

  #list(raw: string): readonly (string | undefined)[] {
    const { setSeparator, unset, empty } = this.#header;
    if (raw === empty || raw === '') return [];
    return raw.split(setSeparator).map((element) => {
      if (element === unset) return undefined;
      return element === empty ? '' : zeekText(element);
    });
  }

  #readHeader(text: string, line: number): void {
    if (text.startsWith('#separator')) {
      const separator = zeekText(text.slice('#separator'.length + 1));
      if (separator === '')
        throw this.#bad.fatal({ line, expected: 'a separator such as \\x09', found: 'none' });
      this.#header = { ...freshHeader(), separator };
      return;
    }
    const [name, ...values] = text.split(this.#header.separator);
    if (name === '#fields') this.#setNames(values, line);
    else if (name === '#types') this.#setTypes(values, line);
    else this.#setMarker(name, values.join(this.#header.separator), line);
  }

  #setMarker(name: string | undefined, raw: string, line: number): void {
    if (name === '#empty_field') this.#header.empty = raw;
    else if (name === '#unset_field') this.#header.unset = raw;
    else if (name === '#set_separator') {
      if (raw === '') throw this.#bad.fatal({ line, expected: 'a set separator', found: 'none' });
      this.#header.setSeparator = zeekText(raw);
    }
  }

  #setNames(raw: readonly string[], line: number): void {
    const names = raw.map(zeekText);
    checkNames(names, line, this.#bad);
    this.#header.names = names;
    this.#header.types = undefined;
    this.#header.lists = [];
  }

  #setTypes(types: readonly string[], line: number): void {
    const { names } = this.#header;
    if (types.length !== names.length) {
      const expected = `${names.length} types, one for each of #fields`;
      throw this.#bad.fatal({ line, expected, found: `${types.length}` });
    }
    this.#header.types = new Map(names.map((name, i) => [name, types[i] as string]));
    this.#header.lists = types.map(isList);
  }
}

/** Refuses a header whose fields could not be told apart or are beyond the limits. */
export function checkNames(names: readonly string[], line: number, bad: BadLines): void {
  if (names.length === 0) throw bad.fatal({ line, expected: 'field names', found: 'none' });
  if (names.length > formatLimits.maxFields) {
    throw bad.fatal({ line, expected: `at most ${formatLimits.maxFields} fields`, found: `${names.length}` });
  }
  const seen = new Set<string>();
  for (const name of names) {
    if (name.length > formatLimits.maxFieldNameLength) {
      const expected = `field names of at most ${formatLimits.maxFieldNameLength} characters`;
      throw bad.fatal({ line, expected, found: shown(name) });
    }
    if (seen.has(name))
      throw bad.fatal({ line, expected: 'every field name once', found: `${shown(name)} twice` });
    seen.add(name);
  }
}
