import { type Command, Option } from 'commander';
import type { Key, LogFile, Value } from '../../index.ts';
import { exitingWith, newCommand, wholeNumber } from '../command.ts';
import { counted } from '../counted.ts';
import { EXIT, usageError } from '../failure.ts';
import { type FileFlags, declarationIn, withFile, withLogFile } from '../log-source.ts';
import { parseClock } from '../moment.ts';
import { note, printAll, together } from '../output.ts';
import { RowText } from '../row-text.ts';

interface ReplayFlags extends FileFlags {
  readonly position?: number | undefined;
  readonly time?: number | undefined;
  readonly table?: string | undefined;
}

/** `tablecast replay`: tables as they were. */
export function replayCommand(): Command {
  const command = newCommand(
    'replay',
    "rebuild tables from the log in a node's database, as they were at a moment",
    [
      'tablecast replay --file data/manager.tablecast.db --table known_hosts',
      'tablecast replay --directory data --id manager --table known_hosts --position 120',
      'tablecast replay --file data/manager.tablecast.db --time 2026-01-31T12:00:00Z --json',
    ],
  );
  return withFile(command)
    .option('--table <name>', 'only this one; otherwise all')
    .option('--position <n>', 'once the operation there was applied', wholeNumber('--position'))
    .addOption(
      new Option('--time <time>', 'with everything written up to then, such as 2026-01-31T12:00:00Z')
        .argParser(parseClock('--time'))
        .conflicts('position'),
    )
    .addHelpText(
      'after',
      '\nThe file is opened for reading only, also while the node runs. Nothing but the log is used, from its\n' +
        'beginning: of a log that was trimmed, tablecast export --file prints the present rows.',
    )
    .action(exitingWith(replay));
}

async function replay(flags: ReplayFlags): Promise<number> {
  return withLogFile(flags, async (file) => {
    const { position } = flags;
    if (position !== undefined && position > file.position) {
      throw usageError(
        `--position ${position} lies behind the end of the log.`,
        `Its end is ${file.position}.`,
      );
    }
    for (const table of flags.table === undefined ? file.tables.keys() : [flags.table]) {
      const text = new RowText(table, declarationIn(file, table));
      const rows = await file.stateAt({ table, position, time: flags.time });
      await printAll(together(lines({ table, rows, text }, flags.json === true)));
      note(`${table}: ${counted(rows.size, 'row')} ${momentText(file, flags)}`);
    }
    return EXIT.ok;
  });
}

function momentText(file: LogFile, { position, time }: ReplayFlags): string {
  return time === undefined
    ? `at position ${position ?? file.position}`
    : `as of ${new Date(time).toISOString()}`;
}

interface Replayed {
  readonly table: string;
  readonly rows: ReadonlyMap<Key, Value>;
  readonly text: RowText;
}

function* lines({ table, rows, text }: Replayed, json: boolean): Generator<string> {
  for (const [key, value] of rows) {
    if (json) {
      const values = value === undefined ? '' : `,"value":${text.valueJson(value)}`;
      yield `{"table":${JSON.stringify(table)},"key":${text.keyJson(key)}${values}}\n`;
    } else {
      yield `${[table, text.keyText(key), text.valueText(value)].filter((part) => part !== '').join('\t')}\n`;
    }
  }
}
