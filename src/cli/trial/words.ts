import { inThousands } from '../../options/in-thousands.ts';
import type { ClusterResult, Comparison, ModeRefusal, ModeResult } from '../../trial/index.ts';
import { shareText, wasRun } from './figures.ts';

/** Says in one sentence what was run. */
export function workloadText(comparison: Comparison): string {
  const { source, options, rows, keys, stretches } = comparison;
  const from = source.log === undefined ? 'a generated log' : source.log;
  const part = source.more
    ? `the first ${inThousands(rows)} rows of ${from}`
    : `${inThousands(rows)} rows of ${from}`;
  return (
    `${part}, ${inThousands(keys)} keys, on ${options.nodes} nodes: each row is counted and kept by one of them, ` +
    `${partText(stretches.busy, stretches.all)} in stretches where nobody waits for anybody, ` +
    `${partText(stretches.cut, stretches.all)} while one node is cut off.`
  );
}

function partText(part: number, all: number): string {
  return part === 0 ? 'none' : part === all ? 'all' : `${Math.round((part / all) * 100)} %`;
}

/** Lines and records that were passed over; undefined for none. */
export function leftOutText({ source }: Comparison): string | undefined {
  const { skippedLines, skippedRecords } = source;
  if (skippedLines + skippedRecords === 0) return undefined;
  return `Left out: ${inThousands(skippedLines)} lines that cannot be read, ${inThousands(skippedRecords)} records without ${source.fields.key}.`;
}

const CLUSTERS: Readonly<Record<ClusterResult['cluster'], string>> = {
  simulated: 'Simulated cluster: one process, virtual time, seeded delays of 5 to 40 ms',
  real: 'Real cluster: a process per node, WebSockets on loopback, SQLite with durability commit',
  nats: 'Over NATS: a process per node, a server that carries their tables, SQLite with durability commit',
};

/** Says what a kind of cluster is. */
export function clusterText(cluster: ClusterResult['cluster']): string {
  return CLUSTERS[cluster];
}

/** Returns whether every mode met the same interleaving, and how much of it was concurrent. */
export function interleavingText({ cluster, modes }: ClusterResult): string {
  const results = modes.filter(wasRun);
  const concurrent = results.map(({ judgement }) => judgement.concurrentRows);
  const [first = 0] = concurrent;
  const same = new Set(results.map(({ interleaving }) => interleaving)).size <= 1;
  if (same)
    return `In every mode each writer had seen the same rows at each write; ${inThousands(first)} rows were written while another node's row of the same key was under way.`;
  const range = concurrent.map(inThousands).join(', ');
  const why =
    cluster !== 'simulated'
      ? 'Real time is never the same twice'
      : 'The modes did not send at the same moments';
  return `${why}: ${range} rows were written while another node's row of the same key was under way, mode by mode.`;
}

/** Says in a sentence what became of the data in one mode. */
export function verdictText(mode: ModeResult | ModeRefusal, rows: number): string {
  if (!wasRun(mode)) return `${mode.mode} was not run: ${mode.refused.message} ${mode.refused.hint}`;
  const { counts, latest } = mode.judgement;
  const increments = Math.max(...counts.lost);
  const differing = counts.keysDiverged + latest.keysDiverged;
  const kept =
    latest.kept === 0 ? '' : `, and kept ${inThousands(latest.kept)} readable beside the one that stands`;
  const lost =
    increments + latest.lost === 0
      ? 'lost nothing'
      : `lost ${lossText(increments, rows, 'increments')} and ${lossText(latest.lost, rows, 'updates')}`;
  const nodes =
    differing === 0
      ? 'All nodes are equal in the end.'
      : `${inThousands(differing)} ${differing === 1 ? 'row of the two tables differs' : 'rows of the two tables differ'} between nodes in the end.`;
  const twice =
    counts.excess === 0 ? '' : ` ${inThousands(counts.excess)} increments were counted twice: report it.`;
  return `${mode.mode} ${lost}${kept}. ${nodes}${twice}`;
}

function lossText(lost: number, rows: number, what: string): string {
  return lost === 0
    ? `none of ${inThousands(rows)} ${what}`
    : `${shareText(lost, rows)} of ${inThousands(rows)} ${what}`;
}

/** Returns the command that gives the same comparison again; it leaves a log's path and a server's address to the reader. */
export function commandText({ source, options, rows, clusters }: Comparison): string {
  const { key, value } = source.fields;
  const modes = clusters[0]?.modes.map(({ mode }) => mode) ?? [];
  const words = [
    'tablecast compare',
    ...(source.log === undefined ? [] : ['LOG']),
    `--rows ${rows} --nodes ${options.nodes} --seed ${options.seed}`,
    `--concurrent ${options.concurrent} --partitions ${options.partitions}`,
    `--key ${quoted(key)} --value ${quoted(value)} --modes ${modes.join(',')}`,
    ...(clusters.some(({ cluster }) => cluster === 'real') ? ['--real'] : []),
    ...(clusters.some(({ cluster }) => cluster === 'nats') ? ['--nats URL'] : []),
  ];
  return words.join(' ');
}

/** Returns a word for a shell. */
function quoted(word: string): string {
  return /^[\w.,/:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
