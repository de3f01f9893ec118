import { TablecastError } from '../errors.ts';
import { schemaLimits } from './limits.ts';
import { Refusal, show } from './refusal.ts';
import type { Duration } from './schema.ts';

const unitNanoseconds: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['min', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
  ['d', 86_400_000_000_000n],
]);

const durationForm = /^(-?)(\d{1,40})(?:\.(\d{1,20}))?(ns|us|ms|s|m|min|h|d)$/;
const nanosecondsPerMillisecond = 1_000_000n;

/** Nanoseconds of text such as `1.5s`; undefined when it is none, or finer than a nanosecond. */
export function nanosecondsOf(text: string): bigint | undefined {
  const match = text.length <= 48 ? durationForm.exec(text) : null;
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', unit = ''] = match;
  const perUnit = unitNanoseconds.get(unit) ?? 0n;
  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(whole + fraction) * perUnit;
  if (scaled % scale !== 0n) return undefined;
  return sign === '-' ? -(scaled / scale) : scaled / scale;
}

/** Milliseconds of a duration, 0 to ten years. @throws Refusal */
export function millisecondsOf(duration: unknown): number {
  const milliseconds = typeof duration === 'string' ? wholeMilliseconds(duration) : duration;
  // Out of range before out of form: a year count with too many digits is a duration all the same.
  if (
    typeof milliseconds === 'number' &&
    (milliseconds < 0 || milliseconds > schemaLimits.maxExpiryMilliseconds)
  ) {
    throw new Refusal(
      `must be between 0 and 10 years, not ${show(duration)}`,
      'Choose a duration in that range.',
    );
  }
  if (typeof milliseconds !== 'number' || !Number.isSafeInteger(milliseconds)) {
    throw new Refusal(
      `must be a duration, not ${show(duration)}`,
      "Write whole milliseconds, or a number with a unit: '400ms', '5s', '5m', '1h', '2d'.",
    );
  }
  return milliseconds + 0;
}

/** Says whether something is a duration that {@link millisecondsOf} takes. */
export function isDuration(given: unknown): given is Duration {
  try {
    millisecondsOf(given);
    return true;
  } catch {
    return false;
  }
}

function wholeMilliseconds(text: string): number | undefined {
  const nanoseconds = nanosecondsOf(text);
  if (nanoseconds === undefined || nanoseconds % nanosecondsPerMillisecond !== 0n) return undefined;
  return Number(nanoseconds / nanosecondsPerMillisecond);
}

/**
 * Milliseconds of an option: a whole number of them, or text such as `400ms`, `5s`, `5m`, `1h`, `2d`, `1.5h`.
 *
 * @param what - the option's name, for the message
 * @returns 0 to ten years, whole
 * @throws TablecastError `OPTION_INVALID`
 */
export function parseDuration(value: number | string, what: string): number {
  try {
    return millisecondsOf(value);
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    throw new TablecastError('OPTION_INVALID', `Option ${what} ${thrown.problem}.`, {
      hint: thrown.hint,
      details: { option: what },
    });
  }
}
