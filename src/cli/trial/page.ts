import { inThousands } from '../../options/in-thousands.ts';
import type { ClusterResult, Comparison, ModeRefusal, ModeResult } from '../../trial/index.ts';
import { visible } from '../output.ts';
import { type Figure, type FigureGroup, figureGroups, wasRun } from './figures.ts';
import { PAGE_STYLE } from './page-style.ts';
import {
  clusterText,
  commandText,
  interleavingText,
  leftOutText,
  verdictText,
  workloadText,
} from './words.ts';

/**
 * Returns a comparison as one HTML page: no script, nothing fetched, and a policy that forbids both. Names
 * from logs are text in it, whatever they hold.
 */
export function comparisonPage(comparison: Comparison): string {
  const { source, clusters } = comparison;
  const left = leftOutText(comparison);
  const title = `Conflict modes compared: ${source.log ?? 'generated log'}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<h1>Conflict modes compared</h1>
<p class="lead">${escaped(sentence(workloadText(comparison)))}</p>
${left === undefined ? '' : `<p class="note">${escaped(left)}</p>`}
${clusters.map((cluster) => clusterSection(comparison, cluster)).join('\n')}
${WORDS}
<h2>The same again</h2>
<pre><code>${escaped(commandText(comparison))}</code></pre>
<p class="note">Losses, conflicts, differences and bytes of the simulated cluster come out the same each time. Writes per second and memory do not, and nothing of real clusters does.</p>
</main>
</body>
</html>
`;
}

const WORDS = `<h2>What the words mean</h2>
<dl>
<dt>naive</dt><dd>No conflict resolution: a write takes effect when it arrives, whatever is there. Nodes can end different.</dd>
<dt>lww</dt><dd>The last writer wins, by a hybrid logical clock, on every node the same one. Of two writes at once one is lost.</dd>
<dt>automerge</dt><dd>Tables are Automerge documents: increments add up, and of two values written at once both stay readable.</dd>
<dt>At once</dt><dd>Two nodes write one key, and neither has the other's write yet: both were under way, or a link was cut.</dd>
<dt>Increment lost</dt><dd>A node reads 7 and writes 8; another, which has not heard of it, reads 7 and writes 8 as well. Two were counted, and the table says 8. Judged against the rows themselves, not against any table.</dd>
<dt>Update lost</dt><dd>A value was written and replaced by somebody who had not read it, and no node has it any more.</dd>
<dt>Key in conflict</dt><dd>A write met a row its author had not seen, and the table said so.</dd>
</dl>`;

function clusterSection(comparison: Comparison, cluster: ClusterResult): string {
  const { modes } = cluster;
  const groups = figureGroups(comparison, cluster.cluster);
  const id = cluster.cluster;
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${escaped(clusterText(cluster.cluster))}</h2>
<ul class="verdicts">
${modes.map((mode) => `<li class="${mode.mode}">${escaped(verdictText(mode, comparison.rows))}</li>`).join('\n')}
</ul>
<p class="note">${escaped(interleavingText(cluster))}</p>
${groups.map((group) => chartsOf(group, modes)).join('\n')}
<h3>All figures</h3>
${figureTable(groups, modes)}
${busiestTable(cluster)}
</section>`;
}

function chartsOf({ title, figures }: FigureGroup, modes: ClusterResult['modes']): string {
  const results = modes.filter(wasRun);
  const charts = figures.flatMap((figure) => {
    const numbers = results.map((mode) => figure.number(mode));
    return numbers.every((number) => number === undefined) ? [] : [chart(figure, results)];
  });
  return `<h3>${escaped(title)}</h3>
<div class="charts">
${charts.join('\n')}
</div>`;
}

/** Returns a table whose cells are bars, so that it can be read without seeing it. */
function chart(figure: Figure, results: readonly ModeResult[]): string {
  const most = Math.max(...results.map((result) => figure.number(result) ?? 0));
  const sense = { less: 'Less is better.', more: 'More is better.', none: '' }[figure.better];
  return `<figure>
<figcaption><b>${escaped(figure.label)}</b><small>${escaped(`${figure.explanation} ${sense}`.trim())}</small></figcaption>
<table class="bars"><tbody>
${results.map((result) => barRow(figure, result, most)).join('\n')}
</tbody></table>
</figure>`;
}

function barRow(figure: Figure, result: ModeResult, most: number): string {
  const number = figure.number(result) ?? 0;
  const width = most === 0 ? 0 : Math.max(0, (number / most) * 100);
  const bar = width === 0 ? '' : `<span class="fill" style="width:${width.toFixed(1)}%"></span>`;
  return `<tr class="${result.mode}"><th scope="row">${result.mode}</th><td class="track">${bar}</td><td class="value">${escaped(figure.text(result))}</td></tr>`;
}

function figureTable(groups: readonly FigureGroup[], modes: ClusterResult['modes']): string {
  const head = modes.map(({ mode }) => `<th scope="col">${mode}</th>`).join('');
  const bodies = groups.map(({ title, figures }) => {
    const rows = figures.map(
      (figure) =>
        `<tr><th scope="row">${escaped(figure.label)}</th>${modes.map((mode) => cell(figure, mode)).join('')}</tr>`,
    );
    return `<tbody><tr class="group"><th colspan="${modes.length + 1}" scope="colgroup">${escaped(title)}</th></tr>${rows.join('\n')}</tbody>`;
  });
  return `<div class="scroll" tabindex="0" role="region" aria-label="All figures">
<table class="all"><thead><tr><th scope="col">figure</th>${head}</tr></thead>
${bodies.join('\n')}
</table></div>`;
}

function cell(figure: Figure, mode: ModeResult | ModeRefusal): string {
  if (!wasRun(mode)) return '<td class="absent">not run</td>';
  const mark = !figure.loss ? '' : figure.number(mode) === 0 ? ' class="fine"' : ' class="lossy"';
  return `<td${mark}>${escaped(figure.text(mode))}</td>`;
}

/** Returns the keys with the most rows: the true count, and what each node of each mode came to. */
function busiestTable({ modes }: ClusterResult): string {
  const results = modes.filter(wasRun);
  const [first] = results;
  if (first === undefined) return '';
  const head = results.map(({ mode }) => `<th scope="col">${mode}</th>`).join('');
  const rows = first.judgement.counts.busiest.map(({ key, rows: truth }, index) => {
    const cells = results.map(({ judgement }) => {
      const counted = judgement.counts.busiest[index]?.counted ?? [];
      const exact = counted.every((each) => each === truth);
      const texts = new Set(counted).size === 1 ? counted.slice(0, 1) : counted;
      return `<td class="${exact ? 'fine' : 'lossy'}">${texts.map(inThousands).join(' · ')}</td>`;
    });
    return `<tr><th scope="row">${escaped(visible(key))}</th><td>${inThousands(truth)}</td>${cells.join('')}</tr>`;
  });
  return `<h3>The busiest keys</h3>
<p class="note">True count, and what the nodes say in the end; several numbers where nodes differ.</p>
<div class="scroll" tabindex="0" role="region" aria-label="The busiest keys">
<table class="all"><thead><tr><th scope="col">key</th><th scope="col">true</th>${head}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function escaped(text: string): string {
  return visible(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
