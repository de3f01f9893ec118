import { type Command, Option } from 'commander';
import { type DivergedKey, type PeerState } from '../index.ts';
import { firstValueFrom } from 'rxjs/internal/firstValueFrom';
import { type PeerFlags, collectList } from './command.ts';
import { usageError } from './failure.ts';
import { type JoinedNode, type JoinedTable, withNode } from './joined-node.ts';

/** The flags name the running nodes that are compared. */
export interface ComparedFlags extends PeerFlags {
  readonly with?: readonly string[] | undefined;
}

/** Adds the option that names further nodes. */
export function withOthers(command: Command): Command {
  return command.addOption(
    new Option('--with <url>', 'another running node to compare with; may be repeated').argParser(
      collectList,
    ),
  );
}

/** Running nodes, joined by one process that holds the rows of the first. */
export interface ComparedNodes {
  readonly joined: JoinedNode;
  /** Names them by their ids, the first before the others. */
  readonly nodeIds: readonly string[];
}

/** Joins several nodes at once. Throws `OPTION_INVALID` when only one is named. */
export async function withNodes<T>(
  flags: ComparedFlags,
  act: (nodes: ComparedNodes) => Promise<T>,
): Promise<T> {
  const others = [...new Set(flags.with ?? [])].filter((url) => url !== flags.peer);
  if (others.length === 0) {
    throw usageError(
      'One node alone differs from nobody.',
      `Name another one: --with ws://worker-1:47760. The first is that of --peer, ${flags.peer}.`,
    );
  }
  const idOf = ({ nodeId, address }: PeerState): string => nodeId ?? address;
  return withNode(flags, (joined, more) => act({ joined, nodeIds: [joined.peerId, ...more.map(idOf)] }), {
    others,
  });
}

/** A key on which nodes differ; `sides` has one entry per node, in the order of `nodeIds`. */
export interface DifferentKey {
  readonly key: unknown;
  readonly sides: readonly DivergedKey['here'][];
}

/**
 * Compares a table of every node with that of the first. Throws `PEER_UNREACHABLE` for a node that does not share
 * the table, or while it is never at rest.
 */
export async function differences(
  { joined, nodeIds }: ComparedNodes,
  { table, name, declaration }: JoinedTable,
): Promise<readonly DifferentKey[]> {
  await joined.synced([{ table, name, declaration }]);
  // A dry run throws for a node that cannot be compared with, where a list would be empty.
  for (const from of nodeIds) await table.repair({ from, dryRun: true });
  const found = await firstValueFrom(table.divergence);
  const keys = new Map<
    string,
    { key: unknown; here: DivergedKey['here']; there: Map<string, DivergedKey['there']> }
  >();
  for (const { key, peer, here, there } of found) {
    const text = JSON.stringify(key, (_, cell: unknown) => (typeof cell === 'bigint' ? `${cell}n` : cell));
    const entry = keys.get(text) ?? { key, here, there: new Map() };
    entry.there.set(peer, there);
    keys.set(text, entry);
  }
  return Array.from(keys.values(), ({ key, here, there }) => ({
    key,
    sides: nodeIds.map((id) => (there.has(id) ? there.get(id) : here)),
  }));
}
