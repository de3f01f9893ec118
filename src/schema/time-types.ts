import { notA, type AtomicType } from './atomic-type.ts';
import { nanosecondsOf } from './duration.ts';
import { Refusal } from './refusal.ts';
import type { AtomicName } from './schema.ts';

const least = -(2n ** 63n);
const most = 2n ** 63n - 1n;
const nanosecondsPerMillisecond = 1_000_000n;

function nanosecondType(name: AtomicName, range: string, read: (value: unknown) => bigint): AtomicType {
  const canonical = (value: unknown): bigint => {
    const nanoseconds = typeof value === 'bigint' ? value : read(value);
    if (nanoseconds >= least && nanoseconds <= most) return nanoseconds;
    throw new Refusal(`is beyond 64 bits of nanoseconds (${range})`, 'Choose a value within that range.');
  };
  return {
    name,
    column: 'bigint',
    isText: false,
    mayHoldNul: false,
    canonical,
    canonicalKey: canonical,
    text: String,
    parse: BigInt,
  };
}

const timeHint = "Pass nanoseconds as a bigint, a Date, or text such as '2026-01-31T12:00:00.123456789Z'.";
const timeForm = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))?$/;

function readTime(value: unknown): bigint {
  if (typeof value === 'string') {
    const nanoseconds = readIsoTime(value);
    if (nanoseconds !== undefined) return nanoseconds;
  } else if (value instanceof Date) {
    const milliseconds = value.getTime();
    if (milliseconds === milliseconds) return BigInt(milliseconds) * nanosecondsPerMillisecond;
    throw new Refusal('must be a time, not an invalid Date', timeHint);
  } else if (typeof value === 'number') {
    throw notA(
      'a time, and a plain number does not say its unit',
      value,
      `${timeHint} For milliseconds: new Date(ms).`,
    );
  }
  throw notA('a time', value, timeHint);
}

function readIsoTime(text: string): bigint | undefined {
  const match = text.length <= 40 ? timeForm.exec(text) : null;
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', sign, zoneHour = '0', zoneMinute = '0'] =
    match;
  // The engine's own parser knows the lengths of months; what it shifts to another date is no date.
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const milliseconds = Date.parse(`${local}Z`);
  if (milliseconds !== milliseconds || !new Date(milliseconds).toISOString().startsWith(local))
    return undefined;
  if (Number(zoneHour) > 23 || Number(zoneMinute) > 59) return undefined;
  const offsetMinutes = (Number(zoneHour) * 60 + Number(zoneMinute)) * (sign === '-' ? -1 : 1);
  return (
    BigInt(milliseconds - offsetMinutes * 60_000) * nanosecondsPerMillisecond +
    BigInt(fraction.padEnd(9, '0'))
  );
}

/**
 * Nanoseconds since 1970 as a bigint of 64 bits; a Date and ISO 8601 text with up to 9 digits of a second are
 * accepted. Text without a zone is UTC, as Zeek writes it.
 */
export const timeType: AtomicType = nanosecondType('time', '1677-09-21 to 2262-04-11', readTime);

const intervalHint = "Pass nanoseconds as a bigint, or a number with a unit: '250us', '1.5s', '5m', '2d'.";

function readInterval(value: unknown): bigint {
  const nanoseconds = typeof value === 'string' ? nanosecondsOf(value) : undefined;
  if (nanoseconds !== undefined) return nanoseconds;
  const unitless = typeof value === 'number' ? ', and a plain number does not say its unit' : '';
  throw notA(`an interval${unitless}`, value, intervalHint);
}

/** Nanoseconds as a bigint of 64 bits, of either sign; text with a unit is accepted. */
export const intervalType: AtomicType = nanosecondType('interval', '292 years', readInterval);
