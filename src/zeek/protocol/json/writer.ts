import { isJsonArray, isJsonObject, JsonNumber, type Json } from './json.ts';

/**
 * `strict`: what this side sends, valid JSON. `zeek`: what Zeek sends, where only `" \ \b \f \n \r
 * \t \v` are escaped and every other control character stands raw.
 */
export type JsonDialect = 'strict' | 'zeek';

// oxlint-disable-next-line no-control-regex -- JSON escapes exactly these
const escapable = /["\\\u0000-\u001f]/;
const escaped = new RegExp(escapable, 'g');

const shortEscapes: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function strictEscape(character: string): string {
  return shortEscapes.get(character) ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function zeekEscape(character: string): string {
  return character === '\v' ? '\\v' : (shortEscapes.get(character) ?? character);
}

function writeString(text: string, dialect: JsonDialect): string {
  if (!escapable.test(text)) return `"${text}"`;
  return `"${text.replace(escaped, dialect === 'strict' ? strictEscape : zeekEscape)}"`;
}

/** The text of a JSON value without spaces, members in the Map's order, numbers as they are spelt. */
export function writeJson(value: Json, dialect: JsonDialect = 'strict'): string {
  if (typeof value === 'string') return writeString(value, dialect);
  if (value === null || typeof value === 'boolean') return String(value);
  if (value instanceof JsonNumber) return value.text;
  if (isJsonArray(value)) return `[${value.map((item) => writeJson(item, dialect)).join(',')}]`;
  const members: string[] = [];
  if (isJsonObject(value)) {
    for (const [name, member] of value) {
      members.push(`${writeString(name, dialect)}:${writeJson(member, dialect)}`);
    }
  }
  return `{${members.join(',')}}`;
}
