import type { Command } from 'commander';
import type { Table } from '../../index.ts';
import { type PeerFlags, exitingWith, newCommand, withPeer } from '../command.ts';
import { EXIT } from '../failure.ts';
import { withNode } from '../joined-node.ts';
import { printAll, together } from '../output.ts';
import { RowText } from '../row-text.ts';

interface KeysFlags extends PeerFlags {
  readonly values?: boolean | undefined;
}

/** `tablecast keys`: every key of a table, one per line. */
export function keysCommand(): Command {
  const command = newCommand('keys', 'print the keys of a table, one per line', [
    'tablecast keys known_hosts',
    'tablecast keys known_hosts --values | sort -k2 -n | tail',
  ]);
  return withPeer(command)
    .argument('<table>', 'a table of the running node')
    .option('--values', 'print the value behind each key')
    .addHelpText('after', '\nColumns are divided by tabs. To write a file, use tablecast export.')
    .action(exitingWith(keys));
}

async function keys(name: string, flags: KeysFlags): Promise<number> {
  return withNode(flags, async (joined) => {
    const { table, declaration } = await joined.join(name);
    await printAll(together(lines(table, new RowText(name, declaration), flags)));
    return EXIT.ok;
  });
}

function* lines(table: Table, text: RowText, flags: KeysFlags): Generator<string> {
  const isSet = table.declaration.value === undefined;
  for (const entry of table as unknown as Iterable<unknown>) {
    const [key, value] = isSet ? [entry] : (entry as [unknown, unknown]);
    const shown = flags.values === true && !isSet;
    if (flags.json === true) {
      yield shown
        ? `{"key":${text.keyJson(key)},"value":${text.valueJson(value)}}\n`
        : `${text.keyJson(key)}\n`;
    } else yield shown ? `${text.keyText(key)}\t${text.valueText(value)}\n` : `${text.keyText(key)}\n`;
  }
}
