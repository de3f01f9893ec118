import type { Command } from 'commander';
import { colors } from '../colors.ts';
import { exitingWith, newCommand } from '../command.ts';
import { counted } from '../counted.ts';
import { hanging, terminalWidth } from '../drawn-rows.ts';
import { EXIT, usageError } from '../failure.ts';
import { followConflicts } from '../http-conflicts.ts';
import { isHttp } from '../http-node.ts';
import { declarationIn, withLogFile } from '../log-source.ts';
import { type ToldConflict, type ToldSide, shownLimit, withLimit, withLooks } from '../looking.ts';
import { type NodeOrFileFlags, namesFile, withNodeOrFile } from '../node-or-file.ts';
import { note, print, visible } from '../output.ts';
import { RowText } from '../row-text.ts';

interface ConflictFlags extends NodeOrFileFlags {
  readonly limit?: number | undefined;
  readonly follow?: boolean | undefined;
}

/** The conflicts of one table, with the words for its rows. */
interface TableConflicts {
  readonly name: string;
  readonly text: RowText;
  readonly conflicts: readonly ToldConflict[];
  readonly complete: boolean;
}

/** `tablecast conflicts`: what was written concurrently, and what became of it. */
export function conflictsCommand(): Command {
  const command = newCommand(
    'conflicts',
    'print what was written concurrently: which value stands, which was lost',
    [
      'tablecast conflicts known_hosts',
      'tablecast conflicts --limit 20 --json',
      'tablecast conflicts known_hosts --file data/manager.tablecast.db',
      'tablecast conflicts --follow --peer http://127.0.0.1:47780',
    ],
  );
  return withLimit(withNodeOrFile(command), 'conflicts of each table')
    .argument('[table]', 'only of this table; left out, of all')
    .option('--follow', 'print conflicts from now on, until Ctrl-C; --peer is then the HTTP port of the node')
    .addHelpText(
      'after',
      '\nOldest first: what the log of that node tells when it is folded again, which takes as much memory as the rows\n' +
        'of a table, and for a long log its time. Other nodes may have kept the other value: see tablecast diff.',
    )
    .action(exitingWith(conflicts));
}

async function conflicts(name: string | undefined, flags: ConflictFlags): Promise<number> {
  const limit = shownLimit(flags.limit);
  if (flags.follow === true) return followConflicts(name, flags);
  const isOfFile = namesFile(flags);
  if (!isOfFile && isHttp(flags.peer)) {
    throw usageError(
      'Without --follow conflicts are asked of the ws:// address of a node.',
      'Give --peer ws://HOST:PORT, or add --follow for those from now on.',
    );
  }
  const show = (found: TableConflicts): void => showTable(found, { json: flags.json === true, limit });
  if (isOfFile) {
    await withLogFile(flags, async (file) => {
      for (const table of name === undefined ? file.tables.keys() : [name]) {
        const text = new RowText(table, declarationIn(file, table));
        const found = await file.conflicts(table, limit + 1);
        const told = found.map(({ key, kept, lost, operation: { position, time } }) => {
          return { key, kept, lost, position, time };
        });
        show({ name: table, text, conflicts: told.slice(-limit), complete: told.length <= limit });
      }
    });
    return EXIT.ok;
  }
  await withLooks(flags, async (node) => {
    for (const table of name === undefined ? await node.tables() : [name]) {
      const { declaration } = await node.table(table);
      show({ name: table, text: new RowText(table, declaration), ...(await node.conflicts(table, limit)) });
    }
  });
  return EXIT.ok;
}

function showTable(
  { name, text, conflicts: found, complete }: TableConflicts,
  { json, limit }: { readonly json: boolean; readonly limit: number },
): void {
  if (!json) print(headOf(name, found.length, complete));
  for (const conflict of found)
    print(json ? jsonOf(name, text, conflict) : paragraphOf(text, conflict, terminalWidth()));
  if (json && !complete) note(visible(`${name}: only the newest ${Math.min(limit, found.length)} conflicts`));
}

function headOf(name: string, count: number, complete: boolean): string {
  if (!complete) return `${name}: the newest ${count} conflicts`;
  return `${name}: ${count === 0 ? 'no conflicts' : counted(count, 'conflict')}`;
}

/** Words a conflict: the key, then what stands and what was lost, each with the write that it comes from. */
export function paragraphOf(text: RowText, conflict: ToldConflict, columns: number): string {
  const { key, kept, lost, position, time } = conflict;
  const side = (word: string, { value, origin, sequence }: ToldSide): string => {
    const by = colors.dim(`${visible(origin)} ${sequence}`);
    const what = value === undefined && !text.isSet ? ['removed'] : text.isSet ? [] : [text.valueText(value)];
    return hanging(`  ${word}  ${[...what, by].join('  ')}`, columns);
  };
  const where = colors.dim(`${new Date(time).toISOString()} at ${position}`);
  return [
    hanging(`${colors.bold(text.keyText(key))}  ${where}`, columns),
    side('kept', kept),
    side('lost', lost),
  ].join('\n');
}

function jsonOf(name: string, text: RowText, { key, kept, lost, position, time }: ToldConflict): string {
  const side = ({ value, origin, sequence }: ToldSide): string =>
    `{"value":${text.valueJson(value)},${JSON.stringify({ origin, sequence }).slice(1)}`;
  const head = `"table":${JSON.stringify(name)},"position":${position},"time":${time},"key":${text.keyJson(key)}`;
  return `{${head},"kept":${side(kept)},"lost":${side(lost)}}`;
}
