import type { Command } from 'commander';
import { exitingWith, newCommand, withPeer } from '../command.ts';
import { EXIT } from '../failure.ts';
import { note, visible } from '../output.ts';
import { type HolderFlags, withHolders } from '../holders.ts';
import { writeOne } from '../written.ts';

/** `tablecast delete`: removes one row. */
export function deleteCommand(): Command {
  const command = newCommand('delete', 'remove a key, and wait until the node knows', [
    'tablecast delete known_hosts 10.0.0.1',
    'tablecast delete known_services 10.0.0.1 443/tcp',
  ]);
  return withHolders(withPeer(command))
    .argument('<table>', 'a table of the running node')
    .argument('<key...>', 'one word for each column of the key')
    .addHelpText('after', '\nExit code 1 when there was no such key.')
    .action(exitingWith(remove));
}

async function remove(name: string, words: readonly string[], flags: HolderFlags): Promise<number> {
  const { existed } = await writeOne(name, flags, (text) => ({ act: 'delete', key: text.key(words) }));
  if (!existed && flags.json !== true) note(visible(`${name} had no key ${words.join(' ')}`));
  return existed ? EXIT.ok : EXIT.negative;
}
