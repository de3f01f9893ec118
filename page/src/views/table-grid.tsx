import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Cell, TableStatus } from '../api/types.ts';
import { count, counted } from '../model/format.ts';
import { Badge, Empty, Problem } from '../parts/text.tsx';
import { to } from '../router.ts';
import { useShownRows } from '../state/shown-rows.ts';
import { Grid } from './grid.tsx';

const SEARCH_PAUSE_MS = 250;

/** The rows of one table. */
export function TableGrid({ table, open }: { table: TableStatus; open: Cell | undefined }): JSX.Element {
  const [sort, setSort] = useState<string | undefined>(undefined);
  const [search, setSearch] = useState('');
  const { shown: now, behind, refresh } = useShownRows(table, sort, search);
  return (
    <section class="grid-view" aria-labelledby="table-title">
      <div class="bar">
        <h1 id="table-title" class="table-title">
          {table.name}
        </h1>
        <Badge tone="plain">{table.mode}</Badge>
        <Badge tone="plain">{table.declaration.backend}</Badge>
        <span class="grow" />
        <SearchField search={setSearch} />
        {table.mayWrite && (
          <a class="button" href={to(['tables', table.name], { new: '' })}>
            New row
          </a>
        )}
      </div>
      <p class="soft small" role="status">
        {now.total === undefined
          ? 'Asking for rows …'
          : `${counted(now.total, 'row')}${search === '' ? '' : ` with “${search}”`}, as of position ${count(now.position ?? 0)}. `}
        {behind > 0 && (
          <button type="button" class="button plain" onClick={refresh}>
            {counted(behind, 'operation')} since: show them
          </button>
        )}
      </p>
      {now.problem.value !== undefined && (
        <Problem
          problem={now.problem.value}
          action={
            <button type="button" class="button" onClick={refresh}>
              Ask again
            </button>
          }
        />
      )}
      {now.total === 0 ? (
        <NoRows table={table} search={search} />
      ) : (
        <Grid table={table} pages={now} sort={sort} setSort={setSort} open={open} />
      )}
    </section>
  );
}

function NoRows({ table, search }: { table: TableStatus; search: string }): JSX.Element {
  if (search !== '') {
    return (
      <Empty title={`No key or value contains “${search}”`}>
        <p>The search looks for the text as it is, whatever its case.</p>
      </Empty>
    );
  }
  return (
    <Empty title="This table has no rows">
      <p>
        {table.mayWrite
          ? 'Write the first one with “New row”, or with'
          : 'They appear here as soon as somebody writes one, such as'}
      </p>
      <code>
        tablecast {table.kind === 'set' ? 'add' : 'set'} {table.name} …
      </code>
    </Empty>
  );
}

function SearchField({ search }: { search: (text: string) => void }): JSX.Element {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <input
      class="input search"
      type="search"
      aria-label="Search keys and values"
      placeholder="Search keys and values"
      maxLength={200}
      onInput={({ currentTarget }) => {
        clearTimeout(timer.current);
        const text = currentTarget.value;
        timer.current = setTimeout(() => search(text), SEARCH_PAUSE_MS);
      }}
    />
  );
}
