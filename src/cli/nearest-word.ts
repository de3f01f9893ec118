const LONGEST = 40;

/** The known word that was probably meant, as ` Did you mean x?`; nothing when none is near. */
export function didYouMean(word: string, known: Iterable<string>): string {
  if (word.length > LONGEST) return '';
  const ranked = Array.from(known, (name) => ({ name, distance: distance(word, name) }))
    .filter((candidate) => candidate.distance <= Math.ceil(word.length / 3))
    .toSorted((one, other) => one.distance - other.distance);
  const [best] = ranked;
  return best === undefined ? '' : ` Did you mean ${best.name}?`;
}

/** Letters to insert, drop or replace; upper and lower case are alike. */
function distance(from: string, to: string): number {
  const [one, other] = [from.toLowerCase(), to.toLowerCase()];
  let above = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (const [row, letter] of one.split('').entries()) {
    const current = [row + 1];
    for (const [column, wanted] of other.split('').entries()) {
      const replaced = (above[column] ?? 0) + (letter === wanted ? 0 : 1);
      current.push(Math.min(replaced, (above[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    above = current;
  }
  return above.at(-1) ?? 0;
}
