import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ask, path } from '../api/client.ts';
import type { Cell, RepairPreview, TableStatus } from '../api/types.ts';
import { keyText } from '../model/cells.ts';
import { count, counted } from '../model/format.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Note, Problem } from '../parts/text.tsx';
import { say } from '../parts/toasts.tsx';
import { Value } from '../parts/value.tsx';
import { useAnswer } from '../state/answered.ts';
import { latest, node } from '../state/node.ts';
import { useSending } from '../state/sending.ts';

const SHOWN = 200;

/** Whose rows shall stand, what that would write, and then: writes it. */
export function RepairDialog({ table, close }: { table: TableStatus; close: () => void }): JSX.Element {
  const [from, setFrom] = useState(latest.value?.node.id ?? '');
  const where = path('tables', table.name, 'repair');
  const { value, problem, asking } = useAnswer<RepairPreview>(where, { from, limit: SHOWN });
  // What was answered for another node is no preview of this one.
  const preview = asking ? undefined : value;
  const { busy, problem: failed, send } = useSending();
  const repair = async (): Promise<void> => {
    const { keys } = await ask<{ readonly keys: number }>(where, { method: 'POST', body: { from } });
    say('good', `Repaired ${table.name}: wrote ${counted(keys, 'key')} as ${from} has them.`);
    node.again();
    close();
  };
  const wrong = failed ?? problem;
  return (
    <Dialog title={`Repair ${table.name}`} close={close}>
      <p class="small">
        A repair is a number of ordinary writes of this node: for each key that differs, it writes what the
        chosen node has, or removes the key. Everybody gets them, and the life of each row shows them.
      </p>
      <Sources from={from} setFrom={setFrom} />
      {wrong !== undefined && <Problem problem={wrong} />}
      {asking && <p class="soft">Comparing …</p>}
      {preview !== undefined && <Writes table={table} preview={preview} />}
      <div class="bar">
        <button
          type="button"
          class="button primary"
          disabled={busy || preview === undefined || preview.total === 0}
          onClick={() => send(repair)}
        >
          {preview === undefined ? 'Write' : `Write ${counted(preview.total, 'key')}`}
        </button>
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}

function Sources({ from, setFrom }: { from: string; setFrom: (id: string) => void }): JSX.Element {
  const self = latest.value?.node.id ?? '';
  const peers = (latest.value?.peers ?? []).flatMap(({ nodeId, state }) =>
    nodeId !== null && state === 'connected' ? [nodeId] : [],
  );
  return (
    <fieldset class="choices">
      <legend>Whose rows shall stand?</legend>
      {[...new Set([self, ...peers])].map((id) => (
        <label key={id} class="bar">
          <input type="radio" name="from" value={id} checked={id === from} onChange={() => setFrom(id)} />
          {id}
          {id === self && <span class="soft">(this node)</span>}
        </label>
      ))}
    </fieldset>
  );
}

/** What a node holds under a key. */
function Held({
  cell,
  type,
  removed,
}: {
  cell: Cell | undefined;
  type: string;
  removed: boolean;
}): JSX.Element {
  if (removed) return <span class="value none">no row</span>;
  return type === '' ? <span class="value">in the set</span> : <Value cell={cell} type={type} />;
}

function Writes({ table, preview }: { table: TableStatus; preview: RepairPreview }): JSX.Element {
  const type = table.declaration.value ?? '';
  if (preview.total === 0)
    return <Note tone="good">Nothing differs at present: there is nothing to write.</Note>;
  return (
    <div class="scroll-box" tabIndex={0} role="region" aria-label="What the repair will write">
      <table class="plain-table">
        <caption class="hidden-text">What the repair will write</caption>
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col">On this node now</th>
            <th scope="col">Elsewhere now</th>
            <th scope="col">Everywhere then</th>
          </tr>
        </thead>
        <tbody>
          {preview.writes.map(({ key, stands, before, after, removes, elsewhere }) => (
            <tr key={JSON.stringify(key)}>
              <td class="mono">
                <bdi>{keyText(key)}</bdi>
              </td>
              <td>
                <Held cell={before} type={type} removed={!stands} />
              </td>
              <td>
                {elsewhere.map(({ peer, value, removed }) => (
                  <div key={peer}>
                    <Held cell={value} type={type} removed={removed} />{' '}
                    <span class="soft small">on {peer}</span>
                  </div>
                ))}
              </td>
              <td>
                <Held cell={after} type={type} removed={removes} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {preview.total > preview.writes.length && (
        <p class="soft small">And {count(preview.total - preview.writes.length)} more.</p>
      )}
    </div>
  );
}
