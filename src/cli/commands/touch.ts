import type { Command } from 'commander';
import { exitingWith, newCommand, withPeer } from '../command.ts';
import { EXIT } from '../failure.ts';
import { type HolderFlags, withHolders } from '../holders.ts';
import { note, visible } from '../output.ts';
import { writeOne } from '../written.ts';

/** `tablecast touch`: prolongs the life of one row. */
export function touchCommand(): Command {
  const command = newCommand('touch', 'prolong the life of a row by the writeExpire of its table', [
    'tablecast touch sessions 10.0.0.1',
  ]);
  return withHolders(withPeer(command))
    .argument('<table>', 'a table of the running node that has a writeExpire')
    .argument('<key...>', 'one word for each column of the key')
    .addHelpText('after', '\nExit code 1 when the key is absent: no row is made.')
    .action(exitingWith(touch));
}

async function touch(name: string, words: readonly string[], flags: HolderFlags): Promise<number> {
  const { existed } = await writeOne(name, flags, (text) => ({ act: 'touch', key: text.key(words) }));
  if (!existed && flags.json !== true) note(visible(`${name} has no key ${words.join(' ')}`));
  return existed ? EXIT.ok : EXIT.negative;
}
