import { editDistance } from '../schema/edit-distance.ts';

const LONGEST = 40;

/** Returns the known word that was probably meant, as ` Did you mean x?`; nothing when none is near. */
export function didYouMean(word: string, known: Iterable<string>): string {
  if (word.length > LONGEST) return '';
  const ranked = Array.from(known, (name) => ({ name, distance: editDistance(word, name) }))
    .filter((candidate) => candidate.distance <= Math.ceil(word.length / 3))
    .toSorted((one, other) => one.distance - other.distance);
  const [best] = ranked;
  return best === undefined ? '' : ` Did you mean ${best.name}?`;
}
