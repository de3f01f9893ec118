import type { Command } from 'commander';
import { colors } from '../colors.ts';
import { exitingWith, newCommand, withPeer } from '../command.ts';
import {
  type ComparedFlags,
  type ComparedNodes,
  type DifferentKey,
  differences,
  withNodes,
  withOthers,
} from '../compared-nodes.ts';
import { hanging, terminalWidth } from '../drawn-rows.ts';
import { EXIT } from '../failure.ts';
import type { JoinedTable } from '../joined-node.ts';
import { print, visible } from '../output.ts';
import { RowText } from '../row-text.ts';

/** `tablecast diff`: keys on which running nodes differ although they hold the same operations. */
export function diffCommand(): Command {
  const command = newCommand(
    'diff',
    'print the keys on which running nodes differ, and what each of them has',
    [
      'tablecast diff known_hosts --with ws://worker-1:47760',
      'tablecast diff known_hosts --peer ws://manager:47760 --with ws://worker-1:47760 --json',
    ],
  );
  return withOthers(withPeer(command))
    .argument('<table>', 'a table that all of them share')
    .addHelpText('after', '\nExit code 1 when they differ. tablecast repair makes them equal.')
    .action(exitingWith(diff));
}

async function diff(name: string, flags: ComparedFlags): Promise<number> {
  return withNodes(flags, async (nodes) => {
    const table = nodes.joined.declare(name);
    const found = await differences(nodes, table);
    for (const line of linesOf(found, { nodes, table, json: flags.json === true })) print(line);
    return found.length === 0 ? EXIT.ok : EXIT.negative;
  });
}

/** Words what differs: a line per key in JSON, otherwise a paragraph per key. */
export function linesOf(
  found: readonly DifferentKey[],
  {
    nodes,
    table,
    json,
  }: { readonly nodes: ComparedNodes; readonly table: JoinedTable; readonly json: boolean },
): readonly string[] {
  const { nodeIds } = nodes;
  const { name, declaration } = table;
  const text = new RowText(name, declaration);
  if (json) return found.map((different) => jsonOf(different, nodeIds, { name, text }));
  const among = visible(nodeIds.join(', '));
  if (found.length === 0) return [`${name} is the same on ${among}`];
  const columns = terminalWidth();
  const width = Math.max(...nodeIds.map((id) => visible(id).length));
  const line = (side: DifferentKey['sides'][number], at: number): string => {
    const what =
      side === undefined
        ? colors.dim('no row')
        : `${text.valueText(side.value)}  ${colors.dim(`${visible(side.origin)} ${side.sequence}`)}`.trimStart();
    return hanging(`  ${visible(nodeIds[at] ?? '').padEnd(width)}  ${what}`, columns);
  };
  return [
    hanging(
      `${name}: ${found.length} ${found.length === 1 ? 'key differs' : 'keys differ'} among ${among}`,
      columns,
    ),
    ...found.flatMap(({ key, sides }) => [colors.bold(text.keyText(key)), ...sides.map(line)]),
  ];
}

function jsonOf(
  { key, sides }: DifferentKey,
  nodeIds: readonly string[],
  { name, text }: { readonly name: string; readonly text: RowText },
): string {
  const rows = sides.map((side, at) => {
    const node = `"node":${JSON.stringify(nodeIds[at])}`;
    if (side === undefined) return `{${node},"row":false}`;
    const by = JSON.stringify({ origin: side.origin, sequence: side.sequence }).slice(1);
    return `{${node},"row":true,"value":${text.valueJson(side.value)},${by}`;
  });
  return `{"table":${JSON.stringify(name)},"key":${text.keyJson(key)},"nodes":[${rows.join(',')}]}`;
}
