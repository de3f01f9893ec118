import type { Command } from 'commander';
import { type PeerFlags, exitingWith, newCommand, withPeer } from '../command.ts';
import { counted } from '../counted.ts';
import { EXIT } from '../failure.ts';
import { withNode } from '../joined-node.ts';
import { print, printText, visible } from '../output.ts';

/** `tablecast clear`: removes every row of one table. */
export function clearCommand(): Command {
  const command = newCommand(
    'clear',
    'remove every row of a table, on every node, and wait until the node knows',
    ['tablecast clear known_hosts', 'tablecast clear known_hosts --json'],
  );
  return withPeer(command)
    .argument('<table>', 'a table of the running node')
    .addHelpText(
      'after',
      '\nOne operation of the log: the rows before it are those of tablecast replay --until.',
    )
    .action(exitingWith(clear));
}

async function clear(name: string, flags: PeerFlags): Promise<number> {
  return withNode(flags, async (joined) => {
    const { table } = await joined.join(name);
    const rows = table.size;
    table.clear();
    await joined.confirmed(1, name);
    const { peerId: node } = joined;
    if (flags.json === true) print(JSON.stringify({ table: name, removed: rows, node }));
    else printText(visible(`${counted(rows, 'row')} removed from ${name}`));
    return EXIT.ok;
  });
}
