import type { Cell, Declaration } from '../api/types.ts';
import { exactly, span } from './format.ts';

/** Types whose values stand right in their column. */
const NUMBERS: ReadonlySet<string> = new Set(['count', 'int', 'double']);
const COMPLEX: ReadonlySet<string> = new Set(['record', 'set', 'vector', 'table', 'any']);

/** Signs that show nothing, or turn the direction of what follows; and bytes that are no text. */
/* oxlint-disable no-control-regex -- These are what is looked for. */
const HIDING =
  /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\u{f0000}-\u{f00ff}]/gu;
/* oxlint-enable no-control-regex */

/** Code points from which bytes that are no text count. */
const BYTES_FROM = 0xf0000;

/** A column of a table: its title, and the type of its cells. */
export interface Column {
  readonly title: string;
  readonly type: string;
  readonly number: boolean;
}

const column = (title: string, type: string): Column => ({ title, type, number: NUMBERS.has(type) });

/** The columns of the key. */
export function keyColumns({ key }: Declaration): readonly Column[] {
  if (typeof key === 'string') return [column(`key · ${key}`, key)];
  return key.map((type, index) => column(`key ${index + 1} · ${type}`, type));
}

/** The column of the value; undefined for a set. */
export function valueColumn({ value }: Declaration): Column | undefined {
  return value === undefined ? undefined : column(`value · ${value}`, value);
}

/** The cells of a key, one a column. */
export function keyCells(key: Cell, declaration: Declaration): readonly Cell[] {
  return typeof declaration.key === 'string' ? [key] : (key as readonly Cell[]);
}

/** The columns of a key as the API takes them in a query. */
export function keyQuery(key: Cell): readonly string[] {
  return Array.isArray(key) ? key.map(textOf) : [textOf(key)];
}

function textOf(cell: Cell): string {
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
}

/** A key in one line. */
export function keyText(key: Cell): string {
  return keyQuery(key).map(visible).join(', ');
}

/**
 * Text in which nothing hides: control characters and those that turn the direction of writing are shown by
 * their numbers, bytes that are no text as `\xNN`. What it was is told by the API, not by copying from here.
 */
export function visible(text: string): string {
  return text.replaceAll(HIDING, (sign) => {
    const code = sign.codePointAt(0) ?? 0;
    if (code >= BYTES_FROM) return `\\x${hex(code - BYTES_FROM, 2)}`;
    return `⟨U+${hex(code, 4)}⟩`;
  });
}

function hex(code: number, digits: number): string {
  return code.toString(16).toUpperCase().padStart(digits, '0');
}

/** A cell as people read it. */
export function shown(cell: Cell | undefined, type: string): string {
  if (cell === undefined || cell === null) return '—';
  if (type === 'time' && typeof cell === 'string') return timeText(cell);
  if (type === 'interval' && typeof cell === 'string') return intervalText(cell);
  if (typeof cell === 'string') return visible(cell);
  return visible(textOf(cell));
}

/** Nanoseconds since 1970 as a date; every digit is kept. */
function timeText(nanoseconds: string): string {
  if (!/^-?\d+$/.test(nanoseconds)) return visible(nanoseconds);
  const all = BigInt(nanoseconds);
  const rest = ((all % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const date = exactly(Number((all - rest) / 1_000_000n)).slice(0, 19);
  return date === '' ? `${nanoseconds} ns` : `${date}.${String(rest).padStart(9, '0')}Z`;
}

/** Nanoseconds as a span of time; exactly beside it when the span says less. */
function intervalText(nanoseconds: string): string {
  if (!/^-?\d+$/.test(nanoseconds)) return visible(nanoseconds);
  const whole = BigInt(nanoseconds);
  const text = span(Number(whole) / 1e6);
  return whole % 1_000_000_000n === 0n && whole > -60_000_000_000n && whole < 60_000_000_000n
    ? `${whole / 1_000_000_000n} s`
    : `${text} (${nanoseconds} ns)`;
}

/** A cell as it is written in a form, to be read back by {@link cellOf}. */
export function written(cell: Cell | undefined, type: string): string {
  if (cell === undefined || cell === null) return '';
  return COMPLEX.has(type) ? JSON.stringify(cell, undefined, 2) : textOf(cell);
}

/** Whether a type is written in several lines, as JSON. */
export function isComplex(type: string): boolean {
  return COMPLEX.has(type);
}

/** What a form says as a cell of a type, in the JSON form of the API. Throws with what is wrong, for people. */
export function cellOf(text: string, type: string): Cell {
  const trimmed = text.trim();
  if (type === 'bool') return boolOf(trimmed);
  if (type === 'count' || type === 'int') return wholeOf(trimmed, type);
  if (type === 'double') return doubleOf(trimmed);
  if (type === 'time' || type === 'interval') {
    if (/^-?\d+$/.test(trimmed)) return trimmed;
    throw new Error(`A value of type ${type} is written in whole nanoseconds, such as 1500000000.`);
  }
  if (COMPLEX.has(type)) return jsonOf(trimmed);
  return text;
}

function boolOf(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new Error('A value of type bool is true or false.');
}

function wholeOf(text: string, type: string): Cell {
  if (!(type === 'count' ? /^\d+$/ : /^-?\d+$/).test(text)) {
    throw new Error(
      `A value of type ${type} is a whole number${type === 'count' ? ' from 0 on' : ''}, such as 42.`,
    );
  }
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

function doubleOf(text: string): Cell {
  if (['nan', 'inf', '-inf'].includes(text)) return text;
  const number = Number(text);
  if (text !== '' && Number.isFinite(number)) return number;
  throw new Error('A value of type double is a number such as 0.5, or nan, inf, -inf.');
}

function jsonOf(text: string): Cell {
  try {
    return JSON.parse(text) as Cell;
  } catch {
    throw new Error('This is not JSON. Write for example {"name": "value"} or [1, 2].');
  }
}
