import CliTable from 'cli-table3';
import type { ClusterResult, Comparison, ModeRefusal, ModeResult } from '../../trial/index.ts';
import { colors } from '../colors.ts';
import { hanging } from '../drawn-rows.ts';
import { visible } from '../output.ts';
import { type Figure, figureGroups, wasRun } from './figures.ts';
import { clusterText, interleavingText, leftOutText, verdictText, workloadText } from './words.ts';

/** Returns a comparison as lines for a terminal of that many columns. */
export function comparisonLines(comparison: Comparison, width: number = Infinity): readonly string[] {
  const left = leftOutText(comparison);
  return [
    hanging(visible(workloadText(comparison)), width),
    ...(left === undefined ? [] : [hanging(visible(left), width)]),
    ...comparison.clusters.flatMap((cluster) => clusterLines(comparison, cluster, width)),
  ];
}

function clusterLines(comparison: Comparison, cluster: ClusterResult, width: number): readonly string[] {
  const { modes } = cluster;
  const table = figureTable(comparison, cluster);
  const isWide = (table.split('\n')[0] ?? '').length > width;
  return [
    '',
    hanging(colors.bold(clusterText(cluster.cluster)), width),
    ...(isWide ? figureLines(comparison, cluster, width) : [table]),
    hanging(interleavingText(cluster), width),
    ...modes.map((mode) => hanging(visible(verdictText(mode, comparison.rows)), width)),
  ];
}

/** The same as the table, line by line, where that is wider than the terminal. */
function figureLines(comparison: Comparison, cluster: ClusterResult, width: number): readonly string[] {
  return figureGroups(comparison, cluster.cluster).flatMap(({ title, figures }) => [
    hanging(colors.bold(visible(title)), width),
    ...figures.flatMap((figure) => {
      const said = cluster.modes.map((mode) => `${mode.mode} ${cell(figure, mode)}`).join(', ');
      return [hanging(`  ${visible(figure.label)}:`, width), hanging(`    ${said}`, width)];
    }),
  ]);
}

function figureTable(comparison: Comparison, cluster: ClusterResult): string {
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
  return table.toString();
}

function cell(figure: Figure, mode: ModeResult | ModeRefusal): string {
  if (!wasRun(mode)) return colors.dim('not run');
  const text = figure.text(mode);
  if (!figure.loss) return text;
  return figure.number(mode) === 0 ? colors.green(text) : colors.yellow(text);
}
