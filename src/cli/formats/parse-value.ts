import { isIP, isIPv4 } from 'node:net';
import { protocols, type ColumnTypeName } from './field-mapping.ts';
import { parseSeconds, parseTime } from './nanoseconds.ts';

const MAX_COUNT = 2n ** 64n - 1n;
const MIN_INT = -(2n ** 63n);
const MAX_INT = 2n ** 63n - 1n;

const DOUBLE = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const ENUM = /^[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*$/;
const WORDS_FOR_BOOL: ReadonlyMap<string, boolean> = new Map([
  ['T', true],
  ['true', true],
  ['1', true],
  ['F', false],
  ['false', false],
  ['0', false],
]);
const WORDS_FOR_DOUBLE: ReadonlyMap<string, number> = new Map([
  ['nan', NaN],
  ['inf', Infinity],
  ['-inf', -Infinity],
]);

/** How the text of one type is read; undefined from `parse` means that it is not of the type. */
interface TextType {
  readonly expected: string;
  parse(text: string): unknown;
}

function parseInteger(text: string, min: bigint, max: bigint): number | bigint | undefined {
  if (!/^[+-]?\d{1,20}$/.test(text)) return undefined;
  const small = Number(text);
  // Adding zero turns -0, which is no integer of Zeek's, into 0.
  if (Number.isSafeInteger(small)) return min === 0n && small < 0 ? undefined : small + 0;
  const large = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return large < min || large > max ? undefined : large;
}

function parseDouble(text: string): number | undefined {
  return DOUBLE.test(text) ? Number(text) : WORDS_FOR_DOUBLE.get(text.toLowerCase());
}

function parseAddress(text: string): string | undefined {
  return isIP(text) === 0 || text.includes('%') ? undefined : text.toLowerCase();
}

function parseSubnet(text: string): string | undefined {
  const [address = '', width = '', ...rest] = text.split('/');
  const parsed = parseAddress(address);
  if (parsed === undefined || rest.length > 0 || !/^\d{1,3}$/.test(width)) return undefined;
  return Number(width) > (isIPv4(parsed) ? 32 : 128) ? undefined : `${parsed}/${Number(width)}`;
}

function parsePort(text: string): string | undefined {
  const [number = '', protocol = '', ...rest] = text.split('/');
  const known = protocols.has(protocol.toLowerCase()) && rest.length === 0;
  if (!known || !/^\d{1,5}$/.test(number) || Number(number) > 65_535) return undefined;
  return `${Number(number)}/${protocol.toLowerCase()}`;
}

/** False for an integer literal that a JavaScript number would change. */
function isExact(literal: string): boolean {
  if (!/^-?\d{16,}$/.test(literal)) return true;
  const number = Number(literal);
  // JavaScript writes large doubles with the fewest digits that lead back to them.
  if (literal === String(number)) return true;
  return Number.isFinite(number) && BigInt(literal) === BigInt(number);
}

function parseComplex(text: string): unknown {
  try {
    const value = JSON.parse(text) as unknown;
    // Known to be JSON by now, so that every quote has its partner and one pass is enough.
    const literals = text.match(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g) ?? [];
    return literals.every(isExact) ? value : undefined;
  } catch {
    return undefined;
  }
}

const COMPLEX: TextType = { expected: 'JSON without integers beyond 2^53', parse: parseComplex };

/** How each type is read from text. */
const TEXT_TYPES: Readonly<Record<ColumnTypeName, TextType>> = {
  bool: { expected: 'a bool (T, F, true, false, 1, 0)', parse: (text) => WORDS_FOR_BOOL.get(text) },
  count: { expected: 'a count (0 to 2^64-1)', parse: (text) => parseInteger(text, 0n, MAX_COUNT) },
  int: { expected: 'an int (-2^63 to 2^63-1)', parse: (text) => parseInteger(text, MIN_INT, MAX_INT) },
  double: { expected: 'a double', parse: parseDouble },
  string: { expected: 'text', parse: (text) => text },
  addr: { expected: 'an IPv4 or IPv6 address', parse: parseAddress },
  subnet: { expected: 'a subnet such as 10.0.0.0/8', parse: parseSubnet },
  port: { expected: 'a port from 0 to 65535 with protocol, such as 80/tcp', parse: parsePort },
  time: { expected: 'seconds since 1970 or an ISO 8601 time with zone', parse: parseTime },
  interval: { expected: 'an interval in seconds', parse: parseSeconds },
  enum: { expected: 'an enum name', parse: (text) => (ENUM.test(text) ? text : undefined) },
  pattern: {
    expected: 'a pattern such as /foo|bar/ or /foo/i',
    parse: (text) => (/^\/[^]*\/(?:i|s|is|si)?$/.test(text) ? text : undefined),
  },
  record: COMPLEX,
  set: COMPLEX,
  vector: COMPLEX,
  table: COMPLEX,
  any: COMPLEX,
};

/** True for the types whose values are JSON. */
export function isComplexType(type: ColumnTypeName): boolean {
  return TEXT_TYPES[type] === COMPLEX;
}

/** What text of this type looks like, for messages. */
export function expectedText(type: ColumnTypeName): string {
  return TEXT_TYPES[type].expected;
}

/**
 * The value of a text in the form tables take: count and int as number when safe, else bigint; time
 * and interval as bigint nanoseconds; complex types as parsed JSON; the others as number, boolean or
 * text. IPv6 addresses are checked and lower-cased; the table gives them their canonical form.
 * Undefined when the text is not of the type.
 */
export function parseValue(type: ColumnTypeName, text: string): unknown {
  return TEXT_TYPES[type].parse(text);
}
