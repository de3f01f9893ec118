import { signal } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { TableStatus } from '../api/types.ts';
import { RowPages } from './row-pages.ts';

/** Tables up to so many rows are shown as they are now; larger ones when asked, because each time they are put in order anew. */
const FOLLOWED_ROWS = 10_000;

/** The rows of a table that are shown at present. */
export interface ShownRows {
  /** The pages that are shown: those asked for last, once their first answer came. */
  readonly shown: RowPages;
  /** Operations on the table since. */
  readonly behind: number;
  readonly refresh: () => void;
}

/** Pages of a table in an order, taken anew when rows of a small table change, or when asked. */
export function useShownRows(table: TableStatus, sort: string | undefined, search: string): ShownRows {
  const done = table.operations.local + table.operations.remote;
  const state = useMemo(() => signal<{ pages: RowPages; done: number } | undefined>(undefined), []);
  const [asked, setAsked] = useState(0);
  const follows = table.rows <= FOLLOWED_ROWS;
  const first = useMemo(() => new RowPages({ table: table.name, sort, search }), []);
  useEffect(() => {
    const pages = state.peek() === undefined ? first : new RowPages({ table: table.name, sort, search });
    let gone = false;
    const open = async (): Promise<void> => {
      await pages.open();
      if (gone) return;
      // What is shown stays until the next is there, so that nothing flickers.
      state.peek()?.pages.close();
      state.value = { pages, done };
    };
    void open();
    return () => {
      gone = true;
    };
  }, [sort, search, asked, follows ? done : 0]);
  const { pages = first, done: then = done } = state.value ?? {};
  void pages.version.value;
  return { shown: pages, behind: follows ? 0 : done - then, refresh: () => setAsked(asked + 1) };
}
