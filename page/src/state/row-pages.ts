import { signal } from '@preact/signals';
import { ask, path } from '../api/client.ts';
import { ApiProblem } from '../api/problem.ts';
import type { Row, Rows } from '../api/types.ts';

const PAGE_ROWS = 100;
/** Pages kept: what was scrolled past longest ago is forgotten, so that memory does not grow with the table. */
const MAX_PAGES = 40;

/** Which rows of a table, in which order. */
export interface Wanted {
  readonly table: string;
  readonly sort: string | undefined;
  readonly search: string;
}

/** The rows of a table as of one position, asked for page by page as they come into sight. */
export class RowPages {
  readonly wanted: Wanted;
  /** Grows whenever rows came; what shows rows reads it, so as to be drawn again. */
  readonly version = signal(0);
  readonly problem = signal<ApiProblem | undefined>(undefined);
  /** How many rows there are; undefined until the first answer. */
  total: number | undefined;
  position: number | undefined;
  readonly #pages = new Map<number, readonly Row[]>();
  readonly #asked = new Map<number, AbortController>();

  constructor(wanted: Wanted) {
    this.wanted = wanted;
  }

  /** Asks for the first page, which says as of which position all are. */
  async open(): Promise<void> {
    await this.#ask(0);
  }

  /** A row; undefined while it is on its way, or for want of such a row. */
  at(index: number): Row | undefined {
    const page = Math.floor(index / PAGE_ROWS);
    const rows = this.#pages.get(page);
    if (rows === undefined) return undefined;
    // The latest used stands last.
    this.#pages.delete(page);
    this.#pages.set(page, rows);
    return rows[index - page * PAGE_ROWS];
  }

  /** Asks for the rows in sight that are not here, and for no others any more. */
  show(first: number, last: number): void {
    if (this.total === undefined) return;
    const wanted = new Set<number>();
    for (let page = Math.floor(first / PAGE_ROWS); page <= Math.floor(last / PAGE_ROWS); page++)
      wanted.add(page);
    for (const [page, asking] of this.#asked) {
      if (wanted.has(page)) continue;
      asking.abort();
      this.#asked.delete(page);
    }
    for (const page of wanted) {
      if (!this.#pages.has(page) && !this.#asked.has(page)) void this.#ask(page);
    }
  }

  close(): void {
    for (const asking of this.#asked.values()) asking.abort();
  }

  async #ask(page: number): Promise<void> {
    const asking = new AbortController();
    this.#asked.set(page, asking);
    const { table, sort, search } = this.wanted;
    try {
      const { rows, total, position } = await ask<Rows>(path('tables', table, 'rows'), {
        query: {
          after: page * PAGE_ROWS,
          limit: PAGE_ROWS,
          sort,
          search: search === '' ? undefined : search,
          position: this.position,
        },
        abort: asking.signal,
      });
      if (asking.signal.aborted) return;
      this.total = total;
      this.position = position;
      this.#keep(page, rows);
      this.problem.value = undefined;
    } catch (error) {
      if (!asking.signal.aborted) this.problem.value = ApiProblem.of(error);
    } finally {
      if (this.#asked.get(page) === asking) this.#asked.delete(page);
    }
  }

  #keep(page: number, rows: readonly Row[]): void {
    this.#pages.set(page, rows);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= MAX_PAGES) break;
      this.#pages.delete(oldest);
    }
    this.version.value++;
  }
}
