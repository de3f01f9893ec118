import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { ask, path } from '../api/client.ts';
import { ApiProblem } from '../api/problem.ts';
import type { Cell, Conflict, History, HistoryEntry, TableStatus } from '../api/types.ts';
import { keyQuery, keyText } from '../model/cells.ts';
import { counted } from '../model/format.ts';
import { Author, Badge, Empty, Note, Problem, type Tone, When } from '../parts/text.tsx';
import { Value } from '../parts/value.tsx';
import { to } from '../router.ts';
import type { Answered } from '../state/answered.ts';
import { RowEditor } from './row-editor.tsx';

const OPERATIONS = 50;
const MOST_OPERATIONS = 1000;

const EFFECT_TONES: Readonly<Record<NonNullable<HistoryEntry['effect']>, Tone>> = {
  new: 'good',
  changed: 'plain',
  removed: 'bad',
  expired: 'warn',
  cleared: 'bad',
  none: 'plain',
};

/** The newest operations of a key, the newest first. */
async function life(table: string, key: Cell, most: number, abort: AbortSignal): Promise<History> {
  const where = path('tables', table, 'row', 'history');
  const query = { key: keyQuery(key), limit: most };
  const first = await ask<History>(where, { query: { ...query, limit: 1 }, abort });
  return ask<History>(where, { query: { ...query, after: Math.max(0, first.total - most) }, abort });
}

function useLife(
  table: string,
  key: Cell,
  as: { readonly most: number; readonly tag: string },
): Answered<History> {
  const [state, setState] = useState<Answered<History>>({
    value: undefined,
    problem: undefined,
    asking: true,
  });
  useEffect(() => {
    const asking = new AbortController();
    const run = async (): Promise<void> => {
      try {
        const value = await life(table, key, as.most, asking.signal);
        if (!asking.signal.aborted) setState({ value, problem: undefined, asking: false });
      } catch (error) {
        if (!asking.signal.aborted)
          setState({ value: undefined, problem: ApiProblem.of(error), asking: false });
      }
    };
    void run();
    return () => asking.abort();
  }, [table, as.most, as.tag]);
  return state;
}

/** Everything that happened to one row, with what it holds now. */
export function RowLife({ table, rowKey }: { table: TableStatus; rowKey: Cell }): JSX.Element {
  const [most, setMost] = useState(OPERATIONS);
  // A history folds the log: it is asked for again when the row was written, and not by the clock.
  const [tag, setTag] = useState('');
  const { value, problem } = useLife(table.name, rowKey, { most, tag });
  const type = table.declaration.value ?? '';
  // At once, and not behind the next picture: who presses Escape as soon as the row is there means it.
  useLayoutEffect(() => {
    const closed = ({ key, target }: KeyboardEvent): void => {
      if (key === 'Escape' && !(target instanceof HTMLInputElement))
        location.hash = to(['tables', table.name]);
    };
    addEventListener('keydown', closed);
    return () => removeEventListener('keydown', closed);
  }, [table.name]);
  return (
    <section class="row-life stack" aria-labelledby="row-title">
      <div class="bar">
        <h2 id="row-title" class="row-title grow">
          <bdi class="mono">{keyText(rowKey)}</bdi>
        </h2>
        <a class="button plain" href={to(['tables', table.name])} aria-label="Close the row">
          ✕
        </a>
      </div>
      <RowEditor table={table} rowKey={rowKey} seen={setTag} />
      <h3>Life of this row</h3>
      {problem !== undefined && <Problem problem={problem} />}
      {value !== undefined && <LifeNote history={value} table={table} />}
      <ol class="life">
        {(value?.operations ?? []).toReversed().map((entry) => (
          <Entry key={entry.position} entry={entry} type={type} />
        ))}
      </ol>
      {value !== undefined && value.total > value.operations.length && (
        <button
          type="button"
          class="button"
          onClick={() => setMost(MOST_OPERATIONS)}
          disabled={most === MOST_OPERATIONS}
        >
          {most === MOST_OPERATIONS
            ? `The newest ${counted(most, 'operation')} of ${value.total}`
            : `${counted(value.total - value.operations.length, 'earlier operation')}: show them`}
        </button>
      )}
    </section>
  );
}

function LifeNote({ history, table }: { history: History; table: TableStatus }): JSX.Element | null {
  if (history.operations.length === 0) {
    return (
      <Empty title="The log holds no operation of this key">
        <p>
          {history.complete
            ? 'Nobody wrote it so far.'
            : 'What there is came with a checkpoint of a peer, or the log was trimmed: see retention in Health.'}
        </p>
      </Empty>
    );
  }
  if (history.complete) return null;
  return (
    <Note tone="warn">
      The log of {table.name} does not reach back to the beginning: what was before it is not told here. More
      is kept with a longer <code>retention</code>.
    </Note>
  );
}

function Entry({ entry, type }: { entry: HistoryEntry; type: string }): JSX.Element {
  const { kind, effect, before, after, origin, sequence, time, position, conflict } = entry;
  const removes = effect === 'removed' || effect === 'expired' || effect === 'cleared';
  return (
    <li class={`life-entry${conflict === undefined ? '' : ' contested'}`}>
      <div class="bar small">
        <Badge tone={effect === undefined ? 'plain' : EFFECT_TONES[effect]}>
          {effect === 'none' ? `${kind}, without effect` : (effect ?? kind)}
        </Badge>
        <Author origin={origin} />
        <When time={time} />
        <span class="soft number">
          no. {sequence} · position {position}
        </span>
      </div>
      {type !== '' && effect !== undefined && effect !== 'none' && (
        <p class="from-to">
          <Value cell={before} type={type} />
          <span class="soft" aria-label="became">
            →
          </span>
          <Value cell={removes ? undefined : after} type={type} />
        </p>
      )}
      {conflict !== undefined && <Lost conflict={conflict} type={type} />}
    </li>
  );
}

function Lost({ conflict, type }: { conflict: Conflict; type: string }): JSX.Element {
  const { kept, lost } = conflict;
  return (
    <Note tone="warn">
      <strong>Conflict:</strong> its author had not seen the row that stood here.{' '}
      <Value cell={kept.value} type={type} none="the removal" /> of <Author origin={kept.origin} /> stands,{' '}
      <Value cell={lost.value} type={type} none="a removal" /> of <Author origin={lost.origin} /> lost.
    </Note>
  );
}
