import type { Command } from 'commander';
import { exitingWith, newCommand, withPeer } from '../command.ts';
import { EXIT, usageError } from '../failure.ts';
import { type HolderFlags, withHolders } from '../holders.ts';
import { writeOne } from '../written.ts';

/** `tablecast set`: one row of a map. */
export function setCommand(): Command {
  const command = newCommand('set', 'write the value of a key, and wait until the node has it', [
    'tablecast set known_hosts 10.0.0.1 5',
    'tablecast set flags new-login true',
    `tablecast set people 7 '{"name": "Ada"}'`,
    'tablecast set flags new-login true --with ws://worker-1:47760 --peers 2',
    'tablecast set temperatures -- -north -4.5',
  ]);
  return withHolders(withPeer(command))
    .argument('<table>', 'a table of the running node')
    .argument('<key-and-value...>', 'one word for each column of the key, then the value')
    .addHelpText(
      'after',
      '\nExit code 0 means that the node has committed the write: in a sqlite table it survives a kill.\n' +
        'With --with it means that --peers of the nodes named hold it; code 3 that they did not say so in time.',
    )
    .action(exitingWith(set));
}

async function set(name: string, words: readonly string[], flags: HolderFlags): Promise<number> {
  await writeOne(name, flags, (text, declaration) => {
    if (declaration.value === undefined) {
      throw usageError(`Table ${name} is a set: it has no values.`, `Use: tablecast add ${name} KEY`);
    }
    return { act: 'set', key: text.key(words.slice(0, -1)), value: text.value(words.at(-1) ?? '') };
  });
  return EXIT.ok;
}
