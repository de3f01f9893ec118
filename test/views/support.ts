import { type Difference, type View, isTablecastError } from '../../src/index.ts';

/** Everything a view tells from now on, one text for each array. */
export function told(view: View): string[] {
  const lines: string[] = [];
  view.differences.subscribe({
    next: (differences) => lines.push(differences.map(line).join(', ')),
    error: (error: unknown) => lines.push(isTablecastError(error) ? error.code : 'another error'),
    complete: () => lines.push('over'),
  });
  return lines;
}

function line({ kind, key, value, previous }: Difference): string {
  return [kind, ...[key, value, previous].map(shown)].join(' ');
}

/** A value in one word. */
function shown(value: unknown): string {
  if (value === undefined) return '-';
  return JSON.stringify(value, (_name, each: unknown) => (typeof each === 'bigint' ? `${each}n` : each));
}

/** The rows of a view, each as `key=value`. */
export function rowsIn(view: View): string[] {
  return view.snapshot.map(({ key, value }) => `${String(key)}=${shown(value)}`);
}
