import Table from 'cli-table3';
import colors from 'picocolors';
import {
  type ContestResult,
  type Figure,
  type Report,
  type TargetResult,
  type Verdict,
  shown,
} from './results.ts';

/** A contest as a table for people. */
export function contestTable(target: Pick<TargetResult, 'id' | 'title'>, contest: ContestResult): string {
  const { metrics, rows, title, note, verdicts } = contest;
  const table = new Table({
    head: ['', ...metrics.map(({ label, unit }) => (unit === '' ? label : `${label}, ${unit}`)), '× floor'],
    colAligns: ['left', ...metrics.map(() => 'right' as const), 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) {
    const name = row.kind === 'ours' ? colors.bold(row.name) : row.name;
    if (row.skipped !== undefined) {
      table.push([
        name,
        { colSpan: metrics.length + 1, content: colors.dim(`not measured: ${row.skipped}`) },
      ]);
      continue;
    }
    const ratio = row.timesFloor === undefined ? '' : shown(row.timesFloor.median);
    table.push([name, ...metrics.map((metric) => cell(row.figures[metric.name])), ratio]);
  }
  const heading = `${colors.bold(`${target.id}  ${target.title}`)}\n${title}${note === undefined ? '' : `\n${colors.dim(note)}`}`;
  return [heading, table.toString(), ...verdicts.map(verdictLine), ''].join('\n');
}

function cell(figure: Figure | undefined): string {
  if (figure === undefined) return '–';
  if (figure.min === figure.max) return shown(figure.median);
  return `${shown(figure.median)} ${colors.dim(`(${shown(figure.min)}..${shown(figure.max)})`)}`;
}

function verdictLine(verdict: Verdict): string {
  const { text, measured, ratio, reason } = verdict;
  if (verdict.verdict === 'not measured') return `  ${colors.yellow('–')} ${text}: not measured: ${reason}`;
  const value = `${shown(measured as number)}${ratio ? 'x' : ''}`;
  const mark = verdict.verdict === 'met' ? colors.green('met') : colors.red('missed');
  return `  ${mark} ${text}: ${value}`;
}

/** How many goals were met, in one line. */
export function summaryLine(report: Report): string {
  const all = report.targets.flatMap(({ contests }) => contests.flatMap(({ verdicts }) => verdicts));
  const count = (verdict: Verdict['verdict']): number => all.filter((one) => one.verdict === verdict).length;
  return `${count('met')} goals met, ${count('missed')} missed, ${count('not measured')} not measured. Load ${report.load.map(shown).join(' to ')} on ${report.machine}.`;
}
