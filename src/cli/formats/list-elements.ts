import type { TypeName } from '../../index.ts';
import { Beyond } from './nanoseconds.ts';
import { expectedText, parseValue } from './parse-value.ts';

/** An element is what it is in a complex value, or says why it is none. */
type Element = { readonly value: unknown } | { readonly expected: string; readonly text: string };

/** Types whose elements are more than text in JSON, by the names of `#types`, and as what their text is read. */
const READ_AS: ReadonlyMap<string, TypeName> = new Map([
  ['bool', 'bool'],
  ['count', 'count'],
  ['int', 'int'],
  ['double', 'double'],
  ['time', 'double'],
  ['interval', 'double'],
]);

/** Returns the type of the elements of `vector[interval]` or `set[port]`; undefined where none is said. */
function elementType(listType: string | undefined): string | undefined {
  return /^(?:vector|set|table)\[(\w+)\]$/.exec(listType ?? '')?.[1];
}

/** Whole numbers beyond 2^53, `inf` and `nan` stay text, as in every complex value. */
function jsonForm(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}

function elementOf(type: string | undefined, text: string | undefined): Element {
  if (text === undefined) return { value: null };
  // In Zeek's JSON a port in a list is its number.
  if (type === 'port' && /^\d{1,5}$/.test(text)) return { value: Number(text) };
  const readAs = READ_AS.get(type ?? '');
  if (readAs === undefined) return { value: text };
  const value = parseValue(readAs, text);
  if (value !== undefined && !(value instanceof Beyond)) return { value: jsonForm(value) };
  return { expected: expectedText(readAs), text };
}

/**
 * The elements of a set or vector of a Zeek log as Zeek's JSON of the same record has them: numbers and booleans by the
 * element type that `#types` says, text otherwise, null where unset.
 *
 * @returns the values, or the first element that is not of its type
 */
export function listElements(
  listType: string | undefined,
  texts: readonly (string | undefined)[],
): readonly unknown[] | { readonly expected: string; readonly text: string } {
  const type = elementType(listType);
  const values: unknown[] = [];
  for (const text of texts) {
    const element = elementOf(type, text);
    if (!('value' in element)) return element;
    values.push(element.value);
  }
  return values;
}
