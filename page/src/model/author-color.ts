const COLORS = 8;

const given = new Map<string, number>();

/**
 * Which of the eight colours an author has: the same in every view for as long as the page is open, another for
 * each of the first eight. A colour only repeats what the name beside it says.
 */
export function authorColor(node: string): number {
  const known = given.get(node);
  if (known !== undefined) return known;
  const next = given.size % COLORS;
  // Names come from outside: beyond a bound all share what their hash gives them.
  if (given.size < 512) given.set(node, next);
  return next;
}
