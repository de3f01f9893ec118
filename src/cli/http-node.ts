import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { TablecastError } from '../index.ts';
import type { PeerFlags } from './command.ts';
import { readCredentials } from './credentials.ts';
import { usageError } from './failure.ts';
import { visible } from './output.ts';

/** A question to a node over HTTP. */
export interface HttpQuestion {
  readonly path: string;
  /** Sent as JSON with POST; left out, it is GET. */
  readonly body?: unknown;
}

/** The answer of a node over HTTP. */
export interface HttpSaid {
  readonly status: number;
  /** Undefined where it was no JSON. */
  readonly json: unknown;
}

/** Says whether an address is that of an HTTP port. */
export function isHttp(address: string): boolean {
  return /^https?:/.test(address);
}

/** Returns the root of an HTTP port. Throws `OPTION_INVALID` for an address that may hold a secret, which is not repeated. */
export function httpBase(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url !== undefined && url.username === '' && url.password === '' && url.search === '' && url.hash === '')
    return new URL('/', url);
  throw usageError(
    'The address of an HTTP port is no http:// or https:// URL of nothing but host and port.',
    'Write http://127.0.0.1:47780, for one; a token goes into --token-file or TABLECAST_TOKEN.',
  );
}

/** Asks a node, with the credentials and the time that the flags give. Throws `PEER_UNREACHABLE` when nothing answers. */
export async function askHttp(base: URL, { path, body }: HttpQuestion, flags: PeerFlags): Promise<HttpSaid> {
  const { token, ...certificates } = readCredentials(flags) ?? {};
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const options = {
    ...certificates,
    method: sent === undefined ? 'GET' : 'POST',
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(sent !== undefined && { 'content-type': 'application/json' }),
    },
    signal: AbortSignal.timeout(flags.timeout),
  };
  try {
    return await exchange(new URL(path, base), options, sent);
  } catch (error) {
    const late = options.signal.aborted ? `nothing came in ${flags.timeout} ms` : undefined;
    throw noNode(base, late ?? (error instanceof Error ? error.message : ''));
  }
}

function exchange(
  url: URL,
  options: Parameters<typeof tlsRequest>[1],
  sent: string | undefined,
): Promise<HttpSaid> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? tlsRequest : plainRequest)(url, options);
    request.on('error', reject).on('response', (response) => {
      text(response).then(
        (said) => resolve({ status: response.statusCode ?? 0, json: parsed(said) }),
        reject,
      );
    });
    request.end(sent);
  });
}

function parsed(said: string): unknown {
  try {
    return JSON.parse(said);
  } catch {
    return undefined;
  }
}

/** For an address at which no node answers. */
export function noNode(base: URL, reason: string): TablecastError {
  return new TablecastError('PEER_UNREACHABLE', `No node answers at ${base.origin}: ${visible(reason)}.`, {
    hint: 'Start one with `tablecast run --http`, or give the ws:// address of a node without.',
    retryable: true,
  });
}
