import type { Command } from 'commander';
import type { MapTable } from '../../index.ts';
import { type PeerFlags, exitingWith, newCommand, withPeer } from '../command.ts';
import { EXIT, usageError } from '../failure.ts';
import { writeOne } from '../written.ts';

/** `tablecast set`: one row of a map. */
export function setCommand(): Command {
  const command = newCommand('set', 'write the value of a key, and wait until the node has it', [
    'tablecast set known_hosts 10.0.0.1 5',
    'tablecast set flags new-login true',
    `tablecast set people 7 '{"name": "Ada"}'`,
    'tablecast set temperatures -- -north -4.5',
  ]);
  return withPeer(command)
    .argument('<table>', 'a table of the running node')
    .argument('<key-and-value...>', 'one word for each column of the key, then the value')
    .addHelpText(
      'after',
      '\nExit code 0 means that the node has committed the write: in a sqlite table it survives a kill.',
    )
    .action(exitingWith(set));
}

async function set(name: string, words: readonly string[], flags: PeerFlags): Promise<number> {
  await writeOne(name, flags, ({ table, declaration }, text) => {
    if (declaration.value === undefined) {
      throw usageError(`Table ${name} is a set: it has no values.`, `Use: tablecast add ${name} KEY`);
    }
    const key = text.key(words.slice(0, -1));
    const existed = table.has(key);
    (table as MapTable).set(key, text.value(words.at(-1) ?? ''));
    return { key, value: (table as MapTable).get(key), existed };
  });
  return EXIT.ok;
}
