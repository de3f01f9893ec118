import { isIP, isIPv4 } from 'node:net';
import type { TypeName } from '../../index.ts';
import { Beyond, parseInterval, TimeColumn } from './nanoseconds.ts';

const MAX_COUNT = 2n ** 64n - 1n;
const MIN_INT = -(2n ** 63n);
const MAX_INT = 2n ** 63n - 1n;
const MAX_PORT = 65_535;

const DOUBLE = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const ENUM = /^[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*$/;
const WORDS_FOR_BOOL: ReadonlyMap<string, boolean> = new Map([
  ['t', true],
  ['true', true],
  ['1', true],
  ['f', false],
  ['false', false],
  ['0', false],
]);
const WORDS_FOR_DOUBLE: ReadonlyMap<string, number> = new Map([
  ['nan', NaN],
  ['-nan', NaN],
  ['inf', Infinity],
  ['-inf', -Infinity],
  ['infinity', Infinity],
  ['-infinity', -Infinity],
]);
/** Lists what Zeek writes for the protocol of a port, in its logs, its scripts and its frames. */
const PROTOCOLS: ReadonlyMap<string, string> = new Map([
  ['tcp', 'tcp'],
  ['udp', 'udp'],
  ['icmp', 'icmp'],
  ['unknown', 'unknown'],
  ['?', 'unknown'],
  ['unknown_transport', 'unknown'],
]);

/** A text type says how the text of one type is read; undefined from `parse` means that it is not of the type. */
interface TextType {
  readonly expected: string;
  parse(text: string): unknown;
}

function parseInteger(text: string, min: bigint, max: bigint): number | bigint | Beyond | undefined {
  // Some programs write every number with a point.
  const digits = /^([+-]?\d+)(?:\.0+)?$/.exec(text)?.[1];
  if (digits === undefined) return undefined;
  const small = Number(digits);
  // Adding zero turns -0, which is no integer of Zeek's, into 0.
  if (Number.isSafeInteger(small) && (min < 0n || small >= 0)) return small + 0;
  const beyond = new Beyond(min === 0n ? 'a count (0 to 2^64-1)' : 'an int (-2^63 to 2^63-1)');
  if (digits.length > 100) return beyond;
  const large = BigInt(digits.startsWith('+') ? digits.slice(1) : digits);
  return large < min || large > max ? beyond : large;
}

function parseDouble(text: string): number | Beyond | undefined {
  if (!DOUBLE.test(text)) return WORDS_FOR_DOUBLE.get(text.toLowerCase());
  const value = Number(text);
  return Number.isFinite(value) ? value : new Beyond('the largest double (about 1.8e308)');
}

/** Brackets around IPv6 are Zeek's in scripts and in what it prints. */
function parseAddress(text: string): string | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  return isIP(bare) === 0 || bare.includes('%') ? undefined : bare.toLowerCase();
}

function parseSubnet(text: string): string | Beyond | undefined {
  const slash = text.lastIndexOf('/');
  const parsed = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const width = text.slice(slash + 1);
  if (parsed === undefined || !/^\d+$/.test(width)) return undefined;
  const most = isIPv4(parsed) ? 32 : 128;
  if (Number(width) > most) return new Beyond(`a prefix length of ${most}`);
  return `${parsed}/${Number(width)}`;
}

/** Returns the protocol that a word of Zeek's stands for. */
export function protocolOf(word: string): string | undefined {
  return PROTOCOLS.get(word.toLowerCase());
}

function parsePort(text: string): string | Beyond | undefined {
  const [, number = '', word = ''] = /^(\d+)\/([^/]+)$/.exec(text) ?? [];
  const protocol = protocolOf(word);
  if (protocol === undefined) return undefined;
  return Number(number) > MAX_PORT
    ? new Beyond(`a port number (0 to ${MAX_PORT})`)
    : `${Number(number)}/${protocol}`;
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
    return literals.every(isExact)
      ? value
      : new Beyond('what JSON numbers keep exactly (2^53): write it as text');
  } catch {
    return undefined;
  }
}

const COMPLEX: TextType = { expected: 'JSON', parse: parseComplex };

/** Says how each type is read from text. */
const TEXT_TYPES: Readonly<Record<TypeName, TextType>> = {
  bool: {
    expected: 'a bool (T, F, true, false, 1, 0)',
    parse: (text) => WORDS_FOR_BOOL.get(text.toLowerCase()),
  },
  count: { expected: 'a count (0 to 2^64-1)', parse: (text) => parseInteger(text, 0n, MAX_COUNT) },
  int: { expected: 'an int (-2^63 to 2^63-1)', parse: (text) => parseInteger(text, MIN_INT, MAX_INT) },
  double: { expected: 'a double', parse: parseDouble },
  string: { expected: 'text', parse: (text) => text },
  addr: { expected: 'an IPv4 or IPv6 address', parse: parseAddress },
  subnet: { expected: 'a subnet such as 10.0.0.0/8', parse: parseSubnet },
  port: { expected: 'a port from 0 to 65535 with protocol, such as 80/tcp', parse: parsePort },
  time: {
    expected: 'seconds since 1970 or an ISO 8601 time with zone',
    parse: (text) => new TimeColumn().read(text),
  },
  interval: { expected: 'an interval in seconds, or with units', parse: (text) => parseInterval(text) },
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

/** Returns true for the types whose values are JSON. */
export function isComplexType(type: TypeName): boolean {
  return TEXT_TYPES[type] === COMPLEX;
}

/** Says what text of this type looks like, for messages. */
export function expectedText(type: TypeName): string {
  return TEXT_TYPES[type].expected;
}

/**
 * The value of a text in the form tables take: count and int as number when safe, else bigint; time
 * and interval as bigint nanoseconds; complex types as parsed JSON; the others as number, boolean or
 * text. IPv6 addresses are checked and lower-cased; the table gives them their canonical form.
 * Undefined when the text is not of the type, {@link Beyond} when it is and its value is beyond the type's limit.
 */
export function parseValue(type: TypeName, text: string): unknown {
  return TEXT_TYPES[type].parse(text);
}
