import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type * as Transport from '@nats-io/transport-node';
import type { Carrier, CarrierLink } from '../carrier/carrier.ts';
import { TablecastError } from '../errors.ts';
import { ANSWER_MS, failureOf, refused, unreachable, wordsOf } from './failures.ts';
import { type NatsPackages, loadPackages } from './packages.ts';
import { namesOfGroup } from './names.ts';
import { NatsLink } from './nats-link.ts';
import type { NatsOptions } from './options.ts';
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

function requireTogether({ user, password, token, credentials, tls }: NatsOptions): void {
  const ways = Object.entries({ user, token, credentials });
  const [way, ...others] = ways.flatMap(([name, given]) => (given === undefined ? [] : [name]));
  if (password !== undefined && user === undefined)
    throw unusable(
      'password',
      'there is no user',
      "Name the user whose password it is: nats: { user: 'worker-1', password }.",
    );
  if (way !== undefined && others.length > 0)
    throw unusable(
      way,
      `there is ${others.join(' and ')} as well`,
      'Give one of: user and password, token, credentials.',
    );
  if (credentials !== undefined && (textOf(credentials).match(/-----BEGIN /g) ?? []).length < 2)
    throw unusable(
      'credentials',
      'it has no JWT and no seed',
      'Give what a file of nsc has: credentials: readFileSync("node.creds").',
    );
  if (tls !== undefined) requireCertificates(tls);
}

function requireCertificates({ ca, cert, key }: NonNullable<NatsOptions['tls']>): void {
  if ((key === undefined) !== (cert === undefined))
    throw unusable(
      'tls',
      key === undefined ? 'there is a cert without its key' : 'there is a key without its cert',
      'Give both, or neither.',
    );
  try {
    if (ca !== undefined) void new X509Certificate(ca);
    createSecureContext(pemsOf({ cert, key }));
  } catch (error) {
    throw unusable(
      'tls',
      wordsOf(error),
      'Give certificates and keys as PEM, each key with its certificate.',
    );
  }
}

function unusable(name: string, why: string, hint: string): TablecastError {
  return new TablecastError('OPTION_INVALID', `Option nats.${name} cannot be used: ${why}.`, {
    hint,
    details: { option: `nats.${name}` },
  });
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

function textOf(given: string | Uint8Array): string {
  return typeof given === 'string' ? given : new TextDecoder().decode(given);
}
