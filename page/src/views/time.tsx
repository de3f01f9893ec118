import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { ask, path } from '../api/client.ts';
import type { Rates, TableStatus } from '../api/types.ts';
import { brief, count, counted } from '../model/format.ts';
import { type Axis, momentWords } from '../model/moments.ts';
import { bucketPlaces, rateLines } from '../model/rate-lines.ts';
import { Chart, Legend } from '../parts/chart.tsx';
import { Empty, Problem } from '../parts/text.tsx';
import { latest } from '../state/node.ts';
import { Poll, usePolled } from '../state/polled.ts';
import { Past } from './past.tsx';

const EVERY_MS = 2000;
const BUCKETS = 120;
const STEPS = 1000;

/** A stretch of the axis. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

export function TimeView(): JSX.Element {
  const [axis, setAxis] = useState<Axis>('time');
  const [by, setBy] = useState<'table' | 'origin'>('table');
  const [stretch, setStretch] = useState<Stretch | undefined>(undefined);
  const [at, setAt] = useState<number | undefined>(undefined);
  const [chosen, setChosen] = useState<string | undefined>(undefined);
  const poll = useMemo(
    () =>
      new Poll(
        (abort) =>
          ask<Rates>(path('rates'), {
            query: { by: axis, from: stretch?.from, to: stretch?.to, buckets: BUCKETS },
            abort,
          }),
        EVERY_MS,
      ),
    [axis, stretch],
  );
  const { value: rates, problem } = usePolled(poll);
  const tables = latest.value?.tables ?? [];
  const table = tables.find(({ name }) => name === chosen) ?? tables[0];
  const change = (next: Axis): void => {
    setAxis(next);
    setStretch(undefined);
    setAt(undefined);
  };
  return (
    <>
      <div class="view-head">
        <h1>Time</h1>
        <p class="soft small">
          Everything stands in the log: look at any moment of it, and at what differs between two.
        </p>
      </div>
      {problem !== undefined && <Problem problem={problem} />}
      <section class="card stack" aria-labelledby="operations">
        <Controls
          axis={axis}
          setAxis={change}
          by={by}
          setBy={setBy}
          all={stretch === undefined}
          showAll={() => setStretch(undefined)}
          zoomIn={() => rates !== undefined && setStretch(closer(rates, at))}
        />
        {rates === undefined ? (
          <p class="soft">Reading the log …</p>
        ) : (
          <Operations rates={rates} by={by} at={at} setAt={setAt} zoom={setStretch} />
        )}
      </section>
      {table !== undefined && rates !== undefined && (
        <>
          <TableChoice tables={tables} table={table} choose={setChosen} />
          <Past key={table.name} table={table} axis={axis} at={at} />
        </>
      )}
    </>
  );
}

interface ControlsProps {
  readonly axis: Axis;
  readonly setAxis: (axis: Axis) => void;
  readonly by: 'table' | 'origin';
  readonly setBy: (by: 'table' | 'origin') => void;
  /** Whether all of the log is shown. */
  readonly all: boolean;
  readonly showAll: () => void;
  readonly zoomIn: () => void;
}

function Controls({ axis, setAxis, by, setBy, all, showAll, zoomIn }: ControlsProps): JSX.Element {
  return (
    <div class="bar">
      <h2 id="operations" class="grow">
        {axis === 'time' ? 'Operations per second' : 'Operations along the log'}
      </h2>
      <Choice label="Coloured by" value={by} options={{ table: 'table', origin: 'author' }} choose={setBy} />
      <Choice label="Along" value={axis} options={{ time: 'time', position: 'position' }} choose={setAxis} />
      <button type="button" class="button" disabled={all} onClick={showAll}>
        Show all
      </button>
      <button type="button" class="button" onClick={zoomIn}>
        Zoom in
      </button>
    </div>
  );
}

/** A quarter of what is shown, around the chosen moment or at the end. */
function closer({ from, to }: Rates, at: number | undefined): Stretch {
  const width = (to - from) / 4;
  const middle = Math.min(Math.max(at ?? to, from + width / 2), to - width / 2);
  return { from: Math.floor(middle - width / 2), to: Math.ceil(middle + width / 2) };
}

function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: Readonly<Record<T, string>>;
  choose: (value: T) => void;
}): JSX.Element {
  return (
    <label class="bar small">
      <span class="soft">{props.label}</span>
      <select
        class="input"
        value={props.value}
        onChange={({ currentTarget }) => props.choose(currentTarget.value as T)}
      >
        {(Object.entries(props.options) as [T, string][]).map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

interface OperationsProps {
  readonly rates: Rates;
  readonly by: 'table' | 'origin';
  readonly at: number | undefined;
  readonly setAt: (at: number | undefined) => void;
  readonly zoom: (stretch: Stretch) => void;
}

function Operations({ rates, by, at, setAt, zoom }: OperationsProps): JSX.Element {
  const lines = useMemo(() => rateLines(rates, by), [rates, by]);
  const times = useMemo(() => bucketPlaces(rates), [rates]);
  if (lines.length === 0) {
    return (
      <Empty title="No operation in this stretch of the log">
        <p>Write something to a table, or show all of the log.</p>
      </Empty>
    );
  }
  const unit = rates.by === 'time' ? 1000 : 1;
  const words = momentWords(rates.by, at);
  return (
    <>
      <Chart
        label={rates.by === 'time' ? 'Operations per second' : 'Operations by position'}
        times={times}
        lines={lines}
        stacked
        plain={rates.by === 'position'}
        height={220}
        {...(at === undefined ? {} : { marker: at / unit })}
        pick={(place) => setAt(Math.round(place * unit))}
        zoom={(from, to) => zoom({ from: Math.floor(from * unit), to: Math.ceil(to * unit) })}
      />
      <Legend lines={lines} />
      <label class="scrubber">
        <span class="small">
          Moment: <strong class="number">{words}</strong>
        </span>
        <input
          type="range"
          min={rates.from}
          max={rates.to}
          step={Math.max(1, (rates.to - rates.from) / STEPS)}
          value={at ?? rates.to}
          aria-valuetext={words}
          onInput={({ currentTarget }) => setAt(Math.round(Number(currentTarget.value)))}
        />
      </label>
      <div class="bar small">
        <span class="soft grow">
          {counted(rates.last, 'position')}; the log is kept from {count(rates.first)} on. Draw over the chart
          to zoom, click to choose a moment.
        </span>
        <button type="button" class="button" disabled={at === undefined} onClick={() => setAt(undefined)}>
          Back to now
        </button>
      </div>
    </>
  );
}

function TableChoice(props: {
  tables: readonly TableStatus[];
  table: TableStatus;
  choose: (name: string) => void;
}): JSX.Element {
  return (
    <label class="field narrow">
      <span>Table</span>
      <select
        class="input"
        value={props.table.name}
        onChange={({ currentTarget }) => props.choose(currentTarget.value)}
      >
        {props.tables.map(({ name, rows }) => (
          <option key={name} value={name}>
            {name} ({brief(rows)} rows now)
          </option>
        ))}
      </select>
    </label>
  );
}
