import { type Command, Argument } from 'commander';
import { type PeerFlags, exitingWith, newCommand, withPeer } from '../command.ts';
import { EXIT } from '../failure.ts';
import { withNode } from '../joined-node.ts';
import { print, printText, visible } from '../output.ts';

const MODES = ['naive', 'lww', 'automerge'] as const;
type Mode = (typeof MODES)[number];

/** `tablecast switch-mode`: another conflict mode for one table of the whole cluster. */
export function switchModeCommand(): Command {
  const command = newCommand('switch-mode', 'give a table another conflict mode, on every node', [
    'tablecast switch-mode known_hosts lww',
    'tablecast compare --help    # what each mode loses and costs',
  ]);
  return withPeer(command)
    .argument('<table>', 'a table of the running node')
    .addArgument(new Argument('<mode>', 'what becomes of concurrent writes').choices(MODES))
    .addHelpText(
      'after',
      '\nThe rows of the node are those that everybody goes on from; what others wrote without knowing of the\n' +
        'switch they write again. Change the declarations as well: when all nodes of a memory table stop, it\n' +
        'starts again as declared.',
    )
    .action(exitingWith(switchTo));
}

async function switchTo(name: string, mode: Mode, flags: PeerFlags): Promise<number> {
  return withNode(flags, async (joined) => {
    const { table } = await joined.join(name);
    const before = table.mode;
    // A mode with a document begins a new one.
    if (before !== mode || mode === 'automerge') {
      await table.switchMode(mode);
      await joined.confirmed(1, name);
    }
    const { peerId: node } = joined;
    const words =
      before === mode ? `${name} is in mode ${mode} already` : `${name}: ${before} before, ${mode} now`;
    if (flags.json === true) print(JSON.stringify({ table: name, before, mode, node }));
    else printText(visible(words));
    return EXIT.ok;
  });
}
