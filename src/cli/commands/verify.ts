import type { Command } from 'commander';
import { colors } from '../colors.ts';
import { type Verification, type VerifiedDatabase, verifyFiles } from '../../index.ts';
import { exitingWith, newCommand, withJson } from '../command.ts';
import { counted } from '../counted.ts';
import { EXIT } from '../failure.ts';
import { print, printText, visible } from '../output.ts';
import { withFileProgress } from '../progress.ts';

/** `tablecast verify`: whether a directory or a backup is sound. */
export function verifyCommand(): Command {
  const command = newCommand('verify', "look through a node's directory, or a backup, and name any damage", [
    'tablecast verify data',
    'tablecast verify /backups/manager-2026-01-31 --json',
  ]);
  return withJson(command)
    .argument('<path>', 'a backup, the directory of a node, which may be running, or a database file')
    .addHelpText(
      'after',
      '\nChecks every page and the checksum of every record, that no operation is missing, that the tables can\n' +
        'be rebuilt, and that checkpoints say what the log says; of a backup also every byte. Changes nothing.\n' +
        'Ends with 4 when something is damaged.',
    )
    .action(exitingWith(verify));
}

async function verify(path: string, flags: { readonly json?: boolean | undefined }): Promise<number> {
  const found = await withFileProgress(flags, (onProgress) => verifyFiles(path, { onProgress }));
  if (flags.json === true) print(JSON.stringify({ sound: found.damages.length === 0, ...found }));
  else for (const line of lines(found)) printText(line);
  return found.damages.length === 0 ? EXIT.ok : EXIT.failed;
}

function* lines({ path, kind, createdAt, databases, damages }: Verification): Generator<string> {
  for (const database of databases) yield describe(database);
  for (const { file, problem } of damages)
    yield `${colors.red('damaged')}  ${visible(file)}: ${visible(problem)}`;
  const what = createdAt === undefined ? kind : `${kind} of ${createdAt}`;
  const found = `damaged in ${counted(damages.length, 'place')}`;
  yield `${visible(path)}: ${what}, ${damages.length === 0 ? colors.green('sound') : colors.red(found)}`;
  if (damages.length > 0)
    yield 'Move the damaged directory away and restore the newest sound backup (tablecast restore), or start with an empty one: peers fill it.';
}

function describe({
  file,
  node,
  position,
  trimmedTo,
  segments,
  operations,
  tables,
}: VerifiedDatabase): string {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const log = trimmedTo === 0 ? `log to ${position}` : `log from ${trimmedTo} to ${position}`;
  const read = `${counted(segments, 'segment')}, ${counted(operations, 'operation')}, ${counted(tables.length, 'table')}, ${counted(rows, 'row')}`;
  return `${visible(file)}: node ${node ?? 'unknown'}, ${log}: ${read}`;
}
