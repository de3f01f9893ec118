import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { path } from '../api/client.ts';
import type { ApiProblem } from '../api/problem.ts';
import { follow } from '../api/stream.ts';
import type { NodeEvent, NodeFacts } from '../api/types.ts';
import { brief, bytes, count, counted, span } from '../model/format.ts';
import { rateSeries, series } from '../model/samples.ts';
import { Chart } from '../parts/chart.tsx';
import { Badge, Empty, Note, Problem, type Tone, When } from '../parts/text.tsx';
import { to } from '../router.ts';
import { latest, samples } from '../state/node.ts';

/** Events that are shown; older ones are forgotten. */
const MOST_EVENTS = 500;
const SHOWN_EVENTS = 100;

const TONES: Readonly<Record<NodeEvent['severity'], Tone>> = { info: 'plain', warning: 'warn', error: 'bad' };

interface Drawn {
  readonly title: string;
  readonly name: string;
  readonly counter: boolean;
  readonly format: (value: number) => string;
  readonly atLeast: number;
  /** Steps of the axis; by default round numbers. */
  readonly steps?: readonly number[];
}

/** Bytes are round in powers of two. */
const BYTE_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);
const waited = (seconds: number): string => (seconds === 0 ? '0' : span(seconds * 1000));

const CHARTS: readonly Drawn[] = [
  { title: 'Operations into the log, a second', name: 'position', counter: true, format: brief, atLeast: 10 },
  {
    title: 'Longest wait of the event loop',
    name: 'tablecast_event_loop_delay_seconds',
    counter: false,
    format: waited,
    atLeast: 0.01,
  },
  {
    title: 'Processor, of one core',
    name: 'tablecast_processor_seconds_total',
    counter: true,
    format: (value) => `${Math.round(value * 100)} %`,
    atLeast: 0.05,
  },
  {
    title: 'Memory of the process',
    name: 'tablecast_resident_bytes',
    counter: false,
    format: bytes,
    steps: BYTE_STEPS,
    atLeast: 1_048_576,
  },
  {
    title: 'Written and not on disk yet',
    name: 'tablecast_unsynced_bytes',
    counter: false,
    format: bytes,
    steps: BYTE_STEPS,
    atLeast: 4096,
  },
  {
    title: 'Database file',
    name: 'tablecast_database_bytes',
    counter: false,
    format: bytes,
    steps: BYTE_STEPS,
    atLeast: 65_536,
  },
];

export function HealthView(): JSX.Element {
  const look = latest.value;
  if (look === undefined) return <></>;
  const { node } = look;
  return (
    <>
      <div class="view-head">
        <h1>Health</h1>
        <p class="soft small">
          {node.id}, version {node.version}
        </p>
      </div>
      <Note tone={node.ready.ready ? 'good' : 'warn'}>
        {node.ready.ready ? (
          <>Ready: recovered, its peers are as they should be, and its disk takes writes.</>
        ) : (
          <>
            <strong>Not ready:</strong> {node.ready.reasons.join('; ')}.
          </>
        )}
      </Note>
      <Charts />
      <div class="two-columns">
        <Facts node={node} />
        <Zeek node={node} />
      </div>
      <Events />
    </>
  );
}

function Charts(): JSX.Element {
  const kept = samples.value;
  const times = kept.map(({ time }) => time);
  const shown = CHARTS.map((chart) => ({
    ...chart,
    values: chart.counter ? rateSeries(kept, chart.name) : series(kept, chart.name),
  })).filter(({ values }) => kept.length < 3 || values.some((value) => value !== null));
  return (
    <div class="grid-cards charts">
      {shown.map(({ title, name, format, atLeast, steps, values }) => {
        const last = values.at(-1);
        return (
          <section key={name} class="card" aria-label={title}>
            <div class="bar">
              <h2 class="grow">{title}</h2>
              <strong class="number">{typeof last === 'number' ? format(last) : '—'}</strong>
            </div>
            <Chart
              label={title}
              times={times}
              lines={[{ name: title, color: '--accent', values }]}
              format={format}
              atLeast={atLeast}
              {...(steps !== undefined && { steps })}
              height={120}
            />
          </section>
        );
      })}
    </div>
  );
}

function Facts({ node }: { node: NodeFacts }): JSX.Element {
  const { disk, retention } = node;
  const kept = [
    ...(retention.age === undefined ? [] : [`the last ${span(retention.age)}`]),
    ...(retention.bytes === undefined ? [] : [bytes(retention.bytes)]),
    ...(retention.operations === undefined ? [] : [`the newest ${count(retention.operations)} positions`]),
  ];
  return (
    <section class="card" aria-labelledby="disk">
      <h2 id="disk">Disk and retention</h2>
      <dl class="facts">
        <dt>Address</dt>
        <dd class="mono">{node.address ?? 'only dials'}</dd>
        <dt>Log</dt>
        <dd>
          up to position {count(node.position)}
          {disk !== null && disk.trimmedTo > 0 ? `, trimmed up to ${count(disk.trimmedTo)}` : ''}
        </dd>
        <dt>Kept</dt>
        <dd>{kept.length === 0 ? 'everything' : `whichever is reached first: ${kept.join(', ')}`}</dd>
        {disk === null ? (
          <>
            <dt>Disk</dt>
            <dd>none: this node keeps its tables in memory</dd>
          </>
        ) : (
          <Disk disk={disk} />
        )}
      </dl>
    </section>
  );
}

function Disk({ disk }: { disk: NonNullable<NodeFacts['disk']> }): JSX.Element {
  const waiting = Math.max(0, disk.appended - disk.committed);
  return (
    <>
      <dt>Writes</dt>
      <dd>
        {disk.failure === null ? (
          <Badge tone="good">taken</Badge>
        ) : (
          <Badge tone="bad">refused: {disk.failure}</Badge>
        )}
      </dd>
      <dt>Waiting</dt>
      <dd>
        {counted(waiting, 'position')}, {bytes(disk.waitingBytes)}
      </dd>
      {disk.databaseBytes !== undefined && (
        <>
          <dt>Database</dt>
          <dd>
            {bytes(disk.databaseBytes)}, and {bytes(disk.walBytes ?? 0)} of write-ahead log
          </dd>
        </>
      )}
      {disk.freeBytes !== undefined && (
        <>
          <dt>Free</dt>
          <dd>{bytes(disk.freeBytes)}</dd>
        </>
      )}
    </>
  );
}

function Zeek({ node }: { node: NodeFacts }): JSX.Element {
  return (
    <section class="card" aria-labelledby="zeek">
      <h2 id="zeek">Zeek clusters</h2>
      {node.zeek.length === 0 ? (
        <Empty title="Not attached to a Zeek cluster">
          <p>
            Attach it with the option <code>zeek</code>: docs/zeek.md says how.
          </p>
        </Empty>
      ) : (
        <ul class="stack">
          {node.zeek.map(({ name, address, state, tables }) => (
            <li key={address} class="stack">
              <div class="bar">
                <strong>{name}</strong>
                <Badge tone={state === 'connected' ? 'good' : 'warn'}>{state}</Badge>
                <span class="soft mono">{address}</span>
              </div>
              <p class="small">Tables: {tables.join(', ') || 'none'}</p>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface Heard {
  readonly id: number;
  readonly event: NodeEvent;
}

function Events(): JSX.Element {
  const [heard, setHeard] = useState<readonly Heard[]>([]);
  const [problem, setProblem] = useState<ApiProblem | undefined>(undefined);
  const [least, setLeast] = useState<NodeEvent['severity']>('info');
  useEffect(() => {
    let next = 0;
    return follow<NodeEvent>(
      path('events'),
      {},
      {
        value: (event) => setHeard((before) => [{ id: next++, event }, ...before.slice(0, MOST_EVENTS - 1)]),
        problem: setProblem,
      },
    );
  }, []);
  const order = ['info', 'warning', 'error'] as const;
  const shown = heard.filter(({ event }) => order.indexOf(event.severity) >= order.indexOf(least));
  return (
    <section class="card stack" aria-labelledby="events">
      <div class="bar">
        <h2 id="events" class="grow">
          Events
        </h2>
        <label class="bar small">
          <span class="soft">Show</span>
          <select
            class="input"
            value={least}
            onChange={({ currentTarget }) => setLeast(currentTarget.value as NodeEvent['severity'])}
          >
            <option value="info">all</option>
            <option value="warning">warnings and errors</option>
            <option value="error">errors</option>
          </select>
        </label>
      </div>
      {problem !== undefined && <Problem problem={problem} />}
      {shown.length === 0 && problem === undefined && (
        <Empty title="No event of this kind">
          <p>Peers that come and go, refusals, divergence and trouble with the disk are told here.</p>
        </Empty>
      )}
      <ul class="events" aria-live="polite">
        {shown.slice(0, SHOWN_EVENTS).map(({ id, event }) => (
          <li key={id} class="event">
            <span class="small soft">
              <When time={event.time} />
            </span>
            <Badge tone={TONES[event.severity]}>{event.code}</Badge>
            <span class="event-words">
              <bdi>{event.message}</bdi>
              {event.hint !== undefined && <span class="soft"> {event.hint}</span>}
              {event.code === 'table-diverged' && event.table !== undefined && (
                <>
                  {' '}
                  <a href={to(['conflicts', event.table])}>Compare and repair</a>
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
