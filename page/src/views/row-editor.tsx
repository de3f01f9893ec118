import type { JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { answer, ask, path } from '../api/client.ts';
import { ApiProblem } from '../api/problem.ts';
import type { Cell, Row, TableStatus } from '../api/types.ts';
import { cellOf, isComplex, keyQuery, keyText, written as asText } from '../model/cells.ts';
import { Author, Note, Problem, When } from '../parts/text.tsx';
import { say } from '../parts/toasts.tsx';
import { Value } from '../parts/value.tsx';
import { to } from '../router.ts';
import { node } from '../state/node.ts';
import { rowPlace } from './places.ts';

/** A row as it stood, with the tag by which a write says what it saw. */
interface Seen {
  readonly row: Row | undefined;
  readonly tag: string | undefined;
}

async function look(table: string, key: Cell): Promise<Seen> {
  try {
    const response = await answer(path('tables', table, 'row'), { query: { key: keyQuery(key) } });
    return { row: (await response.json()) as Row, tag: response.headers.get('etag') ?? undefined };
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return { row: undefined, tag: undefined };
    throw error;
  }
}

/** One row as it stands, and the means to write it where the credential may. Without a key: a new row. */
export function RowEditor(props: {
  table: TableStatus;
  rowKey?: Cell;
  seen?: (tag: string) => void;
}): JSX.Element {
  const { table, rowKey } = props;
  const [seen, setSeen] = useState<Seen | undefined>(undefined);
  /** The row as it stood when somebody began to write in the form: what others write meanwhile does not undo that. */
  const [begun, setBegun] = useState<Seen | undefined>(undefined);
  const [problem, setProblem] = useState<ApiProblem | undefined>(undefined);
  const latest = useRef(0);
  const again = (): void => {
    if (rowKey === undefined) return;
    const asked = ++latest.current;
    const show = (found: Seen): void => {
      // An answer that was overtaken by a later one is of no use any more.
      if (asked !== latest.current) return;
      setSeen(found);
      props.seen?.(found.tag ?? 'none');
    };
    look(table.name, rowKey).then(show, (error: unknown) => setProblem(ApiProblem.of(error)));
  };
  const done = table.operations.local + table.operations.remote;
  useEffect(again, [done]);
  const wrote = (text: string): void => {
    setProblem(undefined);
    setBegun(undefined);
    say('good', text);
    node.again();
    again();
  };
  const base = begun ?? seen;
  const isKnown = rowKey === undefined || seen !== undefined;
  const editor = {
    table,
    rowKey,
    seen: base,
    wrote,
    failed: (error: unknown) => setProblem(ApiProblem.of(error)),
  };
  return (
    <div class="card stack editor">
      {rowKey === undefined ? <h2>New row of {table.name}</h2> : <Now table={table} seen={seen} />}
      {problem !== undefined && <Problem problem={problem} />}
      {begun !== undefined && begun.tag !== seen?.tag && <Overtaken take={() => setBegun(undefined)} />}
      {table.mayWrite && isKnown && (
        // Only once the row is there: what somebody writes is told from what stood when they began.
        <div onInput={() => setBegun(base)}>
          <EditorForm key={rowKey === undefined ? 'new' : (base?.tag ?? 'none')} {...editor} />
        </div>
      )}
      {!table.mayWrite && <p class="soft small">Your credential may read this table and not write it.</p>}
    </div>
  );
}

function Overtaken({ take }: { take: () => void }): JSX.Element {
  return (
    <div role="alert">
      <Note
        tone="warn"
        action={
          <button type="button" class="button" onClick={take}>
            Begin from the new row
          </button>
        }
      >
        The row was written by somebody else since you began.
      </Note>
    </div>
  );
}

function Now({ table, seen }: { table: TableStatus; seen: Seen | undefined }): JSX.Element {
  const type = table.declaration.value;
  if (seen === undefined) return <p class="soft">Asking for the row …</p>;
  const { row } = seen;
  if (row === undefined) return <Note tone="plain">There is no row under this key at present.</Note>;
  return (
    <dl class="facts">
      {type !== undefined && (
        <>
          <dt>Value</dt>
          <dd>
            <Value cell={row.value} type={type} />
          </dd>
        </>
      )}
      <dt>Written by</dt>
      <dd>
        <Author origin={row.origin} />{' '}
        <span class="soft mono">
          {row.origin}, no. {row.sequence}
        </span>
      </dd>
      <dt>At</dt>
      <dd>
        <When time={row.time} />
      </dd>
      {(row.values?.length ?? 0) > 1 && (
        <>
          <dt>Values</dt>
          <dd class="stack">
            {row.values?.map(({ value, origin, winner }) => (
              <span key={origin}>
                <Value cell={value} type={type ?? ''} /> of <Author origin={origin} />{' '}
                {winner ? '(stands)' : ''}
              </span>
            ))}
          </dd>
        </>
      )}
    </dl>
  );
}

interface EditorProps {
  readonly table: TableStatus;
  readonly rowKey: Cell | undefined;
  readonly seen: Seen | undefined;
  readonly wrote: (text: string) => void;
  readonly failed: (error: unknown) => void;
}

function EditorForm({ table, rowKey, seen, wrote, failed }: EditorProps): JSX.Element {
  const type = table.declaration.value;
  const [wrong, setWrong] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const message = useId();
  const run = async (what: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setWrong(undefined);
    await what().catch(failed);
    setBusy(false);
  };
  const save = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    try {
      const key = rowKey ?? keyOf(form, table);
      const value = type === undefined ? undefined : cellOf(fieldOf(form, 'value'), type);
      void run(async () => {
        await write(table, key, value, rowKey === undefined ? undefined : seen);
        wrote(`Wrote ${keyText(key)} to ${table.name}.`);
        if (rowKey === undefined) location.hash = rowPlace(table.name, key);
      });
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    }
  };
  const remove = (): void =>
    void run(async () => {
      if (rowKey === undefined) return;
      await ask(path('tables', table.name, 'row'), {
        method: 'DELETE',
        query: { key: keyQuery(rowKey) },
        headers: seen?.tag === undefined ? {} : { 'if-match': seen.tag },
      });
      wrote(`Removed ${keyText(rowKey)} from ${table.name}.`);
    });
  const isSet = type === undefined;
  return (
    <form class="stack" onSubmit={save} aria-describedby={message}>
      {rowKey === undefined && <KeyFields table={table} />}
      {type !== undefined && <ValueField type={type} value={seen?.row?.value} />}
      <p id={message} class="small bad-text" role="alert">
        {wrong}
      </p>
      <div class="bar">
        {(rowKey === undefined || !isSet || seen?.row === undefined) && (
          <button type="submit" class="button primary" disabled={busy}>
            {rowKey === undefined ? 'Write the row' : isSet ? 'Add' : 'Save'}
          </button>
        )}
        {rowKey === undefined && (
          <a class="button" href={to(['tables', table.name])}>
            Cancel
          </a>
        )}
        {seen?.row !== undefined && (
          <button type="button" class="button danger" disabled={busy} onClick={remove}>
            Remove
          </button>
        )}
      </div>
      <p class="soft small">
        {rowKey === undefined
          ? 'Refused if the key has a row already.'
          : 'Refused if the row on this node is no longer the one shown here. Another node can still write it at the same time: that is a conflict, and reported.'}
      </p>
    </form>
  );
}

/** What stands in a field of a form. */
function fieldOf(form: FormData, name: string): string {
  const given = form.get(name);
  return typeof given === 'string' ? given : '';
}

function keyOf(form: FormData, { declaration: { key } }: TableStatus): Cell {
  if (typeof key === 'string') return cellOf(fieldOf(form, 'key 0'), key);
  return key.map((type, index) => cellOf(fieldOf(form, `key ${index}`), type));
}

async function write(
  table: TableStatus,
  key: Cell,
  value: Cell | undefined,
  seen: Seen | undefined,
): Promise<void> {
  const unseen = seen?.tag === undefined;
  await ask(path('tables', table.name, 'row'), {
    method: 'PUT',
    query: { key: keyQuery(key) },
    body: value === undefined ? {} : { value },
    headers: unseen ? { 'if-none-match': '*' } : { 'if-match': seen.tag ?? '' },
  });
}

function KeyFields({ table }: { table: TableStatus }): JSX.Element {
  const { key } = table.declaration;
  const types = typeof key === 'string' ? [key] : key;
  return (
    <>
      {types.map((type, index) => (
        <label key={index} class="field">
          <span>
            {types.length === 1 ? 'Key' : `Key ${index + 1}`} ({type})
          </span>
          <input class="input mono" name={`key ${index}`} required={type !== 'string'} />
        </label>
      ))}
    </>
  );
}

function ValueField({ type, value }: { type: string; value: Cell | undefined }): JSX.Element {
  const text = asText(value, type);
  return (
    <label class="field">
      <span>Value ({type})</span>
      {type === 'bool' ? (
        <select class="input" name="value" defaultValue={text}>
          <option value="true" selected={text === 'true'}>
            true
          </option>
          <option value="false" selected={text === 'false'}>
            false
          </option>
        </select>
      ) : isComplex(type) || text.includes('\n') ? (
        <textarea class="input mono" name="value" defaultValue={text} />
      ) : (
        <input
          class="input mono"
          name="value"
          defaultValue={text}
          inputMode={type === 'count' || type === 'int' ? 'numeric' : 'text'}
        />
      )}
    </label>
  );
}
