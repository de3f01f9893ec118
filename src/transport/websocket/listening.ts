import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TablecastError } from '../../errors.ts';

/** Says where to listen. */
export interface ListeningPlace {
  /** Names the option that says so, for people. */
  readonly option: 'listen' | 'http' | 'health';
  /** 0 takes a free one. */
  readonly port: number;
  readonly host: string;
}

/** Binds a server to a place; resolves with where it is. Rejects with `LISTEN_FAILED`. */
export async function listenOn(server: Server, place: ListeningPlace): Promise<AddressInfo> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(place.port, place.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw listenFailed(place, error);
  }
  // A socket that cannot be accepted, for want of descriptors, is no reason to end the node.
  server.on('error', () => undefined);
  return server.address() as AddressInfo;
}

/** Stops accepting; resolves once no socket is left, which others have to see to. Idempotent. */
export function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (server.listening) server.close(() => resolve());
    else resolve();
  });
}

/** The URL of a host and port. */
export function urlOf(scheme: string, host: string, port: number): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const HINTS: ReadonlyMap<unknown, string> = new Map([
  ['EADDRINUSE', 'Another program listens there: stop it, or choose another port, or 0 for a free one.'],
  ['EACCES', 'Choose a port above 1023, or give this program the right to use that one.'],
  ['EADDRNOTAVAIL', 'Give an address of this machine as {option}.host.'],
]);
const OTHER = 'Check {option}.host, {option}.port and the files given in {option}.tls.';

/** For a place that cannot be listened on. */
export function listenFailed({ option, host, port }: ListeningPlace, cause: unknown): TablecastError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return new TablecastError('LISTEN_FAILED', `cannot listen on ${host}:${port}: ${String(code ?? cause)}`, {
    hint: (HINTS.get(code) ?? OTHER).replaceAll('{option}', option),
    retryable: code === 'EADDRINUSE',
    details: { option },
    cause,
  });
}
