import type { Command } from 'commander';
import type { LogFile, Operation } from '../../index.ts';
import { exitingWith, newCommand, wholeNumber } from '../command.ts';
import { EXIT } from '../failure.ts';
import { type FileFlags, declarationIn, keptFrom, withFile, withLogFile } from '../log-source.ts';
import { type LogMoment, parseMoment } from '../moment.ts';
import { operationJson, operationLine } from '../operation-lines.ts';
import { printAll, together } from '../output.ts';
import { RowText } from '../row-text.ts';

interface LogFlags extends FileFlags {
  readonly after?: LogMoment | undefined;
  readonly until?: LogMoment | undefined;
  readonly table?: string | undefined;
  readonly last?: number | undefined;
}

/** `tablecast log`: the operations in a node's database. */
export function logCommand(): Command {
  const command = newCommand('log', "print the operations in a node's database, oldest first", [
    'tablecast log --file data/manager.tablecast.db',
    'tablecast log --directory data --id manager --table known_hosts --after 100 --until 200',
    'tablecast log --file data/manager.tablecast.db --after 2026-01-31T12:00:00Z --json',
  ]);
  return withFile(command)
    .option(
      '--after <moment>',
      'only later than a position, a time such as 2026-01-31T12:00:00Z, or so long ago, such as 90m',
      parseMoment('--after'),
    )
    .option('--until <moment>', 'only up to a position, a time, or so long ago', parseMoment('--until'))
    .option('--table <name>', 'only of one table')
    .option('--last <n>', 'only the last so many positions', wholeNumber('--last'))
    .addHelpText(
      'after',
      '\nThe file is opened for reading only, also while the node runs: then it shows what is committed\n' +
        'at this moment. Tables with backend memory are in no file; follow them with tablecast tail.',
    )
    .action(exitingWith(log));
}

async function log(flags: LogFlags): Promise<number> {
  return withLogFile(flags, async (file) => {
    if (flags.table !== undefined) declarationIn(file, flags.table);
    const texts = new Map(Array.from(file.tables, ([name, declared]) => [name, new RowText(name, declared)]));
    const toLine = flags.json === true ? operationJson : operationLine;
    const lineOf = (operation: Operation): string => toLine(operation, texts.get(operation.table));
    const wanted = await rangeOf(file, flags);
    await printAll(together(linesOf(file.follow(wanted.range), wanted.includes, lineOf)));
    return EXIT.ok;
  });
}

async function* linesOf(
  operations: AsyncIterable<Operation>,
  includes: (operation: Operation) => boolean,
  lineOf: (operation: Operation) => string,
): AsyncGenerator<string> {
  for await (const operation of operations) if (includes(operation)) yield lineOf(operation);
}

async function rangeOf(file: LogFile, { after, until, table, last }: LogFlags) {
  const end = positionOf(until, file);
  const first = positionOf(after, file);
  const from = last === undefined ? first : Math.max(first ?? 0, (end ?? file.position) - last);
  const later = after !== undefined && 'time' in after ? after.time : -Infinity;
  const latest = until !== undefined && 'time' in until ? until.time : Infinity;
  return {
    // An `--after` that is no longer in the log is told; of the last ones those are meant that are.
    range: { after: from === first ? from : await keptFrom(file, from), until: end, table },
    includes: ({ time }: Operation) => time > later && time <= latest,
  };
}

function positionOf(moment: LogMoment | undefined, file: LogFile): number | undefined {
  return moment !== undefined && 'position' in moment ? Math.min(moment.position, file.position) : undefined;
}
