import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { brief } from '../model/format.ts';
import { dark } from '../state/theme.ts';

/** One line of a chart. */
export interface Line {
  readonly name: string;
  /** A custom property of the page's colours, such as `--accent`. */
  readonly color: string;
  readonly values: readonly (number | null)[];
}

export interface ChartProps {
  /** What the chart shows, for those who do not see it. */
  readonly label: string;
  /** Seconds since 1970, ascending. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly height?: number;
  readonly format?: (value: number) => string;
  /** Filled to the ground, each line upon the one before it. */
  readonly stacked?: boolean;
  /** The least that the height of the chart stands for, so that noise does not look like a mountain. */
  readonly atLeast?: number;
  /** Steps of the vertical axis; by default round numbers. */
  readonly steps?: readonly number[];
  /** Whether the horizontal axis is plain numbers instead of time. */
  readonly plain?: boolean;
  /** Where a line stands across the chart. */
  readonly marker?: number;
  /** Told where the chart was clicked. */
  readonly pick?: (at: number) => void;
  /** Told of the stretch of time that was drawn over with the pointer, in seconds. */
  readonly zoom?: (from: number, to: number) => void;
}

/** Steps of an axis of time, in seconds: no shorter one than the axis can name. */
const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800,
];

/** A chart over time. It is drawn anew when lines come or go, or the page turns dark; else it takes the new values. */
export function Chart(props: ChartProps): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const shape = JSON.stringify([
    dark.value,
    props.stacked,
    props.plain,
    props.lines.map(({ name, color }) => [name, color]),
  ]);
  const data = dataOf(props);

  useEffect(() => {
    const holder = element.current;
    if (holder === null) return undefined;
    const made = new uPlot(optionsOf(holder, latest), data, holder);
    chart.current = made;
    const sized = new ResizeObserver(() =>
      made.setSize({ width: holder.clientWidth, height: heightOf(props) }),
    );
    sized.observe(holder);
    return () => {
      sized.disconnect();
      made.destroy();
      chart.current = undefined;
    };
  }, [shape]);

  useEffect(() => chart.current?.setData(data), [props.times, props.lines]);
  useEffect(() => chart.current?.redraw(false), [props.marker]);

  return <figure class="chart" role="img" aria-label={`${props.label}. ${summaryOf(props)}`} ref={element} />;
}

function heightOf({ height = 160 }: ChartProps): number {
  return height;
}

/** The latest values in words: what a chart is to those who do not see it. */
function summaryOf({ lines, format = brief }: ChartProps): string {
  const latest = lines.map(({ name, values }) => {
    const last = values.at(-1);
    return `${name}: ${typeof last === 'number' ? format(last) : 'nothing'}`;
  });
  return latest.length === 0 ? 'Nothing to show yet.' : `Latest: ${latest.join(', ')}.`;
}

function dataOf({ times, lines, stacked }: ChartProps): uPlot.AlignedData {
  if (stacked !== true) return [times as number[], ...lines.map(({ values }) => values as number[])];
  const sums = times.map(() => 0);
  const piled = lines.map(({ values }) =>
    values.map((value, index) => {
      const sum = (sums[index] = (sums[index] ?? 0) + (value ?? 0));
      return addsAt(values, index) ? sum : null;
    }),
  );
  return [times as number[], ...piled] as uPlot.AlignedData;
}

/** Whether a line adds something there or beside it: where it does not, it would only hide the line below it. */
function addsAt(values: Line['values'], index: number): boolean {
  return [index - 1, index, index + 1].some((at) => (values[at] ?? 0) > 0);
}

function optionsOf(holder: HTMLElement, latest: { readonly current: ChartProps }): uPlot.Options {
  const props = latest.current;
  const style = getComputedStyle(holder);
  const color = (name: string): string => resolved(style.getPropertyValue(name), holder);
  const { format = brief, stacked, lines, plain, steps, atLeast = 1 } = props;
  const axis = {
    stroke: color('--ink-soft'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line'), width: 1 },
    font: `11px ${style.fontFamily}`,
  };
  return {
    width: Math.max(holder.clientWidth, 120),
    height: heightOf(props),
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: { y: false, drag: { x: props.zoom !== undefined, y: false, setScale: false } },
    scales: { x: { time: plain !== true }, y: { range: (_, __, max) => [0, Math.max(max * 1.08, atLeast)] } },
    axes: [
      {
        ...axis,
        space: 76,
        ...(plain === true ? {} : { incrs: TIME_STEPS }),
        size: 32,
        values: (_, splits) => splits.map((at) => (plain === true ? brief(at) : clock(at, splits))),
      },
      {
        ...axis,
        size: 68,
        ...(steps === undefined ? {} : { incrs: [...steps] }),
        values: (_, splits) => splits.map((value) => format(value)),
      },
    ],
    series: [
      {},
      ...lines.map(({ name, color: property }) => ({
        label: name,
        stroke: color(property),
        width: 1.5,
        points: { show: false },
        ...(stacked === true ? { fill: `${color(property)}40` } : {}),
      })),
    ],
    // Later lines stand higher: drawn from the back, so that none hides the one below it.
    ...(stacked === true
      ? { bands: lines.slice(1).map((_, index) => ({ series: [index + 2, index + 1] as [number, number] })) }
      : {}),
    hooks: {
      setSelect: [(made) => chosen(made, latest.current)],
      draw: [(made) => drawMarker(made, latest.current.marker, color('--accent'))],
      ready: [
        (made) =>
          made.over.addEventListener('click', () =>
            latest.current.pick?.(made.posToVal(made.cursor.left ?? 0, 'x')),
          ),
      ],
    },
  };
}

/** A moment on an axis: the time of day, or the day where the axis is longer than one. */
function clock(seconds: number, splits: readonly number[]): string {
  const at = new Date(seconds * 1000);
  const pad = (value: number): string => String(value).padStart(2, '0');
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
  const long = (splits.at(-1) ?? 0) - (splits[0] ?? 0) > 86_400;
  return long ? `${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${time}` : `${time}:${pad(at.getSeconds())}`;
}

function chosen(made: uPlot, { zoom }: ChartProps): void {
  const { left, width } = made.select;
  if (width < 4) return;
  made.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  zoom?.(made.posToVal(left, 'x'), made.posToVal(left + width, 'x'));
}

function drawMarker(made: uPlot, at: number | undefined, color: string): void {
  if (at === undefined) return;
  const x = Math.round(made.valToPos(at, 'x', true));
  const { left, top, width, height } = made.bbox;
  if (x < left || x > left + width) return;
  made.ctx.fillStyle = color;
  made.ctx.fillRect(x - 1, top, 2, height);
}

/** A colour as `#rrggbb`: a canvas knows neither custom properties nor `light-dark()`. */
function resolved(value: string, holder: HTMLElement): string {
  const probe = document.createElement('span');
  probe.style.color = value;
  holder.append(probe);
  const [red = 0, green = 0, blue = 0] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? []).map(Number);
  probe.remove();
  return `#${[red, green, blue].map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;
}

/** What the colours of a chart mean. */
export function Legend({ lines }: { lines: readonly Line[] }): JSX.Element {
  return (
    <ul class="legend">
      {lines.map(({ name, color }) => (
        <li key={name}>
          <svg width="10" height="10" aria-hidden="true">
            <rect x="1" y="1" width="8" height="8" rx="2" fill="currentColor" class={color.slice(2)} />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}
