import { isDuration, parseDuration } from '../schema/index.ts';
import { usageError } from './failure.ts';
import { parseIso } from './formats/nanoseconds.ts';

/** A place in a log: a position, or a time in milliseconds since 1970. */
export type LogMoment = { readonly position: number } | { readonly time: number };

const POSITION = /^\d{1,15}$/;
const HINT =
  'Write a position such as 1200, a time such as 2026-01-31T12:00:00Z, or how long ago, such as 90m.';

/** Reads a position, or what {@link parseClock} takes. Throws `OPTION_INVALID`. */
export function parseMoment(flag: string): (text: string) => LogMoment {
  return (text) => {
    if (POSITION.test(text)) return { position: Number(text) };
    return { time: parseClock(flag)(text) };
  };
}

/**
 * Reads a time in ISO 8601 with a zone, or a duration: so long before now, by the clock of this machine. Gives
 * milliseconds since 1970. Throws `OPTION_INVALID`.
 */
export function parseClock(flag: string): (text: string) => number {
  return (text) => {
    const nanoseconds = /^\d{4}-/.test(text) ? parseIso(text) : undefined;
    if (typeof nanoseconds === 'bigint') return Number(nanoseconds / 1_000_000n);
    if (isDuration(text)) return Date.now() - parseDuration(text, flag);
    throw usageError(`${flag} ${text} is no position or time.`, HINT);
  };
}
