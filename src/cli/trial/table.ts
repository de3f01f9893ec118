import CliTable from 'cli-table3';
import type { ClusterResult, Comparison, ModeRefusal, ModeResult } from '../../trial/index.ts';
import { colors } from '../colors.ts';
import { visible } from '../output.ts';
import { type Figure, figureGroups, wasRun } from './figures.ts';
import { clusterText, interleavingText, leftOutText, verdictText, workloadText } from './words.ts';

/** Returns a comparison as lines for a terminal. */
export function comparisonLines(comparison: Comparison): readonly string[] {
  const left = leftOutText(comparison);
  return [
    visible(workloadText(comparison)),
    ...(left === undefined ? [] : [visible(left)]),
    ...comparison.clusters.flatMap((cluster) => clusterLines(comparison, cluster)),
  ];
}

function clusterLines(comparison: Comparison, cluster: ClusterResult): readonly string[] {
  const { modes } = cluster;
  const table = new CliTable({
    head: ['', ...modes.map(({ mode }) => colors.bold(mode))],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', ...modes.map(() => 'right' as const)],
  });
  for (const { title, figures } of figureGroups(comparison, cluster.cluster)) {
    table.push([{ colSpan: modes.length + 1, content: colors.bold(visible(title)) }]);
    for (const figure of figures)
      table.push([`  ${visible(figure.label)}`, ...modes.map((mode) => cell(figure, mode))]);
  }
  return [
    '',
    colors.bold(clusterText(cluster.cluster)),
    table.toString(),
    interleavingText(cluster),
    ...modes.map((mode) => visible(verdictText(mode, comparison.rows))),
  ];
}

function cell(figure: Figure, mode: ModeResult | ModeRefusal): string {
  if (!wasRun(mode)) return colors.dim('not run');
  const text = figure.text(mode);
  if (!figure.loss) return text;
  return figure.number(mode) === 0 ? colors.green(text) : colors.yellow(text);
}
