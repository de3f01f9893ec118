import { type IncomingMessage, request as plainRequest } from 'node:http';
import { type RequestOptions, request as tlsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ReadableStream } from 'node:stream/web';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import * as v from 'valibot';
import { type ErrorCode, TablecastError } from '../index.ts';
import type { PeerFlags } from './command.ts';
import { readCredentials } from './credentials.ts';
import { usageError } from './failure.ts';
import { inTime } from './joined-node.ts';
import { visible } from './output.ts';

/** Holds what a node is shown of credentials. */
type Shown = Omit<RequestOptions, 'headers'> & { readonly headers: Readonly<Record<string, string>> };

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
  const isPlace = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (isPlace && url.pathname === '/') return url;
  throw usageError(
    'The address of an HTTP port is no http:// or https:// URL of nothing but host and port.',
    'Write http://127.0.0.1:47780, for one; a token goes into --token-file or TABLECAST_TOKEN.',
  );
}

/** Asks a node, with the credentials and the time that the flags give. Throws `PEER_UNREACHABLE` when nothing answers. */
export async function askHttp(base: URL, { path, body }: HttpQuestion, flags: PeerFlags): Promise<HttpSaid> {
  const { headers, ...certificates } = shownTo(flags);
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const options = {
    ...certificates,
    method: sent === undefined ? 'GET' : 'POST',
    headers: { ...headers, ...(sent !== undefined && { 'content-type': 'application/json' }) },
    signal: AbortSignal.timeout(flags.timeout),
  };
  try {
    return await exchange(new URL(path, base), options, sent);
  } catch (error) {
    const late = options.signal.aborted ? `nothing came in ${flags.timeout} ms` : undefined;
    throw noNode(base, late ?? (error instanceof Error ? error.message : ''));
  }
}

/**
 * Opens a stream of events of a node, for as long as the signal says; resolves when the node begins it. Throws what the
 * node refuses with, and `PEER_UNREACHABLE`.
 */
export async function openEvents(
  base: URL,
  path: string,
  { flags, signal }: { readonly flags: PeerFlags; readonly signal: AbortSignal },
): Promise<AsyncIterable<string>> {
  const { headers, ...certificates } = shownTo(flags);
  const opening = new AbortController();
  const options = {
    ...certificates,
    headers: { ...headers, accept: 'text/event-stream' },
    signal: AbortSignal.any([signal, opening.signal]),
  };
  const [url, late] = [new URL(path, base), `nothing came in ${flags.timeout} ms`];
  let response: IncomingMessage;
  try {
    response = await inTime(respondedTo(url, options), flags.timeout, late);
  } catch (error) {
    // One that answers too late is not waited for beside the next.
    opening.abort();
    throw noNode(base, error instanceof Error ? error.message : '');
  }
  const { statusCode = 0 } = response;
  if (statusCode !== 200)
    throw refusedOverHttp(base, { status: statusCode, json: parsed(await text(response)) });
  return dataOf(response);
}

async function* dataOf(response: IncomingMessage): AsyncGenerator<string> {
  const bytes = Readable.toWeb(response) as ReadableStream<Uint8Array>;
  const events = bytes.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) yield data;
}

function shownTo(flags: PeerFlags): Shown {
  const { token, ...certificates } = readCredentials(flags) ?? {};
  return { ...certificates, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } };
}

async function exchange(url: URL, options: RequestOptions, sent: string | undefined): Promise<HttpSaid> {
  const response = await respondedTo(url, options, sent);
  return { status: response.statusCode ?? 0, json: parsed(await text(response)) };
}

function respondedTo(url: URL, options: RequestOptions, sent?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? tlsRequest : plainRequest)(url, options);
    request.on('error', reject).on('response', resolve);
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

const problem = v.object({ detail: v.string(), hint: v.string() });
const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [400, 'OPTION_INVALID'],
  [401, 'PEER_REFUSED'],
  [403, 'PEER_REFUSED'],
  [404, 'OPTION_INVALID'],
  [410, 'LOG_TRIMMED'],
  [413, 'OPTION_INVALID'],
  [429, 'LIMIT_EXCEEDED'],
  [503, 'LIMIT_EXCEEDED'],
]);

/** For an answer that says what the node refuses, and for one that no node gives. */
export function refusedOverHttp(base: URL, { status, json }: HttpSaid): TablecastError {
  const said = v.safeParse(problem, json);
  if (!said.success) return noNode(base, `it answers ${status}, as no node does`);
  const { detail, hint } = said.output;
  const retryable = status === 429 || status === 503;
  return new TablecastError(CODES.get(status) ?? 'BACKEND_FAILED', detail, { hint, retryable });
}
