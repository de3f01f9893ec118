import CliTable from 'cli-table3';
import Papa from 'papaparse';
import { colors } from './colors.ts';
import type { QueryCell, QueryResult } from '../index.ts';
import { harmless, visible } from './output.ts';

/** The ways in which an answer is printed. */
export type AnswerFormat = 'table' | 'csv' | 'json';

/** The answer to a query as text, in pieces. */
export function* answerText(
  answer: QueryResult,
  { format, width }: { readonly format: AnswerFormat; readonly width: number },
): Generator<string> {
  if (format === 'table') return yield drawnAnswer(answer, width);
  if (format === 'csv') yield csvLine(answer.columns);
  for (const row of answer.rows) {
    const cells = answer.columns.map((name) => row[name] ?? null);
    yield format === 'csv' ? csvLine(cells.map(textOf)) : jsonLine(answer.columns, cells);
  }
}

/** A table with a line for each row, or where it is wider than the terminal, a paragraph for each row. */
function drawnAnswer({ columns, rows }: QueryResult, width: number): string {
  if (rows.length === 0) return '';
  const lines = rows.map((row) => columns.map((name) => visible(textOf(row[name] ?? null))));
  const first = rows[0];
  const colAligns = columns.map((name) => (typeof first?.[name] === 'string' ? 'left' : 'right'));
  const head = columns.map((name) => visible(name));
  const table = new CliTable({ head, style: { head: [], border: [] }, colAligns });
  table.push(...lines);
  const text = table.toString();
  if ((text.split('\n')[0] ?? '').length <= width) return harmless(`${text}\n`);
  const said = (cells: readonly string[]): string =>
    cells.map((cell, at) => `${colors.bold(head[at] ?? '')}: ${cell}\n`).join('');
  return harmless(lines.map(said).join('\n'));
}

function csvLine(cells: readonly string[]): string {
  return `${Papa.unparse([[...cells]], { newline: '\n' })}\n`;
}

/** Numbers as they are, integers beyond 2^53-1 as their digits in text, bytes in hexadecimal. */
function jsonLine(columns: readonly string[], cells: readonly QueryCell[]): string {
  const named = columns.map((name, at) => {
    const cell = cells[at] ?? null;
    const isPlain = typeof cell === 'number' ? Number.isFinite(cell) : cell === null;
    return `${JSON.stringify(name)}:${JSON.stringify(isPlain ? cell : textOf(cell))}`;
  });
  return harmless(`{${named.join(',')}}\n`);
}

function textOf(cell: QueryCell): string {
  if (cell === null) return '';
  return cell instanceof Uint8Array ? Buffer.from(cell).toString('hex') : String(cell);
}
