import type * as Transport from '@nats-io/transport-node';
import type { Carrier, CarrierLink } from '../carrier/carrier.ts';
import { TablecastError } from '../errors.ts';
import { ANSWER_MS, failureOf, refused, unreachable, wordsOf } from './failures.ts';
import { type NatsPackages, loadPackages } from './packages.ts';
import { namesOfGroup } from './names.ts';
import { NatsLink } from './nats-link.ts';
import { type NatsOptions, requireTogether, textOf } from './options.ts';
import { readyStreams } from './streams.ts';

/** Makes the carrier that JetStream is. Throws `OPTION_INVALID` for options of which one needs or excludes another. */
export function natsCarrier(options: NatsOptions): Carrier {
  requireTogether(options);
  const servers = [options.servers].flat();
  const name = `${servers[0] ?? ''}/${options.group}`;
  const links = new Set<CarrierLink>();
  return {
    name,
    open: async (signal) => {
      const packages = await loadPackages();
      const connection = await connected(packages, options, name);
      try {
        if (signal.aborted) throw unreachable(name, 'the dial was aborted');
        const streams = await readyStreams(packages, connection, {
          options,
          names: namesOfGroup(options.group),
        });
        const link: CarrierLink = new NatsLink({ packages, connection, name, ...streams });
        links.add(link);
        void link.ended.then(() => links.delete(link));
        return link;
      } catch (error) {
        const failure = error instanceof TablecastError ? error : failureOf(name, error, { connection });
        void connection.close();
        throw failure;
      }
    },
    close: async () => {
      const open = [...links];
      for (const link of open) link.close();
      await Promise.all(open.map((link) => link.ended));
    },
  };
}

/** Deletes what a server keeps of a group, whose nodes are closed. */
export async function removeGroup(options: NatsOptions): Promise<void> {
  const packages = await loadPackages();
  const name = `${[options.servers].flat()[0] ?? ''}/${options.group}`;
  const connection = await connected(packages, options, name);
  try {
    const manager = await packages.jetstream.jetstreamManager(connection);
    const { stream, rows } = namesOfGroup(options.group);
    for (const each of [stream, rows]) await manager.streams.delete(each);
  } catch (error) {
    throw failureOf(name, error, { connection });
  } finally {
    await connection.close();
  }
}

async function connected(
  { transport }: NatsPackages,
  options: NatsOptions,
  name: string,
): Promise<Transport.NatsConnection> {
  const { servers, user, password, token, credentials, tls } = options;
  try {
    return await transport.connect({
      servers: [servers].flat(),
      // Whoever dials does so again, and begins with what the carrier holds then.
      reconnect: false,
      timeout: ANSWER_MS,
      pingInterval: ANSWER_MS,
      maxPingOut: 3,
      ...(user !== undefined && { user, pass: password ?? '' }),
      ...(token !== undefined && { token }),
      ...(credentials !== undefined && { authenticator: transport.credsAuthenticator(bytesOf(credentials)) }),
      ...(tls !== undefined && { tls: pemsOf(tls) }),
    });
  } catch (error) {
    const isRefused =
      error instanceof transport.AuthorizationError ||
      error instanceof transport.UserAuthenticationExpiredError;
    throw isRefused ? refused(name, error) : unreachable(name, wordsOf(error));
  }
}

function bytesOf(pem: string | Uint8Array): Uint8Array {
  return typeof pem === 'string' ? new TextEncoder().encode(pem) : pem;
}

function pemsOf(tls: NonNullable<NatsOptions['tls']>): Record<string, string> {
  const given = Object.entries(tls).flatMap(([name, pem]) =>
    pem === undefined ? [] : [[name, bytesOf(pem)] as const],
  );
  return Object.fromEntries(given.map(([name, bytes]) => [name, textOf(bytes)]));
}
