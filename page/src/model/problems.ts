import type { PeerStatus, TableStatus, ZeekStatus } from '../api/types.ts';
import { GONE } from './gone-peers.ts';
import { whoDiffers } from './divergence-words.ts';
import type { Look } from './look.ts';
import { counted, span } from './format.ts';

/** Something that is wrong, in words, and where it can be mended. */
export interface Trouble {
  readonly id: string;
  readonly severity: 'warn' | 'bad';
  readonly what: string;
  readonly todo: string;
  /** A view of this page that helps, and what its link says. */
  readonly action?: { readonly path: readonly string[]; readonly label: string };
}

/** Clocks further apart than this are told: `lww` orders by them, and expiry counts by them. */
const CLOCKS_APART_MS = 2000;
/** A peer that has not acknowledged so many operations is told to be behind. */
const LAG_TOLD = 10_000;

/** Everything that is wrong with a node and its links, the worst first. Empty: nothing is. */
export function troublesOf(look: Look): readonly Trouble[] {
  const troubles = [
    ...diskTroubles(look),
    ...look.tables.flatMap((table) => tableTroubles(table, look)),
    ...look.peers.flatMap((peer) => peerTroubles(peer, look)),
    ...look.node.zeek.flatMap(zeekTroubles),
    ...modeTroubles(look),
  ];
  return troubles.toSorted((one, other) => Number(other.severity === 'bad') - Number(one.severity === 'bad'));
}

function diskTroubles({ node: { disk } }: Look): Trouble[] {
  if (disk === null || disk.failure === null) return [];
  const full = disk.failure === 'BACKEND_FULL';
  return [
    {
      id: 'disk',
      severity: 'bad',
      what: `Writes to sqlite tables are refused: the disk ${full ? 'is full' : `fails (${disk.failure})`}.`,
      todo: full
        ? 'Make room on the disk, or raise maxFileBytes; the node goes on by itself.'
        : 'Look at the disk and the log of the system; the node tries again by itself.',
      action: { path: ['health'], label: 'Look at the disk' },
    },
  ];
}

function tableTroubles(table: TableStatus, look: Look): Trouble[] {
  if (table.differing.length === 0) return [];
  const { name } = table;
  return [
    {
      id: `diverged ${name}`,
      severity: 'bad',
      what: `Table ${name} has diverged: ${whoDiffers(table, look)}`,
      todo: 'Look at both sides and at why, decide whose rows shall stand, and repair.',
      action: { path: ['conflicts', name], label: 'Compare and repair' },
    },
  ];
}

/** What a peer is called: its id where it said it. */
export function peerName({ nodeId, address }: PeerStatus): string {
  return nodeId ?? address;
}

function peerTroubles(peer: PeerStatus, { node: { time } }: Look): Trouble[] {
  const name = peerName(peer);
  if (peer.state === 'refused') return [refusedTrouble(peer, name)];
  if (peer.reason === GONE) return [goneTrouble(peer, name, time)];
  if (peer.state !== 'connected') {
    return [
      {
        id: `peer ${peer.address}`,
        severity: 'warn',
        what: `No connection with ${name} for ${span(Math.max(0, time - peer.since))}${peer.reason === null ? '.' : `: ${peer.reason}`}`,
        todo: 'Look whether its process runs and the address is right. This node tries again by itself, and then catches up.',
      },
    ];
  }
  return [...lagTroubles(peer, name), ...clockTroubles(peer, name), ...heldBackTroubles(peer, name)];
}

function goneTrouble({ since }: PeerStatus, name: string, time: number): Trouble {
  return {
    id: `gone ${name}`,
    severity: 'warn',
    what: `${name} is gone for ${span(Math.max(0, time - since))}: ${GONE}.`,
    todo: 'Look whether its process runs: it comes back by itself, and catches up. If it left for good, there is nothing to do.',
  };
}

function refusedTrouble({ address, reason }: PeerStatus, name: string): Trouble {
  return {
    id: `peer ${address}`,
    severity: 'bad',
    what: `${name} refuses this node, or is refused: ${reason ?? 'no reason was given'}`,
    todo: 'Waiting does not mend it: compare the tokens and rights of both nodes.',
  };
}

function lagTroubles({ address, lagOperations }: PeerStatus, name: string): Trouble[] {
  if (lagOperations < LAG_TOLD) return [];
  return [
    {
      id: `lag ${address}`,
      severity: 'warn',
      what: `${name} is behind: ${counted(lagOperations, 'operation')} sent and not acknowledged.`,
      todo: `Look whether ${name} is busy, its disk slow, or the network. Nothing is lost: what waits stands in the log.`,
    },
  ];
}

function clockTroubles({ address, clockOffsetMs: offset }: PeerStatus, name: string): Trouble[] {
  if (offset === null || Math.abs(offset) < CLOCKS_APART_MS) return [];
  return [
    {
      id: `clock ${address}`,
      severity: 'warn',
      what: `The clock of ${name} is ${span(Math.abs(offset))} ${offset > 0 ? 'ahead of' : 'behind'} this node's.`,
      todo: 'Look at time synchronisation (NTP) on both machines: lww and expiry go by these clocks.',
    },
  ];
}

function heldBackTroubles({ heldBack }: PeerStatus, name: string): Trouble[] {
  return heldBack.map(({ by, table, origin, sequence, code, reason, hint }) => ({
    id: `held ${name} ${by} ${table} ${origin ?? ''}`,
    severity: 'bad' as const,
    what: `${by === 'here' ? `This node does not take from ${name}` : `${name} does not take`} operations of ${origin ?? 'anybody'} in table ${table}, from number ${sequence} on: ${reason} (${code})`,
    todo: hint ?? `Look at the events of ${by === 'here' ? 'this node' : name} for what to do.`,
    action: { path: ['health'], label: 'Read the events' },
  }));
}

function zeekTroubles({ address, state, missed }: ZeekStatus): Trouble[] {
  const lost = Object.entries(missed).map(([table, count]) => ({
    id: `zeek missed ${address} ${table}`,
    severity: 'warn' as const,
    what: `${count} or more changes of ${table} were lost between Zeek at ${address} and this node.`,
    todo: 'This node makes it good when Zeek answers. If it lasts, tablecast explain zeek-missed says what to do.',
    action: { path: ['health'], label: 'Look at Zeek' },
  }));
  if (state === 'connected' || state === 'connecting') return lost;
  return [
    ...lost,
    {
      id: `zeek ${address}`,
      severity: 'warn',
      what: `No connection with Zeek at ${address} (${state}).`,
      todo: 'Look whether Zeek runs and its WebSocket server listens there. This node tries again by itself.',
      action: { path: ['health'], label: 'Look at Zeek' },
    },
  ];
}

/** Tables that a connected peer has in another mode than this node. */
function modeTroubles({ peers, tables }: Look): Trouble[] {
  const modes = new Map(tables.map(({ name, mode }) => [name, mode]));
  return peers.flatMap((peer) =>
    peer.tables
      .filter(({ name, mode }) => modes.has(name) && modes.get(name) !== mode)
      .map(({ name, mode }) => ({
        id: `mode ${peer.address} ${name}`,
        severity: 'warn' as const,
        what: `Table ${name} is in mode ${modes.get(name) ?? ''} here and ${mode} on ${peerName(peer)}.`,
        todo: 'A switch is under way, or the two declare it differently. If it stays, read the events of both.',
        action: { path: ['health'], label: 'Read the events' },
      })),
  );
}
