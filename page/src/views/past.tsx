import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { path } from '../api/client.ts';
import type { Difference, Paged, RowsAt, TableStatus } from '../api/types.ts';
import { keyText } from '../model/cells.ts';
import { count, counted } from '../model/format.ts';
import { type Axis, momentWords } from '../model/moments.ts';
import { Badge, Empty, Problem, type Tone } from '../parts/text.tsx';
import { Value } from '../parts/value.tsx';
import { useAnswer } from '../state/answered.ts';
import { latest } from '../state/node.ts';
import { rowPlace } from './places.ts';

const PAGE_ROWS = 50;
/** A moment is looked at when the scrubber has rested for so long. */
const REST_MS = 200;

/** A table as of a moment, and what differs from there to another. */
export function Past({
  table,
  axis,
  at,
}: {
  table: TableStatus;
  axis: Axis;
  at: number | undefined;
}): JSX.Element {
  const [page, setPage] = useState(0);
  const [begin, setBegin] = useState<number | undefined>(undefined);
  useEffect(() => setPage(0), [axis, at]);
  // Now is when the scrubber came there: a table that is written all the time would else never stand still.
  const now = useMemo(() => latest.peek()?.node.position, [axis, at]);
  const { value, problem, asking } = useAnswer<RowsAt>(
    path('tables', table.name, 'at'),
    {
      ...(at === undefined ? { position: now } : { [axis]: at }),
      after: page * PAGE_ROWS,
      limit: PAGE_ROWS,
    },
    REST_MS,
  );
  const type = table.declaration.value ?? '';
  return (
    <div class="two-columns">
      <section class="card stack" aria-labelledby="as-of" aria-busy={asking}>
        <div class="bar">
          <h2 id="as-of" class="grow">
            {table.name}, {momentWords(axis, at)}
          </h2>
          <button
            type="button"
            class="button"
            disabled={value === undefined}
            onClick={() => value !== undefined && setBegin(value.position)}
          >
            Compare from here
          </button>
        </div>
        {problem !== undefined && <Problem problem={problem} />}
        {value !== undefined && (
          <>
            <p class="soft small" role="status">
              {counted(value.total, 'row')} once position {count(value.position)} was applied.
            </p>
            {value.total === 0 ? (
              <Empty title="The table had no rows at this moment" />
            ) : (
              <PastRows table={table} rows={value.rows} type={type} />
            )}
            <Pages shown={value} page={page} setPage={setPage} />
          </>
        )}
      </section>
      <Differences table={table} from={begin} to={value?.position} type={type} />
    </div>
  );
}

function PastRows({
  table,
  rows,
  type,
}: {
  table: TableStatus;
  rows: RowsAt['rows'];
  type: string;
}): JSX.Element {
  return (
    <table class="plain-table">
      <thead>
        <tr>
          <th scope="col">Key</th>
          {type !== '' && <th scope="col">Value</th>}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, value }) => (
          <tr key={JSON.stringify(key)}>
            <td>
              <a class="mono" href={rowPlace(table.name, key)}>
                <bdi>{keyText(key)}</bdi>
              </a>
            </td>
            {type !== '' && (
              <td>
                <Value cell={value} type={type} />
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Pages(props: { shown: Paged; page: number; setPage: (page: number) => void }): JSX.Element | null {
  const { shown, page, setPage } = props;
  const pages = Math.ceil(shown.total / PAGE_ROWS);
  if (pages <= 1) return null;
  return (
    <div class="bar small">
      <button type="button" class="button" disabled={page === 0} onClick={() => setPage(page - 1)}>
        Back
      </button>
      <span class="soft number">
        page {count(page + 1)} of {count(pages)}
      </span>
      <button type="button" class="button" disabled={page + 1 >= pages} onClick={() => setPage(page + 1)}>
        On
      </button>
    </div>
  );
}

const KIND_TONES: Readonly<Record<'added' | 'changed' | 'removed', Tone>> = {
  added: 'good',
  changed: 'plain',
  removed: 'bad',
};

function Differences(props: {
  table: TableStatus;
  from: number | undefined;
  to: number | undefined;
  type: string;
}): JSX.Element {
  const { table, type, to } = props;
  const [page, setPage] = useState(0);
  const bounds =
    props.from === undefined || to === undefined
      ? undefined
      : { from: Math.min(props.from, to), to: Math.max(props.from, to) };
  useEffect(() => setPage(0), [bounds?.from, bounds?.to]);
  const { value, problem, asking } = useAnswer<Difference>(
    path('tables', table.name, 'diff'),
    bounds && { ...bounds, after: page * PAGE_ROWS, limit: PAGE_ROWS },
    REST_MS,
  );
  return (
    <section class="card stack" aria-labelledby="difference" aria-busy={asking}>
      <h2 id="difference">Difference</h2>
      {problem !== undefined && <Problem problem={problem} />}
      {bounds === undefined && (
        <Empty title="Choose two moments">
          <p>Go to the first with the scrubber, press “Compare from here”, and go to the second.</p>
        </Empty>
      )}
      {bounds !== undefined && value !== undefined && (
        <>
          <p class="soft small" role="status">
            {counted(value.total, 'row')} differ between position {count(bounds.from)} and {count(bounds.to)}.
          </p>
          <ul class="stack">
            {value.changes.map(({ kind, key, before, after }) => (
              <li key={JSON.stringify(key)} class="difference">
                <Badge tone={KIND_TONES[kind]}>{kind}</Badge>
                <a class="mono" href={rowPlace(table.name, key)}>
                  <bdi>{keyText(key)}</bdi>
                </a>
                {type !== '' && (
                  <span class="from-to">
                    <Value cell={before} type={type} />
                    <span class="soft" aria-label="became">
                      →
                    </span>
                    <Value cell={after} type={type} />
                  </span>
                )}
              </li>
            ))}
          </ul>
          <Pages shown={value} page={page} setPage={setPage} />
        </>
      )}
    </section>
  );
}
