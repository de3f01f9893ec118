import type { Command } from 'commander';
import { restoreBackup } from '../../index.ts';
import { exitingWith, newCommand, withJson } from '../command.ts';
import { EXIT } from '../failure.ts';
import { note, print, printText, visible } from '../output.ts';
import { withFileProgress } from '../progress.ts';
import { contentOf } from './backup.ts';

interface RestoreFlags {
  readonly directory: string;
  readonly json?: boolean | undefined;
}

/** `tablecast restore`: a node's directory from a backup. */
export function restoreCommand(): Command {
  const command = newCommand('restore', "make a node's directory from a backup, after checking all of it", [
    'tablecast restore /backups/manager-2026-01-31 --directory data',
    'mv data data.before && tablecast restore /backups/manager-2026-01-31 --directory data',
  ]);
  return withJson(command)
    .argument('<backup>', 'a directory that tablecast backup made')
    .requiredOption('--directory <dir>', 'the directory to make; it must not exist, its parent must')
    .addHelpText(
      'after',
      '\nNothing that exists is overwritten. Start the node there under its own id: it begins a new epoch at once,\n' +
        'and takes back from its peers what it wrote after the backup.',
    )
    .action(exitingWith(restore));
}

async function restore(backup: string, { directory, json }: RestoreFlags): Promise<number> {
  const summary = await withFileProgress({ json }, (onProgress) =>
    restoreBackup({ backup, directory, onProgress }),
  );
  if (json === true) print(JSON.stringify(summary));
  else {
    printText(`${visible(summary.directory)}: ${contentOf(summary)}, as of ${summary.createdAt}`);
    note(`Start it with: tablecast run --id ${summary.node} --directory ${visible(directory)} …`);
  }
  return EXIT.ok;
}
