import type { Command } from 'commander';
import { exitingWith, newCommand, withPeer } from '../command.ts';
import { EXIT, usageError } from '../failure.ts';
import { type HolderFlags, withHolders } from '../holders.ts';
import { writeOne } from '../written.ts';

/** `tablecast add`: one member of a set. */
export function addCommand(): Command {
  const command = newCommand('add', 'add a key to a set, and wait until the node has it', [
    'tablecast add blocked 203.0.113.7',
    'tablecast add known_services 10.0.0.1 443/tcp',
  ]);
  return withHolders(withPeer(command))
    .argument('<table>', 'a set of the running node')
    .argument('<key...>', 'one word for each column of the key')
    .action(exitingWith(add));
}

async function add(name: string, words: readonly string[], flags: HolderFlags): Promise<number> {
  await writeOne(name, flags, (text, declaration) => {
    if (declaration.value !== undefined) {
      throw usageError(
        `Table ${name} holds values of type ${declaration.value}.`,
        `Use: tablecast set ${name} KEY VALUE`,
      );
    }
    return { act: 'set', key: text.key(words) };
  });
  return EXIT.ok;
}
