const DECIMAL = /^([+-]?)(\d{1,30})(?:\.(\d{0,60}))?(?:[eE]([+-]?\d{1,2}))?$/;
const ISO = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):?(\d\d))$/;
const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;
const PER_SECOND = 1_000_000_000n;

function bounded(value: bigint): bigint | undefined {
  return value < MIN || value > MAX ? undefined : value;
}

/** Nanoseconds in `digits` × 10^-`scale` seconds, half away from zero beyond the nanosecond. */
function scaled(digits: bigint, scale: number): bigint {
  if (scale <= 9) return digits * 10n ** BigInt(9 - scale);
  const divisor = 10n ** BigInt(scale - 9);
  return (digits + divisor / 2n) / divisor;
}

/**
 * Seconds in decimal notation (`1521911720.865716`, `-0.5`, `8.7e-05`) as nanoseconds, exactly.
 * Digits beyond the ninth decimal, as in doubles written in full, are rounded.
 * Undefined when the text is none, or is beyond 64 bits.
 */
export function parseSeconds(text: string): bigint | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const value = scaled(BigInt(whole + fraction), fraction.length - Number(exponent));
  return bounded(sign === '-' ? -value : value);
}

/** An ISO 8601 date and time with a zone (`2018-03-24T17:15:20.865716Z`) as nanoseconds since 1970. */
function parseIso(text: string): bigint | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, date = '', clock = '', fraction = '', sign, hours = '0', minutes = '0'] = match;
  const milliseconds = Date.parse(`${date}T${clock}.000Z`);
  // A day such as 30 February parses, as a day of March.
  if (Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(date)) return undefined;
  const zoneMinutes = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
  const seconds = BigInt(milliseconds / 1000 - zoneMinutes * 60);
  return bounded(seconds * PER_SECOND + BigInt(fraction.padEnd(9, '0')));
}

/** A point in time, in seconds since 1970 or ISO 8601 with a zone, as nanoseconds since 1970. */
export function parseTime(text: string): bigint | undefined {
  return parseSeconds(text) ?? parseIso(text);
}

/** Nanoseconds as decimal seconds with six decimals, as Zeek writes them, or nine when needed. */
export function formatSeconds(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? '-' : '';
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const decimals = String(size % PER_SECOND).padStart(9, '0');
  const shortened = decimals.endsWith('000') ? decimals.slice(0, 6) : decimals;
  return `${sign}${size / PER_SECOND}.${shortened}`;
}
