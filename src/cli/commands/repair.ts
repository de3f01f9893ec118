import type { Command } from 'commander';
import { exitingWith, newCommand, withPeer } from '../command.ts';
import {
  type ComparedFlags,
  type ComparedNodes,
  differences,
  withNodes,
  withOthers,
} from '../compared-nodes.ts';
import { EXIT, usageError } from '../failure.ts';
import type { JoinedTable } from '../joined-node.ts';
import { didYouMean } from '../nearest-word.ts';
import { note, print, printText, visible } from '../output.ts';
import { linesOf } from './diff.ts';

interface RepairFlags extends ComparedFlags {
  readonly from: string;
  readonly dryRun?: boolean | undefined;
}

/** `tablecast repair`: makes running nodes equal where they differ. */
export function repairCommand(): Command {
  const command = newCommand(
    'repair',
    'make running nodes equal: write what one of them has where they differ',
    [
      'tablecast repair known_hosts --with ws://worker-1:47760 --from manager --dry-run',
      'tablecast repair known_hosts --with ws://worker-1:47760 --from manager',
    ],
  );
  return withOthers(withPeer(command))
    .argument('<table>', 'a table that all of them share')
    .requiredOption('--from <id>', 'the node whose rows shall stand')
    .option('--dry-run', 'print what differs and write nothing')
    .addHelpText(
      'after',
      '\nIt writes ordinary operations, and ends when the nodes were compared again and are equal.\n' +
        'Exit code 1 when they still differ: somebody wrote meanwhile.',
    )
    .action(exitingWith(repair));
}

async function repair(name: string, flags: RepairFlags): Promise<number> {
  return withNodes(flags, async (nodes) => {
    const { nodeIds, joined } = nodes;
    const { from } = flags;
    if (!nodeIds.includes(from)) {
      throw usageError(
        `--from ${JSON.stringify(from)} is none of the nodes compared.${didYouMean(from, nodeIds)}`,
        `They are: ${nodeIds.join(', ')}.`,
      );
    }
    const table = joined.declare(name);
    const found = await differences(nodes, table);
    if (flags.dryRun === true || found.length === 0) {
      for (const line of linesOf(found, { nodes, table, json: flags.json === true })) print(line);
      return EXIT.ok;
    }
    return written(nodes, table, flags);
  });
}

async function written(
  nodes: ComparedNodes,
  table: JoinedTable,
  { from, json }: RepairFlags,
): Promise<number> {
  const { joined } = nodes;
  const { name } = table;
  const keys = await table.table.repair({ from });
  await joined.confirmed(keys, name);
  const left = await differences(nodes, table);
  if (json === true) print(JSON.stringify({ table: name, from, written: keys, left: left.length }));
  else
    printText(
      visible(
        `${name}: ${keys} ${keys === 1 ? 'key' : 'keys'} written as ${from} has ${keys === 1 ? 'it' : 'them'}`,
      ),
    );
  if (left.length === 0) return EXIT.ok;
  if (json !== true)
    note(
      visible(
        `${left.length} ${left.length === 1 ? 'key differs' : 'keys differ'} still: somebody wrote meanwhile. See tablecast diff.`,
      ),
    );
  return EXIT.negative;
}
