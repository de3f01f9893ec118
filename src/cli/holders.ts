import { type Command, Option } from 'commander';
import { type PeerFlags, collectList, wholeNumber } from './command.ts';
import { usageError } from './failure.ts';

/** The flags name the running nodes that are to hold a write, and how many of them are enough. */
export interface HolderFlags extends PeerFlags {
  readonly with?: readonly string[] | undefined;
  readonly peers?: number | undefined;
}

/** Adds the options that say who is to hold a write beside the node that is joined. */
export function withHolders(command: Command): Command {
  return command
    .addOption(
      new Option('--with <url>', 'another running node that is to hold the write; may be repeated').argParser(
        collectList,
      ),
    )
    .addOption(
      new Option(
        '--peers <n>',
        'wait until so many of the nodes named hold the write, as durably as each keeps the table (default all)',
      ).argParser(wholeNumber('--peers')),
    );
}

/** Returns who is joined beside the first node, and how many have to hold a write. Throws `OPTION_INVALID`. */
export function holdersOf(flags: HolderFlags): {
  readonly others: readonly string[];
  readonly peers: number;
} {
  const others = [...new Set(flags.with ?? [])].filter((url) => url !== flags.peer);
  const named = others.length + 1;
  const peers = flags.peers ?? named;
  if (peers >= 1 && peers <= named) return { others, peers };
  throw usageError(
    `--peers is ${peers}, and ${named === 1 ? 'one node is' : `${named} nodes are`} named.`,
    peers < 1 ? 'Wait for one at least.' : 'Name others: --with ws://worker-1:47760, which may be repeated.',
  );
}
