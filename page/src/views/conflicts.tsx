import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { ask, path } from '../api/client.ts';
import type { DivergedKey, Divergence, Side, TableStatus } from '../api/types.ts';
import { keyText } from '../model/cells.ts';
import { whoDiffers, whyDiffers } from '../model/divergence-words.ts';
import { count, nodeOf } from '../model/format.ts';
import { Author, Badge, Empty, Note, Problem, When } from '../parts/text.tsx';
import { Value } from '../parts/value.tsx';
import { place, to } from '../router.ts';
import { heard, hearing } from '../state/conflicts.ts';
import { latest } from '../state/node.ts';
import { Poll, usePolled } from '../state/polled.ts';
import { ModeDialog } from './mode-dialog.tsx';
import { RepairDialog } from './repair-dialog.tsx';
import { rowPlace } from './places.ts';

const EVERY_MS = 2000;
const MOST_KEYS = 100;

export function ConflictsView(): JSX.Element {
  const tables = latest.value?.tables ?? [];
  const [, name] = place.value.path;
  const worst = tables.toSorted((one, other) => other.divergedKeys - one.divergedKeys);
  const table =
    tables.find((candidate) => candidate.name === name) ?? (name === undefined ? worst[0] : undefined);
  return (
    <>
      <div class="view-head">
        <h1>Conflicts and divergence</h1>
        <p class="soft small">
          A conflict: a write met a row its author had not seen. A divergence: two nodes hold the same
          operations and different rows.
        </p>
      </div>
      {tables.length === 0 ? (
        <Empty title="There is no table to compare">
          <p>Declare one, or look with a credential that may read some.</p>
        </Empty>
      ) : (
        <TableChips tables={tables} chosen={table} />
      )}
      {table !== undefined && <OfTable key={table.name} table={table} />}
      {table === undefined && tables.length > 0 && <Empty title="No table of this name" />}
    </>
  );
}

function TableChips(props: { tables: readonly TableStatus[]; chosen: TableStatus | undefined }): JSX.Element {
  return (
    <nav class="chips" aria-label="Tables">
      {props.tables.map((table) => (
        <a
          key={table.name}
          class="chip"
          href={to(['conflicts', table.name])}
          {...(table === props.chosen ? { 'aria-current': 'true' as const } : {})}
        >
          {table.name}
          {table.divergedKeys > 0 ? (
            <Badge tone="bad">{count(table.divergedKeys)} differ</Badge>
          ) : (
            <Badge tone="good">alike</Badge>
          )}
        </a>
      ))}
    </nav>
  );
}

function OfTable({ table }: { table: TableStatus }): JSX.Element {
  const [dialog, setDialog] = useState<'repair' | 'mode' | undefined>(undefined);
  const close = (): void => setDialog(undefined);
  return (
    <div class="two-columns">
      <section class="card stack" aria-labelledby="divergence">
        <div class="bar">
          <h2 id="divergence" class="grow">
            Divergence of {table.name}
          </h2>
          {table.mayWrite && (
            <>
              <button
                type="button"
                class="button primary"
                disabled={table.divergedKeys === 0}
                onClick={() => setDialog('repair')}
              >
                Repair …
              </button>
              <button type="button" class="button" onClick={() => setDialog('mode')}>
                Switch the mode …
              </button>
            </>
          )}
        </div>
        <Diverged table={table} />
      </section>
      <section class="card stack" aria-labelledby="happening">
        <h2 id="happening">Conflicts, as they happen</h2>
        <Happening table={table} />
      </section>
      {dialog === 'repair' && <RepairDialog table={table} close={close} />}
      {dialog === 'mode' && <ModeDialog table={table} close={close} />}
    </div>
  );
}

function Diverged({ table }: { table: TableStatus }): JSX.Element {
  const poll = useMemo(
    () =>
      new Poll(
        (abort) =>
          ask<Divergence>(path('tables', table.name, 'divergence'), { query: { limit: MOST_KEYS }, abort }),
        EVERY_MS,
      ),
    [table.name],
  );
  const { value, problem } = usePolled(poll);
  const type = table.declaration.value ?? '';
  if (problem !== undefined) return <Problem problem={problem} />;
  if (value === undefined) return <p class="soft">Asking …</p>;
  if (value.total === 0) {
    return (
      <Note tone="good">
        This node and its connected peers hold the same rows, as of the last time the table was at rest.
      </Note>
    );
  }
  return (
    <>
      {latest.value !== undefined && table.differing.length > 0 && (
        <Note tone="bad">
          <strong>{whoDiffers(table, latest.value)}</strong>
        </Note>
      )}
      <p class="small">
        In mode <strong>{table.mode}</strong>{' '}
        {table.mode === 'naive'
          ? 'nobody decides between writes that met: each node keeps what arrived last. A repair makes them equal; lww or automerge keep them so.'
          : 'this is not to be: tell it, with the events of both nodes.'}
      </p>
      <ul class="stack">
        {value.keys.map((key) => (
          <Sides key={JSON.stringify([key.peer, key.key])} diverged={key} table={table} type={type} />
        ))}
      </ul>
      {value.total > value.keys.length && (
        <p class="soft small">
          And {count(value.total - value.keys.length)} more, which a repair mends as well.
        </p>
      )}
    </>
  );
}

function Sides(props: { diverged: DivergedKey; table: TableStatus; type: string }): JSX.Element {
  const { diverged, table, type } = props;
  const { key, peer, here, there } = diverged;
  const self = latest.value?.node.id ?? 'this node';
  return (
    <li class="sides">
      <strong class="mono sides-key">
        <bdi>{keyText(key)}</bdi>
      </strong>
      <SideOf title={`here, on ${self}`} side={here ?? undefined} type={type} />
      <SideOf title={`there, on ${peer}`} side={there ?? undefined} type={type} />
      <p class="small sides-key">
        <span class="soft">{whyDiffers(diverged, self)}</span>{' '}
        <a href={rowPlace(table.name, key)}>What happened to it</a>
      </p>
    </li>
  );
}

/** One of two sides: what it holds, and whose write it is. */
function SideOf(props: { title: string; side: Side | undefined; type: string; none?: string }): JSX.Element {
  const { title, side, type, none = 'no row' } = props;
  return (
    <div class="side">
      <div class="soft small">{title}</div>
      {side === undefined ? (
        <span class="value none">{none}</span>
      ) : (
        <>
          {type === '' ? (
            <span class="value">in the set</span>
          ) : (
            <Value cell={side.value} type={type} none="removed" />
          )}
          <div class="small">
            <Author origin={side.origin} /> <span class="soft">no. {side.sequence}</span>
          </div>
        </>
      )}
    </div>
  );
}

function Happening({ table }: { table: TableStatus }): JSX.Element {
  const ofTable = heard.value.get(table.name) ?? [];
  const problem = hearing.value;
  const type = table.declaration.value ?? '';
  return (
    <>
      {problem !== undefined && <Problem problem={problem} />}
      {ofTable.length === 0 && (
        <Empty title="None since this page was opened">
          <p>
            They are told as they happen. Those before stand in the life of each row: choose a key, here or in
            Tables.
          </p>
        </Empty>
      )}
      <ul class="stack" aria-live="polite">
        {ofTable.map(({ id, conflict }) => (
          <li key={id} class="sides">
            <span class="sides-key">
              <a class="mono" href={rowPlace(table.name, conflict.key)}>
                <bdi>{keyText(conflict.key)}</bdi>
              </a>{' '}
              <span class="small soft">
                <When time={conflict.time} />
              </span>
            </span>
            <SideOf title={`stands, of ${nodeOf(conflict.kept.origin)}`} side={conflict.kept} type={type} />
            <SideOf title={`lost, of ${nodeOf(conflict.lost.origin)}`} side={conflict.lost} type={type} />
          </li>
        ))}
      </ul>
    </>
  );
}
