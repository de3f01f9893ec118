import { editDistance } from './edit-distance.ts';

const longestWord = 40;

/** Returns the known word a user probably meant; undefined when none is near. */
function nearest(word: string, known: Iterable<string>): string | undefined {
  if (word.length > longestWord) return undefined;
  const lower = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.ceil(word.length / 3) + 1;
  for (const candidate of known) {
    const other = candidate.toLowerCase();
    // A longer or shorter form of a name (address, integer) counts as one edit.
    const distance = lower.length > 2 && lower.startsWith(other) ? 1 : editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** ` Did you mean 'x'?`, or nothing. */
export function suggestion(word: string, known: Iterable<string>): string {
  const meant = nearest(word, known);
  return meant === undefined ? '' : ` Did you mean '${meant}'?`;
}
