import { isDuration } from '../schema/index.ts';
import type { Duration, Retention } from '../index.ts';
import { usageError } from './failure.ts';
import { didYouMean } from './nearest-word.ts';

const MEMBERS = ['age', 'bytes', 'operations'] as const;
const EXAMPLE = "For example: --retention 'age=30d operations=1000000'.";

/** Reads `age=30d bytes=1000000000 operations=1000000`, or some of it. Throws `OPTION_INVALID`. */
export function parseRetention(text: string): Retention {
  const given = new Map<string, string>();
  for (const word of text.trim().split(/[\s,]+/)) {
    const [, member = word, value] = /^([^=]*)=(.*)$/.exec(word) ?? [];
    if (!MEMBERS.some((known) => known === member)) {
      throw usageError(
        `--retention: ${JSON.stringify(member)} is no limit.${didYouMean(member, MEMBERS)}`,
        `Limits are ${MEMBERS.join(', ')}. ${EXAMPLE}`,
      );
    }
    if (value === undefined || value === '' || given.has(member)) {
      throw usageError(`--retention: give ${member} once, as ${member}=….`, EXAMPLE);
    }
    given.set(member, value);
  }
  return {
    age: ageOf(given),
    bytes: numberOf(given, 'bytes'),
    operations: numberOf(given, 'operations'),
  };
}

function ageOf(given: ReadonlyMap<string, string>): Duration | undefined {
  const age = given.get('age');
  if (age === undefined || isDuration(age)) return age;
  throw usageError('--retention: age is no number with a unit, such as 12h or 30d.', EXAMPLE);
}

function numberOf(given: ReadonlyMap<string, string>, member: 'bytes' | 'operations'): number | undefined {
  const text = given.get(member);
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,14}$/.test(text)) {
    throw usageError(`--retention: ${member}=${text} is no whole number from 1.`, EXAMPLE);
  }
  return Number(text);
}
