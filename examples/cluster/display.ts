// What a display must be able to do, and the one for pipes and files: plain lines.
import type { ProcessState } from './child-node.ts';
import type { ChangeLine, Status } from './messages.ts';

/** One node, as it is now. */
export interface NodeView {
  readonly id: string;
  readonly state: ProcessState;
  readonly status: Status | undefined;
  readonly operationsPerSecond: number;
}

/** The whole cluster, as it is now. */
export interface ClusterView {
  readonly nodes: readonly NodeView[];
  readonly tables: readonly string[];
  /** What the log is called, without its folder and ending. */
  readonly log: string;
  readonly rowsRead: number;
  readonly rowsTotal: number;
  readonly seconds: number;
  readonly changes: readonly ChangeLine[];
}

/** Shows the cluster while it runs, and what is worth keeping as lines that stay. */
export interface Display {
  /** A line that stays. */
  say(line: string): void;
  /** The present state; the last one counts. */
  show(view: ClusterView): void;
  /** Ends the live part. */
  stop(): void;
}

const PLAIN_MS = 2000;

/** The title of a table: what counts rows of the log is called after it. */
export function titleOf(table: string, log: string): string {
  return table === 'rows_by_client' ? `${log} rows by client` : table.replaceAll('_', ' ');
}

/** Whole numbers as people read them. */
export function number(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** The connection state of a node, in words. */
export function connections({ state, status }: NodeView): string {
  if (state !== 'running') return state;
  const peers = status?.peers ?? [];
  if (peers.some((peer) => peer.startsWith('nats.'))) return 'connected to NATS';
  return peers.length === 0 ? 'alone' : `connected to ${peers.length}`;
}

/** A change in words: who, where, what. */
export function changeText({ author, table, kind, key, value }: ChangeLine): string {
  return `${author.padEnd(9)} ${table.padEnd(14)} ${kind.padEnd(8)} ${key}${value === '' ? '' : ` = ${value}`}`;
}

/** Plain lines, one for each node every two seconds. */
export class PlainDisplay implements Display {
  readonly #write: (text: string) => void;
  #shown = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  say(line: string): void {
    this.#write(`${line}\n`);
  }

  show(view: ClusterView): void {
    const now = performance.now();
    if (now - this.#shown < PLAIN_MS) return;
    this.#shown = now;
    const percent = Math.floor((view.rowsRead / Math.max(1, view.rowsTotal)) * 100);
    this.say(
      `  ${view.seconds.toFixed(0)} s: ${number(view.rowsRead)} of ${number(view.rowsTotal)} rows, ${percent} %`,
    );
    for (const node of view.nodes) {
      const rows = view.tables.map(
        (table) => `${titleOf(table, view.log)} ${number(node.status?.rows[table] ?? 0)}`,
      );
      const facts = [`${number(node.operationsPerSecond)} operations/s`, `lag ${node.status?.lag ?? 0}`];
      const running = node.state === 'running' ? [...facts, ...rows] : [];
      this.say(`    ${[node.id.padEnd(9), connections(node), ...running].join(' | ')}`);
    }
    const latest = view.changes.at(-1);
    if (latest !== undefined) this.say(`    change    | ${changeText(latest)}`);
  }

  stop(): void {
    this.#shown = 0;
  }
}
