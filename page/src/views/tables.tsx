import type { JSX } from 'preact';
import type { TableStatus } from '../api/types.ts';
import { brief, count } from '../model/format.ts';
import { Badge, Empty } from '../parts/text.tsx';
import { place, to } from '../router.ts';
import { latest } from '../state/node.ts';
import { keyIn } from './places.ts';
import { RowLife } from './row-life.tsx';
import { RowEditor } from './row-editor.tsx';
import { TableGrid } from './table-grid.tsx';

export function TablesView(): JSX.Element {
  const tables = latest.value?.tables ?? [];
  const [, name] = place.value.path;
  const chosen = name === undefined ? tables[0] : tables.find((table) => table.name === name);
  const { query } = place.value;
  const key = keyIn(query.get('key'));
  if (tables.length === 0) {
    return (
      <Empty title="There is no table to see">
        <p>Nothing is declared on this node, or your credential may read nothing of it. Declare one:</p>
        <code>tablecast run --table 'known_hosts key=addr value=count backend=sqlite'</code>
      </Empty>
    );
  }
  return (
    <div class={`tables-view${key !== undefined || query.has('new') ? ' with-row' : ''}`}>
      <TableList tables={tables} chosen={chosen} />
      {chosen === undefined ? (
        <Empty title="No table of this name">
          <p>It is not declared here, or your credential may not read it. Choose another one.</p>
        </Empty>
      ) : (
        <>
          <TableGrid key={chosen.name} table={chosen} open={key} />
          {key !== undefined && (
            <RowLife key={JSON.stringify([chosen.name, key])} table={chosen} rowKey={key} />
          )}
          {key === undefined && query.has('new') && <RowEditor key={chosen.name} table={chosen} />}
        </>
      )}
    </div>
  );
}

function TableList(props: { tables: readonly TableStatus[]; chosen: TableStatus | undefined }): JSX.Element {
  const { tables, chosen } = props;
  return (
    <div class="table-list">
      <label class="field table-choice">
        <span>Table</span>
        <select
          class="input"
          value={chosen?.name ?? ''}
          onChange={({ currentTarget }) => (location.hash = to(['tables', currentTarget.value]))}
        >
          {chosen === undefined && <option value="">Choose a table</option>}
          {tables.map(({ name, rows }) => (
            <option key={name} value={name}>
              {name} ({count(rows)})
            </option>
          ))}
        </select>
      </label>
      <nav aria-label="Tables">
        <ul>
          {tables.map((table) => (
            <li key={table.name}>
              <a
                class="table-link"
                href={to(['tables', table.name])}
                {...(table === chosen ? { 'aria-current': 'true' as const } : {})}
              >
                <span class="table-name" title={table.name}>
                  {table.name}
                </span>
                <span class="soft number small">{brief(table.rows)}</span>
                {table.divergedKeys > 0 && <Badge tone="bad">diverged</Badge>}
                {!table.synced && table.divergedKeys === 0 && <Badge tone="warn">catching up</Badge>}
              </a>
            </li>
          ))}
        </ul>
      </nav>
    </div>
  );
}
