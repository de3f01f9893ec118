// The display for a terminal: one picture, drawn again in place.
import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import { createLogUpdate } from 'log-update';
import { colors } from './colors.ts';
import { fitting } from '../../src/cli/drawn-rows.ts';
import {
  changeText,
  connections,
  number,
  titleOf,
  type ClusterView,
  type Display,
  type NodeView,
} from './display.ts';
import type { ChangeLine } from './messages.ts';

const FRAME_MS = 100;
const BAR_WIDTH = 40;
const NO_TOP = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '' };
const NO_LINES = { mid: '', 'mid-mid': '', 'left-mid': '', 'right-mid': '' };
const NO_BOTTOM = { bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' };
const ONLY_SPACES = { ...NO_TOP, ...NO_LINES, ...NO_BOTTOM, left: '  ', middle: '  ', right: '' };

/** Redraws in place with log-update; lines that stay are written above the picture. */
export class TerminalDisplay implements Display {
  readonly #stream: NodeJS.WriteStream;
  readonly #update: ReturnType<typeof createLogUpdate>;
  #frame = '';
  #drawn = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#update = createLogUpdate(stream);
  }

  say(line: string): void {
    this.#update.clear();
    // What is to be pasted stays in one piece.
    const isCommand = /^ +(?:node|npm|rm) /.test(line);
    this.#stream.write(`${isCommand ? line : fitting(line, this.#stream.columns)}\n`);
    if (this.#frame !== '') this.#update(this.#frame);
  }

  show(view: ClusterView): void {
    const now = performance.now();
    if (now - this.#drawn < FRAME_MS) return;
    this.#drawn = now;
    this.#frame = frameOf(view, this.#stream.columns);
    this.#update(this.#frame);
  }

  stop(): void {
    this.#update.clear();
    this.#update.done();
    this.#frame = '';
  }
}

function frameOf(view: ClusterView, columns: number): string {
  const changes = view.changes.map((change) => `  ${changeLine(change, columns - 3)}`);
  return [
    '',
    `  ${bar(view, columns)}`,
    '',
    nodesOf(view, columns),
    '',
    colors.bold('  latest changes') + colors.dim(' at the manager, a few of many'),
    ...changes,
    '',
  ].join('\n');
}

function bar({ rowsRead, rowsTotal, seconds }: ClusterView, columns: number): string {
  const share = rowsTotal === 0 ? 0 : rowsRead / rowsTotal;
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  const words = ` ${percent}  ${number(rowsRead)} of ${number(rowsTotal)} rows, ${seconds.toFixed(0)} s`;
  const width = Math.max(0, Math.min(BAR_WIDTH, columns - words.length - 3));
  const full = Math.round(share * width);
  return `${colors.cyan('█'.repeat(full))}${colors.dim('░'.repeat(width - full))}${words}`;
}

/** The nodes in columns, or where the terminal is too narrow, each in lines of its own. */
function nodesOf(view: ClusterView, columns: number): string {
  const table = nodeTable(view);
  if (
    Math.max(
      ...stripVTControlCharacters(table)
        .split('\n')
        .map((line) => line.length),
    ) < columns
  )
    return table;
  return view.nodes.map((node) => nodeLines(node, view, columns)).join('\n');
}

function nodeLines(node: NodeView, { tables, log }: ClusterView, columns: number): string {
  if (node.state !== 'running') return `  ${node.id}: ${colors.red(connections(node))}`;
  const rows = tables.map((name) => `${titleOf(name, log)} ${number(node.status?.rows[name] ?? 0)}`);
  const rate = `${number(node.operationsPerSecond)} operations/s, lag ${number(node.status?.lag ?? 0)}`;
  const facts = [rate, ...rows].join(', ');
  return `  ${node.id}: ${colors.green(connections(node))}\n${fitting(`    ${facts}`, columns - 1)}`;
}

function nodeTable({ nodes, tables, log }: ClusterView): string {
  const titles = tables.map((name) => titleOf(name, log).replace(/ (?=\S+$)|(?<=rows) /, '\n'));
  const head = ['node', ...titles, 'operations\n/s', 'lag', 'state'];
  const table = new Table({
    head: head.map((title) => colors.bold(title)),
    colAligns: head.map((_, index) => (index === 0 || index === head.length - 1 ? 'left' : 'right')),
    chars: ONLY_SPACES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const node of nodes) table.push(nodeRow(node, tables));
  return table.toString();
}

function nodeRow(node: NodeView, tables: readonly string[]): string[] {
  const state = connections(node);
  if (node.state !== 'running') {
    return [node.id, ...tables.map(() => '-'), '-', '-', colors.red(state)];
  }
  const rows = tables.map((name) => number(node.status?.rows[name] ?? 0));
  const rate = number(node.operationsPerSecond);
  return [node.id, ...rows, rate, number(node.status?.lag ?? 0), colors.green(state)];
}

const KIND_COLORS: ReadonlyMap<string, (text: string) => string> = new Map([
  ['new', colors.green],
  ['expired', colors.yellow],
  ['removed', colors.red],
]);

function changeLine(change: ChangeLine, width: number): string {
  return (KIND_COLORS.get(change.kind) ?? colors.dim)(changeText(change).slice(0, width));
}
