import { TablecastError } from '../errors.ts';

/** A carrier does not take what is appended. */
export function refusedByCarrier(name: string, why: string): TablecastError {
  return new TablecastError('PEER_REFUSED', `${name} takes nothing: ${why}.`, {
    hint: 'Give the stream more room, or this node the right to publish; what was written is in its log, and is published then.',
    retryable: true,
  });
}

/** A link to a carrier is over. */
export function linkOver(name: string): TablecastError {
  return new TablecastError('CLOSED', `The link to ${name} is over.`, {
    hint: 'Open another one.',
    retryable: true,
  });
}
