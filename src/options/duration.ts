import * as v from 'valibot';
import { type Duration, isDuration } from '../schema/index.ts';
import { said } from './words.ts';

/** A time of 0 to ten years. */
export const duration: v.GenericSchema<Duration> = v.pipe(
  v.custom<Duration>(isDuration),
  said('whole milliseconds, or a number with a unit, up to 10 years', '30d'),
);
