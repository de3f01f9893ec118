/**
 * Times and intervals as the WebSocket API spells them.
 *
 * Zeek keeps both as doubles of seconds and cuts, never rounds, on the way out: a time to
 * milliseconds, an interval to nanoseconds. What went in as `.123` can so come out as `.122`, and
 * lose another millisecond each time it is sent back. {@link settledTime} and
 * {@link settledInterval} give the spelling that comes back unchanged.
 */
import { isInteger64 } from './zeek-data.ts';

const timestampPattern =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})?$/;
const timespanPattern = /^(-?)([0-9]{1,19})(?:\.([0-9]{1,9}))?(ns|us|ms|s|min|h|d)$/;

const unitNanoseconds: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['min', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
  ['d', 86_400_000_000_000n],
]);

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

function offsetMinutes(zone: string | undefined): number | undefined {
  if (zone === undefined || zone === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

/** Nanoseconds since 1970 of a timestamp; a missing zone means UTC. Undefined if it is not one. */
export function parseTimestamp(text: string): bigint | undefined {
  const match = timestampPattern.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', zone] = match;
  const minutes = offsetMinutes(zone);
  const seconds = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (minutes === undefined || !Number.isFinite(seconds)) return undefined;
  // Date.parse turns 30 February into 1 March, and 24:00 into the next day.
  if (new Date(seconds).getUTCDate() !== Number(day)) return undefined;
  const time = BigInt(seconds - minutes * 60_000) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
  return isInteger64(time) ? time : undefined;
}

/** Returns a timestamp with as many digits as needed, at least milliseconds: `2024-05-06T07:08:09.123`. */
export function writeTimestamp(nanoseconds: bigint): string {
  const milliseconds = floorDivide(nanoseconds, 1_000_000n);
  const rest = String(nanoseconds - milliseconds * 1_000_000n).padStart(6, '0');
  const digits = rest === '000000' ? '' : rest.endsWith('000') ? rest.slice(0, 3) : rest;
  return new Date(Number(milliseconds)).toISOString().slice(0, 23) + digits;
}

/** Nanoseconds of a timespan such as `1500ms` or `1.5s`; a fraction of a nanosecond is cut. */
export function parseTimespan(text: string): bigint | undefined {
  const match = timespanPattern.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', unit = ''] = match;
  const scale = unitNanoseconds.get(unit) ?? 1n;
  const size = BigInt(whole) * scale + (BigInt(fraction.padEnd(9, '0')) * scale) / 1_000_000_000n;
  const value = sign === '-' ? -size : size;
  return isInteger64(value) ? value : undefined;
}

/** Returns a timespan as Zeek writes it: a whole number of the largest unit up to seconds that fits. */
export function writeTimespan(nanoseconds: bigint): string {
  for (const unit of ['s', 'ms', 'us']) {
    const scale = unitNanoseconds.get(unit) ?? 1n;
    if (nanoseconds % scale === 0n) return `${nanoseconds / scale}${unit}`;
  }
  return `${nanoseconds}ns`;
}

/** The nanoseconds left of a time or interval once Zeek has held it as a double of seconds. */
export function throughZeek(nanoseconds: bigint): bigint {
  return BigInt(Math.trunc((Number(nanoseconds) / 1e9) * 1e9));
}

/** Returns the first of `value`, `value + step`, … that Zeek gives back so that `reads` holds. */
function settle(value: bigint, step: bigint, reads: (returned: bigint) => boolean): bigint {
  for (let tries = 0n; tries < 4n; tries += 1n) {
    const candidate = value + tries * step;
    if (reads(throughZeek(candidate))) return candidate;
  }
  return value;
}

/**
 * Returns the time to send so that Zeek publishes the same one again. Only whole milliseconds can be kept; a
 * finer time is sent as it is. The step is the distance of doubles around the present time.
 */
export function settledTime(nanoseconds: bigint): bigint {
  if (nanoseconds % 1_000_000n !== 0n) return nanoseconds;
  const wanted = nanoseconds / 1_000_000n;
  return settle(nanoseconds, 239n, (returned) => floorDivide(returned, 1_000_000n) === wanted);
}

/** Returns the interval to send so that Zeek publishes the same one again, if Zeek can hold it at all. */
export function settledInterval(nanoseconds: bigint): bigint {
  return settle(nanoseconds, nanoseconds < 0n ? -1n : 1n, (returned) => returned === nanoseconds);
}
