import type { Command } from 'commander';
import * as v from 'valibot';
import { colors } from '../colors.ts';
import { type PeerFlags, exitingWith, newCommand, withPeer } from '../command.ts';
import { counted } from '../counted.ts';
import { drawnRows, hanging, terminalWidth } from '../drawn-rows.ts';
import { EXIT } from '../failure.ts';
import { withLooks } from '../looking.ts';
import { note, print, visible } from '../output.ts';
import { shortDuration } from '../short-duration.ts';

const number = v.nullish(v.number());
/** Prints in words a part of what a node says of a peer; JSON has all of it. */
const peerSaid = v.object({
  nodeId: v.nullish(v.string()),
  address: v.string(),
  direction: v.string(),
  state: v.string(),
  since: v.number(),
  reason: v.nullish(v.string()),
  sentOperations: v.number(),
  receivedOperations: v.number(),
  lagOperations: v.number(),
  durableOperations: number,
  roundTripMs: number,
  tables: v.array(v.object({ name: v.string() })),
  heldBack: v.array(
    v.object({
      by: v.string(),
      table: v.string(),
      origin: v.nullish(v.string()),
      sequence: v.number(),
      code: v.string(),
      reason: v.string(),
      hint: v.nullish(v.string()),
    }),
  ),
});
type PeerSaid = v.InferOutput<typeof peerSaid>;

const HEAD = ['peer', 'state', 'for', 'lag', 'sent', 'holds', 'received', 'round trip'];

/** `tablecast peers`: who is connected with a node, and what each of them holds. */
export function peersCommand(): Command {
  const command = newCommand(
    'peers',
    'print the peers of a running node: state, lag, what each holds, what is held back',
    ['tablecast peers', 'tablecast peers --peer wss://manager:47760 --tls-ca ca.pem --json'],
  );
  return withPeer(command)
    .addHelpText(
      'after',
      '\nlag: operations sent that the peer has not acknowledged; holds: of those sent, how many it keeps as durably as\n' +
        'its tables ask for. A configured peer that is not connected is listed as well. Exit code 1 when there is none.',
    )
    .action(exitingWith(peers));
}

async function peers(flags: PeerFlags): Promise<number> {
  return withLooks(flags, async (node) => {
    const { peers: said, complete } = await node.peers();
    const shown = said.map((peer) => v.parse(peerSaid, peer));
    const columns = terminalWidth();
    if (flags.json === true) for (const peer of said) print(JSON.stringify({ node: node.nodeId, ...peer }));
    else for (const line of linesOf(node.nodeId, shown, columns)) print(line);
    if (!complete) note('there are more peers than an answer has room for');
    return shown.length === 0 ? EXIT.negative : EXIT.ok;
  });
}

/** Words what a node says of its peers, for a terminal of that many columns. */
export function linesOf(nodeId: string, said: readonly PeerSaid[], columns: number): readonly string[] {
  const name = colors.bold(visible(nodeId));
  if (said.length === 0) return [`${name} has no peers`];
  const connected = said.filter(({ state }) => state === 'connected').length;
  const count = counted(said.length, 'peer');
  const rows = said.map((peer) => cellsOf(peer).map((cell) => visible(cell)));
  const right = ['lag', 'sent', 'holds', 'received', 'round trip'];
  return [
    `${name} has ${count}, ${connected} connected`,
    drawnRows({ head: HEAD, rows, right, width: columns }),
    ...said.flatMap((peer) => wordsOf(peer).map((words) => hanging(visible(words), columns))),
  ];
}

function nameOf({ nodeId, address }: PeerSaid): string {
  return nodeId ?? address;
}

function cellsOf(peer: PeerSaid): string[] {
  const { state, since, lagOperations, sentOperations, durableOperations, receivedOperations } = peer;
  const { roundTripMs } = peer;
  return [
    nameOf(peer),
    state,
    shortDuration(Date.now() - since),
    String(lagOperations),
    String(sentOperations),
    durableOperations === null || durableOperations === undefined ? '?' : String(durableOperations),
    String(receivedOperations),
    roundTripMs === null || roundTripMs === undefined ? '' : `${roundTripMs.toFixed(1)} ms`,
  ];
}

/** Says what no column has room for: why a peer is not connected, and what one of the two does not take. */
function wordsOf(peer: PeerSaid): string[] {
  const { state, reason, address, heldBack } = peer;
  const why = state === 'connected' ? [] : [`${nameOf(peer)} (${address}): ${reason ?? state}`];
  const held = heldBack.map(({ by, table, origin, sequence, code, reason: because, hint }) => {
    const what =
      origin === null || origin === undefined
        ? 'everything'
        : `what ${origin} wrote, from number ${sequence} on`;
    const whose = by === 'here' ? `not taken from ${nameOf(peer)}` : `not taken by ${nameOf(peer)}`;
    return `held back in ${table}: ${what}, ${whose}: ${code}: ${because}${hint === null || hint === undefined ? '' : ` ${hint}`}`;
  });
  return [...why, ...held];
}
