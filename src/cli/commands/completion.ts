import { Argument, type Command } from 'commander';
import { exitingWith, newCommand } from '../command.ts';
import { completionScript } from '../completion.ts';
import { EXIT } from '../failure.ts';

/** `tablecast completion`: what a shell needs to complete commands and options. */
export function completionCommand(root: Command): Command {
  const command = newCommand('completion', 'print a script that completes commands and options in a shell', [
    'source <(tablecast completion bash)',
    'tablecast completion zsh > "${fpath[1]}/_tablecast"',
    'tablecast completion fish > ~/.config/fish/completions/tablecast.fish',
  ]);
  return command
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', '\nFile names are completed as before wherever no option begins.')
    .action(
      exitingWith(async (shell: 'bash' | 'zsh' | 'fish') => {
        process.stdout.write(completionScript(root, shell));
        return Promise.resolve(EXIT.ok);
      }),
    );
}
