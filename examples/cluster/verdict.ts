// What came out: the comparison of nodes, logs and file, in words.
import { colors } from './colors.ts';
import type { Outcome } from './coordinator.ts';
import { number } from './display.ts';
import type { Row, Verified } from './messages.ts';
import type { Survey } from './survey.ts';

const KEYS_SHOWN = 10;

/** The rows of one table in which nodes differ. */
export interface Differences {
  readonly table: string;
  readonly keys: readonly DifferingKey[];
}

/** One key, its value on each node (undefined: no row), and why. */
export interface DifferingKey {
  readonly key: string;
  readonly values: ReadonlyMap<string, string | undefined>;
  readonly reason: string;
}

/** The keys of a table that are not the same on every node. */
export function differencesOf(
  table: string,
  rowsByNode: ReadonlyMap<string, readonly Row[]>,
  nodes: ReadonlyMap<string, Verified>,
): Differences {
  const maps = Array.from(rowsByNode, ([id, rows]) => [id, new Map(rows)] as const);
  const keys = new Set(maps.flatMap(([, rows]) => [...rows.keys()]));
  const reported = new Set(Array.from(nodes.values(), ({ conflictKeys }) => conflictKeys).flat());
  const differing: DifferingKey[] = [];
  for (const key of [...keys].toSorted()) {
    const values = new Map(maps.map(([id, rows]) => [id, rows.get(key)]));
    if (new Set(values.values()).size === 1) continue;
    const reason = reported.has(`${table} ${key}`)
      ? 'written on two nodes at the same time: both kept what arrived last, both reported the conflict'
      : 'no conflict was reported for it: this should not happen, please report it';
    differing.push({ key, values, reason });
  }
  return { table, keys: differing };
}

/** What the run shows. */
export interface Verdict {
  readonly lines: readonly string[];
  /** Every node equal, every replay equal to the live rows, and all equal to the file. */
  readonly isGood: boolean;
}

/** Judges a run. */
export function verdictOn(outcome: Outcome, survey: Survey): Verdict {
  const checks = [nodesEqual(outcome), replaysEqual(outcome), fileEqual(outcome, survey)];
  const conflicts = [...outcome.nodes.values()].reduce((sum, node) => sum + node.conflicts, 0);
  const lines = ['', colors.bold('Result'), '', ...tableLines(outcome, survey), ''];
  for (const { passed, text } of checks) {
    lines.push(`  ${passed ? colors.green('yes') : colors.red('NO ')}  ${text}`);
  }
  lines.push(`  ${conflictLine(conflicts)}`, ...outcome.differences.flatMap(differenceLines));
  return { lines, isGood: checks.every(({ passed }) => passed) };
}

interface Check {
  readonly passed: boolean;
  readonly text: string;
}

function nodesEqual({ differences }: Outcome): Check {
  const keys = differences.reduce((sum, difference) => sum + difference.keys.length, 0);
  const text = keys === 0 ? 'no differences' : `no, ${number(keys)} keys differ, see below`;
  return { passed: keys === 0, text: `every node has the same rows: ${text}` };
}

function replaysEqual({ nodes, tables }: Outcome): Check {
  const wrong: string[] = [];
  for (const [id, verified] of nodes) {
    for (const table of tables) {
      const check = verified.tables[table];
      if (check?.digest !== check?.replayedDigest) wrong.push(`${table} on ${id}`);
    }
  }
  const replayed = Array.from(nodes, ([id, { operations }]) => `${id} ${number(operations)}`).join(', ');
  const text = wrong.length === 0 ? `operations replayed: ${replayed}` : `not so ${wrong.join(', ')}`;
  return {
    passed: wrong.length === 0,
    text: `each node's log, replayed into fresh tables, gives its live rows\n       (${text})`,
  };
}

function fileEqual({ nodes }: Outcome, survey: Survey): Check {
  const wrong = [...survey.tables].filter(([table, { digest }]) =>
    [...nodes.values()].some(({ tables }) => tables[table]?.digest !== digest),
  );
  const text = 'rows and counts are those of one undisturbed process';
  const except = wrong.length === 0 ? '' : `;\n       not so ${wrong.map(([table]) => table).join(', ')}`;
  return {
    passed: wrong.length === 0,
    text: `${text}:\n       nothing is lost, nothing is counted twice${except}`,
  };
}

function tableLines({ nodes, tables }: Outcome, survey: Survey): string[] {
  const head = ['rows of', ...nodes.keys(), 'expected'];
  const rows = tables.map((table) => [
    table,
    ...Array.from(nodes.values(), (verified) => number(verified.tables[table]?.rows ?? 0)),
    expectedRows(survey, table),
  ]);
  return [head, ...rows].map(([name, ...cells]) => {
    return `  ${name?.padEnd(14)}${cells.map((cell) => cell.padStart(11)).join('')}`;
  });
}

/** A contested table has no expected rows: its last writer decides. */
function expectedRows({ tables }: Survey, table: string): string {
  const expected = tables.get(table);
  return expected === undefined ? '-' : number(expected.rows);
}

function conflictLine(conflicts: number): string {
  return conflicts === 0
    ? '0    conflicts reported: each key has one author, so mode naive is exact here'
    : `${number(conflicts)} conflicts reported: writes by nodes that had not seen the present value`;
}

/** The differing keys of a table, in words. */
export function differenceLines({ table, keys }: Differences): string[] {
  const shown = keys
    .slice(0, KEYS_SHOWN)
    .flatMap(({ key, values, reason }) => [
      `    ${key}: ${Array.from(values, ([id, value]) => `${id} has ${value === undefined ? 'no row' : `"${value}"`}`).join(', ')}`,
      `      ${reason}`,
    ]);
  const more = keys.length > KEYS_SHOWN ? [`    … and ${number(keys.length - KEYS_SHOWN)} more`] : [];
  return ['', `  ${table}: ${number(keys.length)} keys differ`, ...shown, ...more];
}
