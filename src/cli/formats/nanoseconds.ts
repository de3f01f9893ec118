/** A text of the right form whose value is beyond a limit. */
export class Beyond {
  /** The limit, as the end of "…, which is beyond ". */
  readonly limit: string;

  constructor(limit: string) {
    this.limit = limit;
  }
}

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;
const ISO =
  /^([+-]?\d{1,6})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))$/;
const AMOUNT = /([+-]?)(\d+)(?:\.(\d*))?\s*([a-z]+)\s*/y;
const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;
const PER_SECOND = 1_000_000_000n;
const FIRST_YEAR = 1677;
const LAST_YEAR = 2262;
/** 64 bits of nanoseconds have 19 digits, beside those that a unit can add or take away. */
const MOST_DIGITS = 40;

/** Says what a time beyond the limit is beyond of. */
const TIME_LIMIT = '64 bits of nanoseconds since 1970 (1677-09-21 to 2262-04-11)';
const INTERVAL_LIMIT = '64 bits of nanoseconds (292 years)';

/** Units of bare numbers, with the digits after the point that make a nanosecond. */
const DIGITS_OF_UNIT = { s: 9, ms: 6, us: 3, ns: 0 } as const;

/** The unit of a bare number. */
export type NumberUnit = keyof typeof DIGITS_OF_UNIT;

/** Words after a number, as Zeek prints intervals and as Tablecast takes them. */
const WORDS: ReadonlyMap<string, bigint> = new Map(
  [
    [1n, 'ns nsec nsecs'],
    [1_000n, 'us usec usecs'],
    [1_000_000n, 'ms msec msecs'],
    [PER_SECOND, 's sec secs'],
    [60n * PER_SECOND, 'm min mins'],
    [3_600n * PER_SECOND, 'h hr hrs'],
    [86_400n * PER_SECOND, 'd day days'],
  ].flatMap(([size, words]) =>
    String(words)
      .split(' ')
      .map((word) => [word, size as bigint] as const),
  ),
);

/** Nanoseconds in `digits` × 10^-`scale` nanoseconds, half away from zero. */
function scaled(digits: bigint, scale: number): bigint {
  if (scale <= 0) return digits * 10n ** BigInt(-scale);
  const divisor = 10n ** BigInt(scale);
  return (digits + divisor / 2n) / divisor;
}

function within(value: bigint, limit: string): bigint | Beyond {
  return value < MIN || value > MAX ? new Beyond(limit) : value;
}

/** Returns the nanoseconds of a bare number of the unit, with any number of digits; undefined for other text. */
function ofNumber(text: string, unit: NumberUnit, limit: string): bigint | Beyond | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const scale = fraction.length - Number(exponent) - DIGITS_OF_UNIT[unit];
  if (digits === '') return 0n;
  if (digits.length - scale > MOST_DIGITS) return new Beyond(limit);
  // Less than half a nanosecond, however many digits say so.
  if (digits.length - scale < 0) return 0n;
  const size = scaled(BigInt(digits), scale);
  return within(sign === '-' ? -size : size, limit);
}

/** Returns an ISO 8601 date and time with a zone (`2018-03-24T17:15:20.865716Z`) as nanoseconds since 1970. */
export function parseIso(text: string): bigint | Beyond | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year = '', month, day, hour, minute, second, fraction = '', sign, hours = '0', minutes = '0'] =
    match;
  const local = `-${month}-${day}T${hour}:${minute}:${second}`;
  // In a leap year every day of a year exists that exists in any.
  if (Number(year) < FIRST_YEAR || Number(year) > LAST_YEAR) {
    return isDate(`2000${local}`) ? new Beyond(TIME_LIMIT) : undefined;
  }
  const date = `${Number(year)}${local}`;
  if (!isDate(date)) return undefined;
  const zoneMinutes = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
  const seconds = BigInt(Date.parse(`${date}Z`) / 1000 - zoneMinutes * 60);
  const digits = fraction.slice(0, MOST_DIGITS);
  return within(seconds * PER_SECOND + scaled(BigInt(`0${digits}`), digits.length - 9), TIME_LIMIT);
}

/** A day such as 30 February parses, as a day of March. */
function isDate(text: string): boolean {
  const milliseconds = Date.parse(`${text}Z`);
  return !Number.isNaN(milliseconds) && new Date(milliseconds).toISOString().startsWith(text);
}

/** Zeek's own spelling of intervals and ours: `2.0 mins 3.5 secs`, `1 day`, `1500ms`. */
function ofWords(text: string): bigint | Beyond | undefined {
  let total = 0n;
  AMOUNT.lastIndex = 0;
  for (let at = 0; at < text.length; at = AMOUNT.lastIndex) {
    const match = AMOUNT.exec(text);
    if (match === null) return undefined;
    const [, sign, whole = '', , word = ''] = match;
    const fraction = (match[3] ?? '').slice(0, MOST_DIGITS);
    const size = WORDS.get(word);
    if (size === undefined) return undefined;
    if (whole.length > MOST_DIGITS) return new Beyond(INTERVAL_LIMIT);
    const amount = scaled(BigInt(whole + fraction) * size, fraction.length);
    total += sign === '-' ? -amount : amount;
  }
  return text === '' ? undefined : within(total, INTERVAL_LIMIT);
}

/** Seconds in decimal notation (`-0.5`, `8.7e-05`) as nanoseconds, rounded to them; undefined for what is none. */
export function parseSeconds(text: string): bigint | undefined {
  const value = ofNumber(text, 's', INTERVAL_LIMIT);
  return value instanceof Beyond ? undefined : value;
}

/** Returns an interval: a bare number of the unit, or numbers with words for their units. */
export function parseInterval(text: string, unit: NumberUnit = 's'): bigint | Beyond | undefined {
  return ofNumber(text, unit, INTERVAL_LIMIT) ?? ofWords(text);
}

/** From 2001-09-09 on, as milliseconds; as seconds, year 33658 and beyond every limit. */
const LEAST_MILLISECONDS = 10n ** 12n;
/** Milliseconds before 1970 in 64 bits without a sign (`JSON::TS_MILLIS_UNSIGNED`). */
const WRAPPED = 2n ** 64n;

/**
 * The times of one column of one file. A bare number is of the given unit; where none is given, seconds, but that a
 * whole number which is too large for seconds and plausible as milliseconds shows that the whole numbers of this
 * column are milliseconds.
 */
export class TimeColumn {
  readonly #unit: NumberUnit | undefined;
  /** Says what the whole numbers so far were. */
  #whole: 's' | 'ms' | undefined;

  constructor(unit?: NumberUnit) {
    this.#unit = unit;
  }

  /** Nanoseconds since 1970; undefined for text that is no time. */
  read(text: string): bigint | Beyond | undefined {
    if (this.#unit === undefined && /^-?\d+$/.test(text)) return this.#ofWhole(text);
    return ofNumber(text, this.#unit ?? 's', TIME_LIMIT) ?? parseIso(text);
  }

  #ofWhole(text: string): bigint | Beyond | undefined {
    const milliseconds = text.length > 20 ? undefined : plausibleMilliseconds(BigInt(text));
    if (milliseconds !== undefined) {
      if (this.#whole === 's')
        return new Beyond('what seconds can be, although whole numbers above it are seconds');
      this.#whole = 'ms';
      return ofNumber(String(milliseconds), 'ms', TIME_LIMIT);
    }
    if (this.#whole === 'ms') return ofNumber(text, 'ms', TIME_LIMIT);
    const value = ofNumber(text, 's', TIME_LIMIT);
    if (typeof value === 'bigint' && value !== 0n) this.#whole = 's';
    return value;
  }
}

/** Returns the milliseconds that so large a number must be; undefined when it may be seconds, or is neither. */
function plausibleMilliseconds(number: bigint): bigint | undefined {
  const signed = number > MAX ? number - WRAPPED : number;
  const size = signed < 0n ? -signed : signed;
  const most = MAX / 1_000_000n;
  return size <= most && (size >= LEAST_MILLISECONDS || signed !== number) ? signed : undefined;
}

/** Nanoseconds as decimal seconds with six decimals, as Zeek writes them, or nine when needed. */
export function formatSeconds(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? '-' : '';
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const decimals = String(size % PER_SECOND).padStart(9, '0');
  const shortened = decimals.endsWith('000') ? decimals.slice(0, 6) : decimals;
  return `${sign}${size / PER_SECOND}.${shortened}`;
}
