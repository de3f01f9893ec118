import type { Command } from 'commander';
import { type PeerFlags, exitingWith, newCommand, withPeer } from '../command.ts';
import { EXIT } from '../failure.ts';
import { note, print, visible } from '../output.ts';
import { withRows } from '../row-source.ts';
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
  return withRows(name, flags, async (rows) => {
    const text = new RowText(name, rows.declaration);
    const key = text.key(words);
    const { existed: found, value } = await rows.ask({ act: 'get', key });
    const isSet = rows.declaration.value === undefined;
    if (flags.json === true) {
      const rest = isSet ? '' : `,"value":${text.valueJson(value)}`;
      print(`{"table":${JSON.stringify(name)},"key":${text.keyJson(key)},"found":${found}${rest}}`);
    } else if (found) print(isSet ? text.keyText(key) : text.valueText(value));
    else note(visible(`${name} has no key ${words.join(' ')}`));
    return found ? EXIT.ok : EXIT.negative;
  });
}
