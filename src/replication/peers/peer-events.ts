import { isTablecastError } from '../../errors.ts';
import type { NodeEvent } from '../../events.ts';

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
