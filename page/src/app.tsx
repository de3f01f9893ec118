import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { token, useToken } from './api/client.ts';
import { span } from './model/format.ts';
import { Badge, Note, Problem } from './parts/text.tsx';
import { Toasts } from './parts/toasts.tsx';
import { place, to } from './router.ts';
import { latest, node, troubles } from './state/node.ts';
import { usePolled } from './state/polled.ts';
import { type Theme, theme } from './state/theme.ts';
import { ClusterView } from './views/cluster.tsx';
import { ConflictsView } from './views/conflicts.tsx';
import { HealthView } from './views/health.tsx';
import { TablesView } from './views/tables.tsx';
import { TimeView } from './views/time.tsx';
import { TokenForm } from './views/token-form.tsx';

const VIEWS = [
  { name: 'cluster', label: 'Cluster', view: ClusterView },
  { name: 'tables', label: 'Tables', view: TablesView },
  { name: 'time', label: 'Time', view: TimeView },
  { name: 'conflicts', label: 'Conflicts', view: ConflictsView },
  { name: 'health', label: 'Health', view: HealthView },
] as const;

export function App(): JSX.Element {
  const { problem } = usePolled(node);
  const main = useRef<HTMLElement>(null);
  const [name = 'cluster'] = place.value.path;
  const shown = VIEWS.find((view) => view.name === name);
  const id = latest.value?.node.id;
  useEffect(() => {
    document.title = `${shown?.label ?? 'Nothing here'} · ${id ?? 'Tablecast'}`;
  }, [shown, id]);
  const wantsToken = problem?.status === 401 || problem?.status === 403;
  return (
    <>
      <a
        class="button primary skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <Top />
      <nav class="nav" aria-label="Views">
        {VIEWS.map((view) => (
          <a
            key={view.name}
            class="nav-link"
            href={to([view.name])}
            {...(view === shown ? { 'aria-current': 'page' as const } : {})}
          >
            {view.label}
            <NavCount name={view.name} />
          </a>
        ))}
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        {wantsToken ? (
          <TokenForm problem={problem} />
        ) : (
          <Standing>{shown === undefined ? <Nowhere /> : <shown.view />}</Standing>
        )}
      </main>
      <Toasts />
    </>
  );
}

function NavCount({ name }: { name: string }): JSX.Element | null {
  const wrong =
    name === 'cluster'
      ? troubles.value.length
      : name === 'conflicts'
        ? (latest.value?.tables.filter(({ divergedKeys }) => divergedKeys > 0).length ?? 0)
        : 0;
  if (wrong === 0) return null;
  return (
    <span class="count">
      {wrong}
      <span class="hidden-text"> {name === 'cluster' ? 'things are wrong' : 'tables have diverged'}</span>
    </span>
  );
}

/** The view, below what is wrong with the connection to the node itself. */
function Standing({ children }: { children: ComponentChildren }): JSX.Element {
  const { problem, value, at } = node.state.value;
  if (problem === undefined || value === undefined) {
    return (
      <>
        {problem !== undefined && <Problem problem={problem} />}
        {problem === undefined && value === undefined ? <p class="soft">Asking the node …</p> : null}
        {value !== undefined && children}
      </>
    );
  }
  return (
    <>
      <div role="alert">
        <Note tone="bad">
          <strong>{value.node.id} gives no answer.</strong> What stands here is {span(Date.now() - at)} old.
          If its process was ended or killed, start it again: this page goes on by itself.{' '}
          <span class="soft">{problem.message}</span>
        </Note>
      </div>
      {children}
    </>
  );
}

function Top(): JSX.Element {
  const { value, problem } = node.state.value;
  return (
    <header class="top">
      <a class="brand" href={to(['cluster'])}>
        <img src="./icon.svg" alt="" width="24" height="24" />
        <span class="brand-words">Tablecast</span>
      </a>
      {value !== undefined && (
        <p class="who">
          <span
            class={`dot ${problem === undefined ? (value.node.ready.ready ? 'good' : 'warn') : 'bad'}`}
            aria-hidden="true"
          />
          <strong>{value.node.id}</strong>
          <Badge tone={problem === undefined ? (value.node.ready.ready ? 'good' : 'warn') : 'bad'}>
            {problem === undefined ? (value.node.ready.ready ? 'ready' : 'not ready') : 'no answer'}
          </Badge>
          {value.node.you.holder !== null && <Badge tone="plain">as {value.node.you.holder}</Badge>}
        </p>
      )}
      <span class="grow" />
      {token.value !== undefined && (
        <button type="button" class="button plain" onClick={() => useToken(undefined)}>
          Forget the token
        </button>
      )}
      <label class="bar small">
        <span class="soft theme-words">Theme</span>
        <select
          class="input"
          aria-label="Theme"
          value={theme.value}
          onChange={({ currentTarget }) => (theme.value = currentTarget.value as Theme)}
        >
          <option value="system">System</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </label>
    </header>
  );
}

function Nowhere(): JSX.Element {
  return (
    <p>
      There is no view of this name. <a href={to(['cluster'])}>Go to the cluster.</a>
    </p>
  );
}
