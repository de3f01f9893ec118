import CliTable from 'cli-table3';
import wrapAnsi from 'wrap-ansi';
import { colors } from './colors.ts';

/** Rows in columns, and how many characters a line may have. */
export interface Drawing {
  readonly head: readonly string[];
  /** One line each, without marks that steer a terminal. */
  readonly rows: readonly (readonly string[])[];
  /** Columns of numbers. */
  readonly right?: readonly string[] | undefined;
  readonly width: number;
}

/** Returns a table, or where it is wider than the terminal, what each row says line by line. */
export function drawnRows({ head, rows, right = [], width }: Drawing): string {
  const colAligns = head.map((name) => (right.includes(name) ? ('right' as const) : ('left' as const)));
  const table = new CliTable({ head: [...head], style: { head: [], border: [] }, colAligns });
  table.push(...rows.map((cells) => [...cells]));
  const text = table.toString();
  if ((text.split('\n')[0] ?? '').length <= width) return text;
  const said = ([name = '', ...cells]: readonly string[]): string[] => [
    colors.bold(name),
    ...cells.flatMap((cell, at) => (cell === '' ? [] : [hanging(`  ${head[at + 1]}: ${cell}`, width)])),
  ];
  return rows.flatMap(said).join('\n');
}

/** Breaks a line at spaces where the terminal ends, and indents what follows. A longer word stays whole, to be copied. */
export function hanging(line: string, width: number): string {
  if (!Number.isFinite(width)) return line;
  const indent = `${/^ */.exec(line)?.[0] ?? ''}  `;
  const [first = '', ...rest] = wrapAnsi(line, width, { trim: false }).split('\n');
  if (rest.length === 0) return first;
  const below = wrapAnsi(rest.join('').trimStart(), width - indent.length).split('\n');
  return [first.trimEnd(), ...below.map((one) => `${indent}${one}`)].join('\n');
}

/** The width of the terminal; where the output is none, lines are as long as what they say. */
export function terminalWidth(output: { readonly columns?: number | undefined } = process.stdout): number {
  return output.columns ?? Infinity;
}

/** Breaks each line of a text as {@link hanging} does. */
export function fitting(text: string, width: number): string {
  return text
    .split('\n')
    .map((line) => hanging(line, width))
    .join('\n');
}

/** Characters of a line of help where the output is no terminal: as many as the columns of options are drawn for. */
const HELP_WIDTH = 80;

/** Breaks a text of help anew: lines that go on at the margin are one paragraph, others hang as they are. */
export function helpText(text: string, width: number): string {
  const columns = Number.isFinite(width) ? width : HELP_WIDTH;
  return text
    .replace(/(?<=^[^ \n][^\n]*[^.:\n])\n(?=[^ \n])/gm, ' ')
    .split('\n')
    .map((line) => (/^\S/.test(line) ? wrapAnsi(line, columns) : hanging(line, width)))
    .join('\n');
}
