/**
 * What a property of waiting runs does, bounded in time: what begins later than `milliseconds` after the first run
 * holds without being tried. fast-check's own limit leaves a run that is under way to itself, so that what follows
 * the property, such as the removal of its directory, meets a run that still writes.
 */
export function runsWithin<Values extends unknown[]>(
  milliseconds: number,
  run: (...values: Values) => Promise<void>,
): (...values: Values) => Promise<void> {
  let end: number | undefined;
  return async (...values) => {
    const begun = performance.now();
    end ??= begun + milliseconds;
    if (begun <= end) await run(...values);
  };
}
