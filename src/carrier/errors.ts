import { TablecastError } from '../errors.ts';

/** A carrier does not take what is appended, at present. */
export function refusedByCarrier(name: string, why: string): TablecastError {
  return new TablecastError('PEER_REFUSED', `${name} takes nothing: ${why}.`, {
    hint: 'Give the stream more room; what was written is in the log of this node, and is published then.',
    retryable: true,
  });
}

/** This node may not append something: to try it again does not help by itself. */
export function deniedByCarrier(name: string, why: string): TablecastError {
  return new TablecastError('PEER_REFUSED', `${name} takes nothing: ${why}.`, {
    hint: 'Give this node the right to publish, as docs/nats.md says; what was written is in its log, and is published then.',
    retryable: false,
  });
}

/** A link to a carrier is over. */
export function linkOver(name: string): TablecastError {
  return new TablecastError('CLOSED', `The link to ${name} is over.`, {
    hint: 'Open another one.',
    retryable: true,
  });
}
