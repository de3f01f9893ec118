import { TablecastError } from '../errors.ts';
import type { NatsPackages } from './packages.ts';

/** Returns what happened to who opened the streams of a server: it went away, it does not answer, or it refuses. */
export function failureOf(name: string, error: unknown, { transport }: NatsPackages): TablecastError {
  if (error instanceof transport.TimeoutError)
    return unreachable(name, 'JetStream does not answer, as a cluster without most of its servers');
  if (error instanceof transport.ClosedConnectionError) return unreachable(name, wordsOf(error));
  return refused(name, error);
}

/** A server is not there, or not at present. */
export function unreachable(name: string, why: string): TablecastError {
  return new TablecastError('PEER_UNREACHABLE', `${name} cannot be reached: ${why}`, {
    hint: 'Start nats-server with JetStream (-js), or look at the address; what is written meanwhile is in the log.',
    retryable: true,
  });
}

/** A server does not let this node do what it has to. */
export function refused(name: string, error: unknown): TablecastError {
  return new TablecastError('PEER_REFUSED', `${name} refuses this node: ${wordsOf(error)}`, {
    hint: 'Look at its credentials and permissions: docs/nats.md lists the subjects a node needs.',
    retryable: true,
    cause: error,
  });
}

/** The words of an error of the client. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
