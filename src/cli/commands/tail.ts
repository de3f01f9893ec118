import type { Command } from 'commander';
import { colors } from '../colors.ts';
import type { Observable, Subscription } from 'rxjs';
import { map } from 'rxjs/internal/operators/map';
import { merge } from 'rxjs/internal/observable/merge';
import { type Change, type Conflict, type Follower, type Table, follow } from '../../index.ts';
import { type PeerFlags, exitingWith, newCommand, wholeNumber, withPeer } from '../command.ts';
import { type LogFormat, logLine, withLogFormat } from '../event-log.ts';
import { EXIT, usageError } from '../failure.ts';
import { type JoinedNode, type JoinedTable, withNode } from '../joined-node.ts';
import { harmless, note, noteWhole, printAll, together, visible } from '../output.ts';
import { RowText } from '../row-text.ts';
import { untilSignal } from '../signals.ts';

interface TailFlags extends PeerFlags {
  readonly all?: boolean | undefined;
  readonly rows?: boolean | undefined;
  readonly count?: number | undefined;
  readonly logFormat?: LogFormat | undefined;
}

type Colour = (text: string) => string;
const COLOURS: ReadonlyMap<string, Colour> = new Map([
  ['new', colors.green],
  ['changed', colors.yellow],
  ['removed', colors.red],
  ['cleared', colors.red],
  ['expired', colors.magenta],
  ['row', colors.dim],
]);

/** `tablecast tail`: changes as they happen. */
export function tailCommand(): Command {
  const command = newCommand('tail', 'print changes of tables as they happen, until Ctrl-C', [
    'tablecast tail known_hosts',
    'tablecast tail --all --json | jq -c "select(.kind == \\"expired\\")"',
    'tablecast tail known_hosts --rows --count 10',
  ]);
  return withPeer(withLogFormat(command))
    .argument('[table...]', 'tables of the running node')
    .option('--all', 'every table of the node')
    .option('--rows', 'print the rows there are first, as kind row')
    .option('--count <n>', 'end after that many changes', wholeNumber('--count'))
    .addHelpText(
      'after',
      '\nWhen the node goes away, tail waits for it, and prints what changed meanwhile once it is back.',
    )
    .action(exitingWith(tail));
}

async function tail(names: readonly string[], flags: TailFlags): Promise<number> {
  if ((names.length === 0) === (flags.all !== true)) {
    throw usageError('Name tables, or give --all, but not both.', 'For example: tablecast tail known_hosts');
  }
  return withNode(flags, async (joined) => {
    const wanted = flags.all === true ? joined.state.tables.map(({ name }) => name) : [...new Set(names)];
    const tables = wanted.map((name) => joined.declare(name));
    await joined.synced(tables);
    const watching = tellConnection(joined, flags.logFormat);
    try {
      await untilSignal((end, fail) => {
        const { printed, stop } = printChanges(tables, flags);
        printed.then(end, fail);
        return stop;
      });
    } finally {
      watching.unsubscribe();
    }
    return EXIT.ok;
  });
}

/** Bounds the lines that wait for a reader of the output. */
const WAITING_LINES = 65_536;

/** A line, and where it goes: changes to the standard output, conflicts to the standard error. */
interface Line {
  readonly text: string;
  readonly isChange: boolean;
}

/** Prints until the count is reached, or it is stopped. */
function printChanges(
  tables: readonly JoinedTable[],
  flags: TailFlags,
): { readonly printed: Promise<void>; readonly stop: () => void } {
  const streams: Observable<Line>[] = [];
  const rows: Iterable<string>[] = [];
  for (const { table, name, declaration } of tables) {
    const lines = new ChangeLines(name, new RowText(name, declaration), flags.json === true);
    if (flags.rows === true) rows.push(rowLines(table, lines));
    streams.push(
      table.changes.pipe(map((change) => ({ text: lines.change(change), isChange: true }))),
      table.conflicts.pipe(
        map((conflict) => ({ text: lines.conflict(conflict, flags.logFormat), isChange: false })),
      ),
    );
  }
  const follower = follow(merge(...streams), { limit: WAITING_LINES, overflow: 'drop-oldest' });
  const print = async (): Promise<void> => {
    for (const lines of rows) await printAll(together(lines));
    await printLines(follower, flags);
  };
  return { printed: print(), stop: () => void follower.return() };
}

/** Prints no faster than it is read, and says how many lines that left out. */
async function printLines(
  follower: Follower<Line>,
  { count = Infinity, logFormat }: TailFlags,
): Promise<void> {
  let left = count;
  let told = 0;
  const tell = (least: number): void => {
    const missing = follower.skipped - told;
    if (missing < least) return;
    told = follower.skipped;
    const message = `${missing} lines were left out: changes come faster than the output is read`;
    const event = { code: 'output-slow', severity: 'warning', message } as const;
    if (logFormat === undefined) note(message);
    else noteWhole(logLine(event, logFormat));
  };
  if (left === 0) return;
  for await (const { text, isChange } of follower) {
    await printAll([`${harmless(text)}\n`], isChange ? process.stdout : process.stderr);
    if (isChange && --left === 0) break;
    // Told once for many, not once for each of them.
    tell(follower.waiting < WAITING_LINES / 2 ? 1 : WAITING_LINES);
  }
  tell(1);
}

function* rowLines(table: Table, lines: ChangeLines): Generator<string> {
  const isSet = table.declaration.value === undefined;
  for (const entry of table as unknown as Iterable<unknown>) {
    const [key, value] = isSet ? [entry] : (entry as [unknown, unknown]);
    yield `${lines.row(key, value)}\n`;
  }
}

function tellConnection({ node, peerId }: JoinedNode, format: LogFormat | undefined): Subscription {
  let connected = true;
  return node.peers.subscribe(([peer]) => {
    const now = peer?.state === 'connected';
    if (now === connected) return;
    connected = now;
    const message = now
      ? `connected with ${peerId} again`
      : `lost ${peerId} (${peer?.reason ?? ''}); waiting for it`;
    if (format === undefined) return note(visible(message));
    const [code, severity] = now
      ? (['peer-connected', 'info'] as const)
      : (['peer-lost', 'warning'] as const);
    noteWhole(logLine({ code, severity, message, peer: peerId }, format));
  });
}

/** The lines of one table. */
class ChangeLines {
  readonly #table: string;
  readonly #text: RowText;
  readonly #json: boolean;

  constructor(table: string, text: RowText, json: boolean) {
    this.#table = table;
    this.#text = text;
    this.#json = json;
  }

  row(key: unknown, value: unknown): string {
    if (this.#json) return `{"kind":"row",${this.#rowJson(key)},"value":${this.#text.valueJson(value)}}`;
    return this.#plain('row', key, this.#text.valueText(value));
  }

  change({ kind, key, value, previous, operation }: Change<unknown, unknown>): string {
    const text = this.#text;
    if (this.#json) {
      const values = `"value":${text.valueJson(value)},"previous":${text.valueJson(previous)}`;
      const by = { origin: operation.origin, sequence: operation.sequence, time: operation.time };
      return `{"kind":"${kind}",${this.#rowJson(key)},${values},${JSON.stringify(by).slice(1)}`;
    }
    const before = previous === undefined ? '' : `was ${text.valueText(previous)}`;
    const now = value === undefined ? '' : text.valueText(value);
    const values = [now, before].filter((part) => part !== '').join(', ');
    const by = colors.dim(`${new Date(operation.time).toISOString()} ${visible(operation.origin)}`);
    return `${this.#plain(kind, key, values)}  ${by}`;
  }

  conflict({ key, kept, lost }: Conflict<unknown, unknown>, format: LogFormat | undefined): string {
    if (format !== undefined) {
      const message = `kept the write of ${kept.origin}, lost that of ${lost.origin}`;
      return logLine({ code: 'conflict', severity: 'info', message, table: this.#table }, format);
    }
    const { valueText } = { valueText: (value: unknown) => this.#text.valueText(value) };
    const [one, other] = [kept, lost].map((side) => `${valueText(side.value)} of ${visible(side.origin)}`);
    return `conflict in ${this.#table}, key ${this.#text.keyText(key)}: kept ${one}, lost ${other}`;
  }

  #rowJson(key: unknown): string {
    return `"table":${JSON.stringify(this.#table)},"key":${this.#text.keyJson(key)}`;
  }

  #plain(kind: string, key: unknown, values: string): string {
    const colour = COLOURS.get(kind) ?? String;
    const start = `${colour(kind.padEnd(7))} ${this.#table}  ${this.#text.keyText(key)}`;
    return values === '' ? start : `${start}  ${values}`;
  }
}
