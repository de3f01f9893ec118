import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ask, path } from '../api/client.ts';
import type { Mode, ModeCost, TableStatus } from '../api/types.ts';
import { count } from '../model/format.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Note, Problem } from '../parts/text.tsx';
import { say } from '../parts/toasts.tsx';
import { useAnswer } from '../state/answered.ts';
import { node } from '../state/node.ts';
import { useSending } from '../state/sending.ts';

const MODES: readonly { readonly mode: Mode; readonly words: string }[] = [
  { mode: 'naive', words: 'what arrives last stands, on each node for itself' },
  { mode: 'lww', words: 'the later write stands, on every node the same' },
  { mode: 'automerge', words: 'all values stay readable, one stands, on every node the same' },
];

/** Which mode, what the switch will cost, and then: switches. */
export function ModeDialog({ table, close }: { table: TableStatus; close: () => void }): JSX.Element {
  const [mode, setMode] = useState<Mode>(MODES.find((other) => other.mode !== table.mode)?.mode ?? 'lww');
  const where = path('tables', table.name, 'mode');
  const { value, problem, asking } = useAnswer<ModeCost>(where, { to: mode });
  const cost = asking ? undefined : value;
  const { busy, problem: failed, send } = useSending();
  const switchMode = async (): Promise<void> => {
    await ask(where, { method: 'POST', body: { mode } });
    say('good', `${table.name} is in mode ${mode} now, for the whole cluster.`);
    node.again();
    close();
  };
  const wrong = failed ?? problem;
  return (
    <Dialog title={`Switch the mode of ${table.name}`} close={close}>
      <p class="small">
        {table.name} is in mode <strong>{table.mode}</strong>. A switch holds for the whole cluster, and for
        everything written from then on.
      </p>
      <fieldset class="choices">
        <legend>To which mode?</legend>
        {MODES.filter((other) => other.mode !== table.mode).map(({ mode: to, words }) => (
          <label key={to} class="bar">
            <input type="radio" name="mode" value={to} checked={to === mode} onChange={() => setMode(to)} />
            <strong>{to}</strong> <span class="soft">{words}</span>
          </label>
        ))}
      </fieldset>
      {wrong !== undefined && <Problem problem={wrong} />}
      {cost !== undefined && <Cost cost={cost} />}
      <div class="bar">
        <button
          type="button"
          class="button primary"
          disabled={busy || cost === undefined || !cost.possible}
          onClick={() => send(switchMode)}
        >
          Switch to {mode}
        </button>
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}

function Cost({ cost }: { cost: ModeCost }): JSX.Element {
  return (
    <section class="stack" aria-label="What it will cost">
      <dl class="facts">
        <dt>Rows taken over</dt>
        <dd>{count(cost.rows)}, as they are on this node</dd>
        <dt>Keys that differ now</dt>
        <dd>{count(cost.divergedKeys)}</dd>
        <dt>Peers that go along</dt>
        <dd>{cost.peers.length === 0 ? 'none connected' : cost.peers.join(', ')}</dd>
        {cost.unreached.length > 0 && (
          <>
            <dt>Peers that are away</dt>
            <dd>{cost.unreached.join(', ')}</dd>
          </>
        )}
      </dl>
      <Note tone={cost.possible ? 'warn' : 'bad'}>
        <ul class="sentences">
          {cost.effects.map((effect) => (
            <li key={effect}>{effect}</li>
          ))}
        </ul>
      </Note>
    </section>
  );
}
