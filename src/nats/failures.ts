import type { NatsConnection } from '@nats-io/transport-node';
import { deniedByCarrier, linkOver, refusedByCarrier } from '../carrier/errors.ts';
import { TablecastError } from '../errors.ts';

/** Bounds how long a server may take to answer, in milliseconds. */
export const ANSWER_MS = 5000;

/** The parts are what something was asked over. */
interface FailedParts {
  readonly connection: Pick<NatsConnection, 'isClosed'>;
}

/** Returns what happened to who opened the streams of a server: it went away, it does not answer, or it refuses. */
export function failureOf(name: string, error: unknown, { connection }: FailedParts): TablecastError {
  if (isTimeout(error))
    return unreachable(name, 'JetStream does not answer, as a cluster without most of its servers');
  if (connection.isClosed()) return unreachable(name, wordsOf(error));
  return refused(name, error);
}

/** Returns what an append came to that a server did not acknowledge: it has no right, no room, or said nothing. */
export function appendFailureOf(name: string, error: unknown, { connection }: FailedParts): Error {
  const { code, message, cause } = error as Error & { readonly code?: number };
  if (cause instanceof Error && cause.name === 'PermissionViolationError')
    return deniedByCarrier(name, message);
  if (code !== undefined) return refusedByCarrier(name, message);
  if (connection.isClosed()) return linkOver(name);
  // A server of a cluster without room on its disk acknowledges nothing, and says nothing either.
  if (isTimeout(error)) return unreachable(name, 'nothing is acknowledged, as where a disk is full');
  return error as Error;
}

/** Returns what a question came to: of one that was not answered the client says only that time was up. */
export function questionFailureOf(name: string, what: string, error: unknown): unknown {
  if (!isTimeout(error)) return error;
  // Why a link ended is told in little more than a hundred characters: the last may be cut off.
  return unreachable(
    name,
    `no answer in ${ANSWER_MS / 1000} s; do most of its servers run? Asked was ${what}`,
  );
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
  if (isTimeout(error)) return `nothing was answered within ${ANSWER_MS / 1000} s`;
  return error instanceof Error ? error.message : String(error);
}

/** Returns whether the client waited for an answer in vain. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}
