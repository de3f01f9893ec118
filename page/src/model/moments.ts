import { count, exactly, moment } from './format.ts';

/** What a moment is chosen on: the clock, or the positions of the log. */
export type Axis = 'time' | 'position';

/** A moment in words. */
export function momentWords(axis: Axis, at: number | undefined): string {
  if (at === undefined) return 'now';
  return axis === 'time' ? `${moment(at)} (${exactly(at)})` : `position ${count(at)}`;
}
