import type { Command } from 'commander';
import { type BackupSummary, createBackup } from '../../index.ts';
import { exitingWith, newCommand } from '../command.ts';
import { counted } from '../counted.ts';
import { EXIT, usageError } from '../failure.ts';
import { type FileFlags, fileOf, withFile } from '../log-source.ts';
import { print, printText, visible } from '../output.ts';
import { withFileProgress } from '../progress.ts';

/** `tablecast backup`: a checked copy of a node's database. */
export function backupCommand(): Command {
  const command = newCommand(
    'backup',
    "copy a node's database, also while the node runs, and check the copy",
    [
      'tablecast backup /backups/manager-2026-01-31 --directory data --id manager',
      'tablecast backup "/backups/manager-$(date +%F)" --file data/manager.tablecast.db --json',
    ],
  );
  return withFile(command)
    .argument('<target>', 'the directory to make; it must not exist, its parent must')
    .addHelpText(
      'after',
      '\nEverything that was flushed before the command began is in the copy. Nothing stands under the name of\n' +
        'the target before all of it is on disk and was read back. Tables with backend memory are in no file.',
    )
    .action(exitingWith(backup));
}

async function backup(target: string, flags: FileFlags): Promise<number> {
  const file = fileOf(flags);
  if (file === undefined) {
    throw usageError(
      'No database is named.',
      'Give --file DIRECTORY/ID.tablecast.db, or --directory and --id.',
    );
  }
  const summary = await withFileProgress(flags, (onProgress) => createBackup({ file, target, onProgress }));
  if (flags.json === true) print(JSON.stringify(summary));
  else printText(`${visible(summary.directory)}: ${contentOf(summary)}`);
  return EXIT.ok;
}

/** One line about what is in a backup. */
export function contentOf({ node, position, tables, bytes }: BackupSummary): string {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const count = counted(tables.length, 'table');
  return `node ${node} at position ${position}, ${count}, ${counted(rows, 'row')}, ${bytes} bytes`;
}
