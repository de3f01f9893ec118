import {
  type ContestResult,
  type Figure,
  type Report,
  type Row,
  type TargetResult,
  type Verdict,
  shown,
} from './results.ts';

/** The report as one HTML page that needs nothing else: bars are SVG, colours follow the reader's scheme. */
export function reportPage(report: Report): string {
  const { when, machine, node, rounds, quick, load, targets } = report;
  const facts = `${when.slice(0, 16).replace('T', ' ')} UTC · ${machine} · Node ${node} · load ${load.map(shown).join(' to ')} · ${rounds} rounds${quick ? ' · --quick' : ''}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tablecast benchmarks</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Tablecast benchmarks</h1>
<p class="facts">${escaped(facts)}</p>
<p>Every bar is the median of its rounds, the thin line its spread. Contestants of one chart ran in turns, each round in a
fresh process. <span class="key ours"></span> Tablecast <span class="key floor"></span> the floor: what the task costs
without a library <span class="key peer"></span> peers. Scales of charts that span more than a factor of 30 are logarithmic.</p>
${overview(targets)}
${targets.map(targetSection).join('\n')}
</main>
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --ours: #0b7a75; --floor: #8a8f98; --peer: #c98b2b; --line: #8884; --met: #1a7f37; --missed: #c4314b; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { margin: 0; } h2 { margin: 3rem 0 .25rem; border-bottom: 1px solid var(--line); } h3 { margin: 1.5rem 0 .5rem; font-size: 1rem; }
.facts, .note { opacity: .75; margin: .25rem 0 1rem; }
.key { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-left: .6rem; }
.key.ours { background: var(--ours); } .key.floor { background: var(--floor); } .key.peer { background: var(--peer); }
svg { width: 100%; height: auto; display: block; }
svg text { fill: currentColor; font: 12px system-ui, sans-serif; }
.bar.ours { fill: var(--ours); } .bar.floor { fill: var(--floor); } .bar.peer { fill: var(--peer); }
.spread { stroke: currentColor; stroke-width: 1; opacity: .6; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; margin: .5rem 0; }
th, td { text-align: right; padding: .2rem .5rem; border-bottom: 1px solid var(--line); font-weight: normal; }
th:first-child, td:first-child { text-align: left; } thead th { opacity: .75; vertical-align: bottom; }
.scroll { overflow-x: auto; } tr.ours td:first-child { font-weight: 600; } .dim { opacity: .65; }
.met { color: var(--met); } .missed { color: var(--missed); font-weight: 600; } ul { padding-left: 1.2rem; }
details > summary { cursor: pointer; opacity: .75; }
`;

function overview(targets: readonly TargetResult[]): string {
  const rows = targets.flatMap(({ id, contests }) =>
    contests.flatMap(({ verdicts }) => verdicts.map((verdict) => overviewRow(id, verdict))),
  );
  return `<details open><summary>All goals</summary><div class="scroll"><table><thead><tr><th>target</th><th>goal</th><th>measured</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table></div></details>`;
}

function overviewRow(id: string, verdict: Verdict): string {
  const { text, measured, ratio } = verdict;
  const value = measured === undefined ? '' : `${shown(measured)}${ratio ? '×' : ''}`;
  const mark = verdict.verdict === 'not measured' ? 'dim' : verdict.verdict;
  return `<tr><td><a href="#${id}">${id}</a></td><td>${escaped(text)}</td><td>${value}</td><td class="${mark}">${verdict.verdict}</td></tr>`;
}

function targetSection({ id, title, contests }: TargetResult): string {
  return `<section id="${id}"><h2>${id} ${escaped(title)}</h2>${contests.map(contestSection).join('')}</section>`;
}

function contestSection(contest: ContestResult): string {
  const { title, note, metrics, rows, verdicts } = contest;
  const charts = metrics.slice(0, 2).map((metric) => {
    const unit = metric.unit === '' ? '' : `, ${metric.unit}`;
    const sense = metric.larger === true ? 'more is better' : 'less is better';
    return `<p class="note">${escaped(metric.label + unit)} (${sense})</p>${chart(rows, metric.name)}`;
  });
  return `<h3>${escaped(title)}</h3>${note === undefined ? '' : `<p class="note">${escaped(note)}</p>`}
${charts.join('')}
<ul>${verdicts.map(verdictItem).join('')}</ul>
<details><summary>Figures</summary>${figuresTable(contest)}</details>`;
}

function verdictItem({ text, verdict, measured, ratio, reason }: Verdict): string {
  if (verdict === 'not measured')
    return `<li class="dim">${escaped(text)}: not measured: ${escaped(reason ?? '')}</li>`;
  return `<li>${escaped(text)}: <span class="${verdict}">${shown(measured as number)}${ratio ? '×' : ''}, ${verdict}</span></li>`;
}

const LABEL = 260;
const WIDTH = 900;
const BAR = 20;

/** One bar per contestant that has the figure. */
function chart(rows: readonly Row[], metric: string): string {
  const bars = rows.flatMap((row) => {
    const figure = row.figures[metric];
    return figure === undefined || figure.median <= 0 ? [] : [{ row, figure }];
  });
  if (bars.length === 0) return '<p class="dim">not measured</p>';
  const scale = scaleOf(bars.map(({ figure }) => figure));
  const lines = bars.map(({ row, figure }, index) => bar(row, figure, { y: index * (BAR + 6), scale }));
  const height = bars.length * (BAR + 6);
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img">${lines.join('')}</svg>`;
}

function scaleOf(figures: readonly Figure[]): (value: number) => number {
  const most = Math.max(...figures.map(({ max }) => max));
  const least = Math.min(...figures.map(({ min, median }) => (min > 0 ? min : median)));
  const room = WIDTH - LABEL - 90;
  if (most / least <= 30) return (value) => (value / most) * room;
  const low = Math.log(least / 2);
  return (value) => (Math.max(0, Math.log(value) - low) / (Math.log(most) - low)) * room;
}

function bar(
  row: Row,
  figure: Figure,
  { y, scale }: { y: number; scale: (value: number) => number },
): string {
  const [width, from, to] = [figure.median, figure.min, figure.max].map((value) => scale(value).toFixed(1));
  const middle = y + BAR / 2;
  const end = LABEL + Math.max(Number(width), Number(to)) + 6;
  return `<text x="${LABEL - 8}" y="${middle + 4}" text-anchor="end">${escaped(row.name)}</text>
<rect class="bar ${row.kind}" x="${LABEL}" y="${y}" width="${width}" height="${BAR}" rx="2"/>
<line class="spread" x1="${LABEL + Number(from)}" x2="${LABEL + Number(to)}" y1="${middle}" y2="${middle}"/>
<text x="${end.toFixed(1)}" y="${middle + 4}">${shown(figure.median)}</text>`;
}

function figuresTable({ metrics, rows }: ContestResult): string {
  const head = metrics.map(
    ({ label, unit }) => `<th>${escaped(unit === '' ? label : `${label}, ${unit}`)}</th>`,
  );
  const body = rows.map((row) => {
    if (row.skipped !== undefined)
      return `<tr class="dim"><td>${escaped(row.name)}</td><td colspan="${metrics.length + 1}">not measured: ${escaped(row.skipped)}</td></tr>`;
    const cells = metrics.map(({ name }) => `<td>${range(row.figures[name])}</td>`).join('');
    const ratio = row.timesFloor === undefined ? '' : shown(row.timesFloor.median);
    return `<tr class="${row.kind}"><td>${escaped(row.name)}</td>${cells}<td>${ratio}</td></tr>`;
  });
  return `<div class="scroll"><table><thead><tr><th></th>${head.join('')}<th>× floor</th></tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}

function range(figure: Figure | undefined): string {
  if (figure === undefined) return '–';
  const { median, min, max } = figure;
  return min === max
    ? shown(median)
    : `${shown(median)} <span class="dim">(${shown(min)}..${shown(max)})</span>`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
