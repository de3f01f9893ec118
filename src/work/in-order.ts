/**
 * Does everything, group by group, those of one group at once; what fails keeps nothing else from being done. Throws then
 * what failed first.
 */
export async function doAll(groups: readonly (readonly (() => unknown)[])[]): Promise<void> {
  const outcomes: PromiseSettledResult<unknown>[] = [];
  for (const group of groups) outcomes.push(...(await Promise.allSettled(group.map(async (work) => work()))));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
