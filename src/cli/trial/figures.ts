import { inThousands } from '../../options/in-thousands.ts';
import type { ClusterResult, Comparison, ModeRefusal, ModeResult } from '../../trial/index.ts';

/** One figure of a mode, wherever it is shown. */
export interface Figure {
  readonly label: string;
  readonly explanation: string;
  /** Says what a reader wishes for; `none` where neither more nor less is better. */
  readonly better: 'less' | 'more' | 'none';
  /** Says whether anything above 0 means that something is lost or different. */
  readonly loss: boolean;
  /** Undefined where it was not measured. */
  number(result: ModeResult): number | undefined;
  text(result: ModeResult): string;
}

/** Figures that belong together. */
export interface FigureGroup {
  readonly title: string;
  readonly figures: readonly Figure[];
}

/** Each row is an `increment` and a `set`. */
const WRITES_PER_ROW = 2;
const NOT_MEASURED = '–';

/** Returns whether a mode was run. */
export function wasRun(mode: ModeResult | ModeRefusal): mode is ModeResult {
  return !('refused' in mode);
}

/** Returns the figures of one kind of cluster. */
export function figureGroups(
  comparison: Comparison,
  cluster: ClusterResult['cluster'],
): readonly FigureGroup[] {
  const { key, value } = comparison.source.fields;
  return [
    { title: `queries: rows counted per ${key}, with increment()`, figures: countFigures(comparison) },
    { title: `latest: the last ${value} of each ${key}, with set()`, figures: latestFigures(comparison) },
    { title: 'What it costs', figures: costFigures(comparison, cluster) },
  ];
}

function countFigures({ rows }: Comparison): readonly Figure[] {
  return [
    figure('increments lost (worst node)', {
      explanation:
        'How far the counts of a node stay below the true ones, key by key. The true counts are those of the rows themselves.',
      loss: true,
      number: ({ judgement }) => Math.max(...judgement.counts.lost),
      text: ({ judgement }) => shareText(Math.max(...judgement.counts.lost), rows),
    }),
    figure(`rows counted, of ${inThousands(rows)}`, {
      explanation: 'The sum of all counts, as the nodes have it in the end.',
      better: 'none',
      number: () => undefined,
      text: ({ judgement }) => rangeText(judgement.counts.counted),
    }),
    conflictFigure((result) => result.judgement.counts),
    divergedFigure((result) => result.judgement.counts),
  ];
}

function latestFigures({ rows }: Comparison): readonly Figure[] {
  return [
    figure('updates lost', {
      explanation:
        'Values that somebody wrote, that no later writer of the key had read, and that nobody can read in the end, on any node.',
      loss: true,
      number: ({ judgement }) => judgement.latest.lost,
      text: ({ judgement }) => shareText(judgement.latest.lost, rows),
    }),
    figure('kept beside the winner', {
      explanation: 'Values that do not stand and can still be read, with conflictsOf(key).',
      better: 'none',
      number: () => undefined,
      text: ({ judgement }) => inThousands(judgement.latest.kept),
    }),
    conflictFigure((result) => result.judgement.latest),
    divergedFigure((result) => result.judgement.latest),
  ];
}

type TableOf = (result: ModeResult) => ModeResult['judgement']['latest'] | ModeResult['judgement']['counts'];

function conflictFigure(of: TableOf): Figure {
  return figure('keys in conflict', {
    explanation: 'Keys that table.conflicts named on any node.',
    better: 'none',
    number: (result) => of(result).keysInConflict,
    text: (result) => inThousands(of(result).keysInConflict),
  });
}

function divergedFigure(of: TableOf): Figure {
  return figure('keys that differ in the end', {
    explanation:
      'Keys whose rows are not equal on all nodes once everything has arrived, and how many of them table.divergence names.',
    loss: true,
    number: (result) => of(result).keysDiverged,
    text: (result) => {
      const { keysDiverged, divergedReported, falselyReported } = of(result);
      if (keysDiverged === 0 && falselyReported === 0) return '0';
      const reported = divergedReported === keysDiverged ? 'all' : inThousands(divergedReported);
      const wrongly = falselyReported === 0 ? '' : `, and ${inThousands(falselyReported)} that do not`;
      return `${inThousands(keysDiverged)} (${reported} reported${wrongly})`;
    },
  });
}

function costFigures({ rows, options }: Comparison, cluster: ClusterResult['cluster']): readonly Figure[] {
  const writes = rows * WRITES_PER_ROW;
  const real = cluster !== 'simulated';
  return [
    figure('writes per second', {
      explanation: real
        ? 'All rows once more on fresh nodes, each as fast as it can, until every node has all of them: processes, sockets and disks included.'
        : 'All rows once more, with all nodes in one process, linked without delays, until every node has all of them; per second of processor time.',
      better: 'more',
      number: ({ measured }) => measured.writesPerSecond,
      text: ({ measured }) => inThousands(measured.writesPerSecond),
    }),
    figure(real ? 'latency, p50 / p99' : 'arrival, p50 / p99', {
      explanation: real
        ? 'From a write on an idle cluster until another node knows of it. Written to disk before it is sent.'
        : 'What the simulated network takes: frames are under way for 5 to 40 ms. The same for every mode.',
      // On virtual time it is what was put in: nothing to draw.
      number: ({ measured }) => (real ? measured.latencyMs?.p50 : undefined),
      text: ({ measured: { latencyMs } }) =>
        latencyMs === undefined ? NOT_MEASURED : `${short(latencyMs.p50)} / ${short(latencyMs.p99)} ms`,
    }),
    figure('wire bytes per write', {
      explanation:
        cluster === 'nats'
          ? 'All frames that nodes give the carrier and get from it, divided by the writes; without what NATS puts around them.'
          : `All frames between the ${options.nodes} nodes, divided by the writes: acknowledgements, heartbeats and comparisons of tables included.`,
      number: ({ wireBytes }) => wireBytes / writes,
      text: ({ wireBytes }) => `${inThousands(wireBytes / writes)} B`,
    }),
    figure('disk bytes per write and node', {
      explanation: real
        ? 'The database files in the end: operation log, checkpoints and what SQLite adds.'
        : 'Log, newest checkpoints and names, without what a database adds.',
      number: ({ diskBytes }) => diskBytes / writes / options.nodes,
      text: ({ diskBytes }) => `${inThousands(diskBytes / writes / options.nodes)} B`,
    }),
    figure('memory per node', {
      explanation: real
        ? 'What the process gained by the run, garbage collected.'
        : 'What the process gained by the run, garbage collected, divided by the nodes: here the log is part of it.',
      number: ({ measured }) => measured.memoryBytes,
      text: ({ measured: { memoryBytes } }) =>
        memoryBytes === undefined ? NOT_MEASURED : `${short(memoryBytes / 1e6)} MB`,
    }),
  ];
}

type Given = Pick<Figure, 'explanation' | 'number' | 'text'> & Partial<Pick<Figure, 'better' | 'loss'>>;

function figure(label: string, { better = 'less', loss = false, ...rest }: Given): Figure {
  return { label, better, loss, ...rest };
}

/** Returns a number with about three digits. */
function short(value: number): string {
  return Math.abs(value) >= 100 ? inThousands(value) : String(Number(value.toPrecision(2)));
}

/** Returns a number, and which part of a whole it is. */
export function shareText(value: number, whole: number): string {
  if (value === 0) return '0';
  const percent = (value / whole) * 100;
  return `${inThousands(value)} (${percent < 0.1 ? 'under 0.1' : percent.toFixed(1)} %)`;
}

function rangeText(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? inThousands(low) : `${inThousands(low)} to ${inThousands(high)}`;
}
