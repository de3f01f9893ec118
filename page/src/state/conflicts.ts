import { computed, effect, signal } from '@preact/signals';
import { path } from '../api/client.ts';
import type { ApiProblem } from '../api/problem.ts';
import { follow } from '../api/stream.ts';
import type { Conflict } from '../api/types.ts';
import { latest } from './node.ts';

/** Conflicts of a table that are kept; older ones are forgotten. */
const MOST_CONFLICTS = 100;
/** Many conflicts at once are shown together. */
const SHOWN_EVERY_MS = 250;

/** A conflict, with a number of its own. */
export interface Heard {
  readonly id: number;
  readonly conflict: Conflict;
}

/** Conflicts by table since the page was opened, the newest first: no log keeps them. */
export const heard = signal<ReadonlyMap<string, readonly Heard[]>>(new Map());

/** Why none can be heard of at present. */
export const hearing = signal<ApiProblem | undefined>(undefined);

let coming: (Conflict & { readonly table: string })[] = [];
let numbers = 0;

function take(): void {
  const all = new Map(heard.peek());
  for (const conflict of coming) {
    const before = all.get(conflict.table) ?? [];
    all.set(conflict.table, [{ id: numbers++, conflict }, ...before.slice(0, MOST_CONFLICTS - 1)]);
  }
  coming = [];
  heard.value = all;
}

function hear(conflict: Conflict & { readonly table: string }): void {
  if (coming.push(conflict) === 1) setTimeout(take, SHOWN_EVERY_MS);
}

/** A stream tells of the tables that there are when it begins. */
const tables = computed(() => latest.value?.tables.map(({ name }) => name).join(' '));

effect(() => {
  if (tables.value === undefined) return undefined;
  return follow<Conflict & { readonly table: string }>(
    path('conflicts'),
    {},
    {
      value: hear,
      problem: (problem) => {
        hearing.value = problem;
      },
    },
  );
});
