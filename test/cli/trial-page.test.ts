import { expect, test } from 'vitest';
import { comparisonPage } from '../../src/cli/trial/page.ts';
import { comparisonLines } from '../../src/cli/trial/table.ts';
import type { Comparison, ModeResult } from '../../src/trial/index.ts';

const HOSTILE = `</td><script src="http://evil.example/x.js"></script>'"&amp;\u001b[2J\u202e`;

const table = { keysInConflict: 3, keysDiverged: 2, divergedReported: 1, falselyReported: 1 };

function result(mode: ModeResult['mode'], lost: number): ModeResult {
  return {
    mode,
    judgement: {
      rows: 100,
      keys: 2,
      concurrentRows: 40,
      keysWrittenConcurrently: 2,
      counts: {
        ...table,
        counted: [100 - lost, 100, 100],
        lost: [lost, 0, 0],
        excess: 0,
        busiest: [{ key: HOSTILE, rows: 60, counted: [60 - lost, 60, 60] }],
      },
      latest: { ...table, lost, kept: 7 },
    },
    wireBytes: 12_345,
    diskBytes: 54_321,
    interleaving: 'aa',
    measured: { writesPerSecond: 1234.5, latencyMs: undefined, memoryBytes: undefined },
  };
}

const refused = {
  mode: 'automerge',
  refused: { code: 'DECLARATION_INVALID', message: `Not here: ${HOSTILE}`, hint: 'npm install <it>' },
} as const;

const comparison: Comparison = {
  source: {
    log: HOSTILE,
    fields: { key: HOSTILE, value: HOSTILE },
    skippedLines: 1,
    skippedRecords: 2,
    more: true,
  },
  options: { nodes: 3, seed: 1, concurrent: 50, partitions: 10 },
  rows: 100,
  keys: 2,
  stretches: { all: 20, busy: 10, cut: 2 },
  clusters: (['simulated', 'real'] as const).map((cluster) => ({
    cluster,
    modes: [result('naive', 13), result('lww', 0), refused],
  })),
};

const VOID = new Set(['meta', '!doctype']);

/** Names of tags that are not closed in order, and ids that are not unique. */
function faultsOf(page: string): string[] {
  const faults: string[] = [];
  const open: string[] = [];
  for (const [, slash, name = ''] of page.matchAll(/<(\/?)([!a-z][a-z0-9]*)(?:\s[^<>]*)?>/g)) {
    if (VOID.has(name)) continue;
    if (slash === '') open.push(name);
    else if (open.pop() !== name) faults.push(`</${name}>`);
  }
  const rest = page.replaceAll(/<\/?[!a-z][a-z0-9]*(?:\s[^<>]*)?>/g, '');
  if (/[<>]/.test(rest.replaceAll(/^.*policy.*$/gm, '')))
    faults.push(`stray: ${/.{0,40}[<>].{0,40}/.exec(rest)?.[0]}`);
  const ids = Array.from(page.matchAll(/ id="([^"]*)"/g), ([, id]) => id);
  if (new Set(ids).size !== ids.length) faults.push('ids');
  return [...faults, ...open];
}

test('the page is well-formed, whatever logs and messages hold', () => {
  const page = comparisonPage(comparison);
  expect(faultsOf(page)).toEqual([]);
  expect(faultsOf(page.replace('</main>', ''))).not.toEqual([]);
  expect(page).not.toContain('<script');
  expect(page).toContain('&lt;script');
  // eslint-disable-next-line no-control-regex
  expect(page).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
});

test('the page fetches nothing: no address in any tag, and a policy that forbids it', () => {
  const page = comparisonPage(comparison);
  for (const [tag] of page.matchAll(/<[a-z][^<>]*>/g))
    expect(tag).not.toMatch(/\s(?:src|href|action|on\w+)=|url\(/i);
  expect(page).not.toMatch(/@import|url\(/);
  expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
});

test('page and terminal say the same figures, and why a mode was not run', () => {
  const page = comparisonPage(comparison);
  const lines = comparisonLines(comparison).join('\n');
  for (const shown of [page, lines]) {
    expect(shown).toContain('13 (13.0 %)');
    expect(shown).toContain('87 to 100');
    expect(shown).toContain('2 (1 reported, and 1 that do not)');
    expect(shown).toContain('not run');
    expect(shown).toContain('automerge was not run: Not here: ');
  }
  expect(page).toContain('<td class="lossy">47 · 60 · 60</td>');
  expect(lines).not.toContain('\u001b[2J');
});

test('bars are as long as their figures', () => {
  const widths = Array.from(comparisonPage(comparison).matchAll(/style="width:([\d.]+)%"/g), ([, width]) =>
    Number(width),
  );
  expect(Math.max(...widths)).toBe(100);
  expect(Math.min(...widths)).toBeGreaterThan(0);
});
