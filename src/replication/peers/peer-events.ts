import { isTablecastError } from '../../errors.ts';
import type { NodeEvent } from '../../events.ts';
import type { Closing, Connection } from '../../transport/transport.ts';
import type { ReplicaTable } from '../replica.ts';

/** Makes the event that is told on all sides. */
export function twice(node: string): string {
  return `Two nodes run with the id ${node}. Stop one of them, or give it another id and an empty directory.`;
}

/** Two processes run under one id; `address` is where the other one, or who noticed it, is. */
export function idTwice(node: string, address: string, reason: string): NodeEvent {
  return {
    code: 'node-id-twice',
    severity: 'error',
    message: `${reason.replace(/^refused: /, '')} Noticed with ${address}.`,
    peer: node,
    details: {
      address,
      hint: 'Each would keep the other away, and write other operations under the same names. Find both processes, stop one, or give it an id of its own and an empty directory: peers fill it.',
    },
  };
}

/** A peer says that another process runs under this node's id. */
export function saidTwice(node: string, address: string): NodeEvent {
  return idTwice(node, address, `${address} says: ${twice(node)}`);
}

/** A configured peer cannot be reached, or refuses this node before there is a connection. */
export function dialFailed(place: string, error: unknown): NodeEvent {
  const isRefused = isTablecastError(error, 'PEER_REFUSED');
  const reason = error instanceof Error ? error.message : String(error);
  const hint = isTablecastError(error) ? ` ${error.hint}` : '';
  return {
    code: isRefused ? 'peer-refused' : 'peer-unreachable',
    severity: isRefused && !error.retryable ? 'error' : 'warning',
    message: `No connection with the configured peer ${place}: ${reason}.${hint} It is tried again.`,
    peer: place,
    details: {
      dialled: place,
      reason,
      ...(isTablecastError(error) && { code: error.code, hint: error.hint }),
    },
  };
}

/** A peer said hello, and may stay. */
export function peerConnected(node: string, { remote, direction }: Connection): NodeEvent {
  return {
    code: 'peer-connected',
    severity: 'info',
    message: `Connected with ${node} (${remote}).`,
    peer: node,
    details: { address: remote, direction },
  };
}

/** A peer went; `isMeant` when one of the two was closed. */
export function peerLost(node: string, address: string, why: Closing & { isMeant: boolean }): NodeEvent {
  return {
    code: 'peer-lost',
    severity: why.isMeant ? 'info' : 'warning',
    message: `Lost ${node}: ${(why.reason || why.kind).replace(/\.$/, '')}.`,
    peer: node,
    details: { address, kind: why.kind },
  };
}

/** A connection ended before there was a session. */
export function peerRefused(address: string, { reason, kind }: Closing): NodeEvent {
  return {
    code: 'peer-refused',
    severity: 'warning',
    message: `No session with ${address}: ${reason || kind}.`,
    peer: address,
  };
}

/** A table is in another conflict mode from now on. */
export function modeSwitched(table: string, state: ReplicaTable | undefined): NodeEvent {
  return {
    code: 'mode-switched',
    severity: 'info',
    message: `Table ${table} is in mode ${state?.mode} now, switched by ${state?.epoch.origin}.`,
    table,
    details: { mode: state?.mode, by: state?.epoch.origin },
  };
}
