/** Times and intervals as Zeek's JSON serializer spells them. */
import { isInteger64 } from '../protocol/data/zeek-data.ts';

const units: ReadonlyMap<string, number> = new Map([
  ['day', 86_400_000_000_000],
  ['hr', 3_600_000_000_000],
  ['min', 60_000_000_000],
  ['sec', 1_000_000_000],
  ['msec', 1_000_000],
  ['usec', 1_000],
]);

function bounded(nanoseconds: number): bigint | undefined {
  const whole = Number.isFinite(nanoseconds) ? BigInt(Math.round(nanoseconds)) : undefined;
  return whole !== undefined && isInteger64(whole) ? whole : undefined;
}

/** Returns the nanoseconds of seconds since 1970 that a double holds; undefined beyond 64 bits. */
export function nanosecondsOf(seconds: number): bigint | undefined {
  // A double of our time tells no more than microseconds; more digits are noise.
  const microseconds = bounded(seconds * 1e6);
  return microseconds !== undefined && isInteger64(microseconds * 1_000n) ? microseconds * 1_000n : undefined;
}

/** Returns the nanoseconds of a time: seconds since 1970 with as many digits as the double needs. */
export function timeOf(text: string): bigint | undefined {
  const [, sign, whole, fraction = ''] = /^(-?)([0-9]{1,10})(?:\.([0-9]{1,9}))?$/.exec(text) ?? [];
  if (whole === undefined) return nanosecondsOf(Number(text));
  const size = BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
  const time = sign === '-' ? -size : size;
  return isInteger64(time) ? time : undefined;
}

/** Returns the nanoseconds of numbers with units: `1.0 day 2.0 hrs`. */
export function intervalOf(text: string): bigint | undefined {
  const words = text.split(' ').filter((word) => word !== '');
  if (words.length === 0 || words.length % 2 !== 0) return undefined;
  let nanoseconds = 0;
  for (let at = 0; at < words.length; at += 2) {
    const unit = units.get((words[at + 1] ?? '').replace(/s$/, ''));
    const amount = /^-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?$/.test(words[at] ?? '') ? Number(words[at]) : NaN;
    nanoseconds += amount * (unit ?? NaN);
  }
  return bounded(nanoseconds);
}
