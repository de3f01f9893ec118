import type { Command } from 'commander';
import type { MapTable } from '../../index.ts';
import { type PeerFlags, exitingWith, newCommand, withPeer } from '../command.ts';
import { EXIT } from '../failure.ts';
import { withNode } from '../joined-node.ts';
import { note, print, visible } from '../output.ts';
import { RowText } from '../row-text.ts';

/** `tablecast get`: the value of one key. */
export function getCommand(): Command {
  const command = newCommand('get', 'print the value of a key; for a set, the key if it is there', [
    'tablecast get known_hosts 10.0.0.1',
    'tablecast get known_services 10.0.0.1 443/tcp',
    'tablecast get known_hosts 10.0.0.1 --json --peer ws://manager:47760',
  ]);
  return withPeer(command)
    .argument('<table>', 'a table of the running node')
    .argument('<key...>', 'one word for each column of the key')
    .addHelpText('after', '\nExit code 1 when the key is absent.')
    .action(exitingWith(get));
}

async function get(name: string, words: readonly string[], flags: PeerFlags): Promise<number> {
  return withNode(flags, async (joined) => {
    const { table, declaration } = await joined.join(name);
    const text = new RowText(name, declaration);
    const key = text.key(words);
    const found = table.has(key);
    const isSet = declaration.value === undefined;
    const value = found && !isSet ? (table as MapTable).get(key) : undefined;
    if (flags.json === true) {
      const rest = isSet ? '' : `,"value":${text.valueJson(value)}`;
      print(`{"table":${JSON.stringify(name)},"key":${text.keyJson(key)},"found":${found}${rest}}`);
    } else if (found) print(isSet ? text.keyText(key) : text.valueText(value));
    else note(visible(`${name} has no key ${words.join(' ')}`));
    return found ? EXIT.ok : EXIT.negative;
  });
}
