import { Command } from 'commander';
import { throwingMistakes } from './command.ts';
import { addCommand } from './commands/add.ts';
import { alterCommand } from './commands/alter.ts';
import { backupCommand } from './commands/backup.ts';
import { clearCommand } from './commands/clear.ts';
import { compareCommand } from './commands/compare.ts';
import { completionCommand } from './commands/completion.ts';
import { conflictsCommand } from './commands/conflicts.ts';
import { deleteCommand } from './commands/delete.ts';
import { diffCommand } from './commands/diff.ts';
import { explainCommand } from './commands/explain.ts';
import { exportCommand } from './commands/export.ts';
import { getCommand } from './commands/get.ts';
import { historyCommand } from './commands/history.ts';
import { importCommand } from './commands/import.ts';
import { incrementCommand } from './commands/increment.ts';
import { inspectCommand } from './commands/inspect.ts';
import { keysCommand } from './commands/keys.ts';
import { logCommand } from './commands/log.ts';
import { peersCommand } from './commands/peers.ts';
import { projectCommand } from './commands/project.ts';
import { queryCommand } from './commands/query.ts';
import { repairCommand } from './commands/repair.ts';
import { replayCommand } from './commands/replay.ts';
import { restoreCommand } from './commands/restore.ts';
import { runCommand } from './commands/run.ts';
import { setCommand } from './commands/set.ts';
import { statusCommand } from './commands/status.ts';
import { switchModeCommand } from './commands/switch-mode.ts';
import { tailCommand } from './commands/tail.ts';
import { touchCommand } from './commands/touch.ts';
import { undoCommand } from './commands/undo.ts';
import { verifyCommand } from './commands/verify.ts';

const EPILOGUE = `
Exit codes: 0 done; 1 the answer is no (the key is absent, nothing was imported); 2 wrong use or
configuration; 3 the node cannot be reached or refuses; 4 data or database. Every command has
examples: tablecast COMMAND --help.`;

/** Makes the whole command line. */
export function program(version: string): Command {
  const root = throwingMistakes(new Command('tablecast'), 'Try tablecast --help.')
    .description('Replicated tables on an append-only operation log: run nodes, look at them, change them.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .addHelpText('after', EPILOGUE);
  for (const command of [
    runCommand(),
    statusCommand(),
    peersCommand(),
    inspectCommand(),
    getCommand(),
    setCommand(),
    addCommand(),
    incrementCommand(),
    touchCommand(),
    deleteCommand(),
    clearCommand(),
    keysCommand(),
    tailCommand(),
    historyCommand(),
    conflictsCommand(),
    diffCommand(),
    repairCommand(),
    undoCommand(),
    switchModeCommand(),
    alterCommand(),
    logCommand(),
    replayCommand(),
    projectCommand(),
    queryCommand(),
    importCommand(),
    exportCommand(),
    backupCommand(),
    restoreCommand(),
    verifyCommand(),
    compareCommand(),
    completionCommand(root),
    explainCommand(),
  ]) {
    root.addCommand(command);
  }
  return root;
}
