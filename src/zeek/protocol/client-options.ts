import type { Buffer } from 'node:buffer';
import { TablecastError } from '../../errors.ts';
import type { Environment } from '../../environment.ts';
import { zeekLimits, type ZeekLimits } from './limits.ts';

/** Certificates, in PEM. The server's is always checked. */
export interface ZeekTls {
  /** Authorities to trust instead of the system's. */
  readonly ca?: string | Buffer | undefined;
  /** The client certificate and its key, where the server asks for one. */
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** The name in the server's certificate, where it differs from the URL's. */
  readonly servername?: string | undefined;
}

/** The timings say how patient the client is, in milliseconds. */
export interface ZeekTimings {
  /** For the TCP, TLS and WebSocket handshakes together, and again for Zeek's acknowledgement. */
  readonly handshakeMs: number;
  /** A connection on which nothing arrived for so long is asked for a sign of life, and given up after as long again. */
  readonly silenceMs: number;
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
}

/** The options say where and as whom to connect. */
export interface ZeekClientOptions {
  /** `ws://host:port` or `wss://…`; the path defaults to `/v1/messages/json`. */
  readonly url: string;
  /** Prefixes of the topics to receive. They hold for the life of the client. */
  readonly topics: readonly string[];
  /** Told to Zeek, which logs it: letters, digits and `-/_.=:*@`. Default `tablecast`. */
  readonly applicationName?: string | undefined;
  readonly tls?: ZeekTls | undefined;
  readonly limits?: Partial<ZeekLimits> | undefined;
  readonly timings?: Partial<ZeekTimings> | undefined;
  readonly environment: Environment;
}

/** Checked options, defaults filled in. */
export interface ZeekClientSettings {
  readonly url: string;
  readonly topics: readonly string[];
  readonly applicationName: string;
  readonly tls: ZeekTls;
  readonly limits: ZeekLimits;
  readonly timings: ZeekTimings;
  readonly environment: Environment;
}

const defaultTimings: ZeekTimings = {
  handshakeMs: 10_000,
  silenceMs: 30_000,
  firstRetryMs: 250,
  maxRetryMs: 30_000,
};

function bad(message: string, hint: string): TablecastError {
  return new TablecastError('OPTION_INVALID', message, { hint });
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'ws:' && url.protocol !== 'wss:')) {
    throw bad(
      'The address of Zeek is no WebSocket address.',
      'Write it as ws://host:port or wss://host:port.',
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw bad(
      'The address of Zeek holds a user name.',
      'Zeek knows no users here: use TLS client certificates.',
    );
  }
  // Addresses are told in events, and what follows may be a secret.
  if (url.hash !== '' || text.includes('#'))
    throw bad('The address of Zeek holds a fragment.', 'Leave out "#" and what follows.');
  if (url.search !== '' || text.includes('?'))
    throw bad('The address of Zeek holds a query.', 'Leave out "?" and what follows.');
  if (url.pathname === '/' || url.pathname === '') url.pathname = '/v1/messages/json';
  return url.href;
}

function checkedTopics(topics: readonly string[], limits: ZeekLimits): readonly string[] {
  if (topics.length > limits.maxTopics)
    throw bad(`${topics.length} topics are too many.`, 'Subscribe to a common prefix.');
  const long = topics.find((topic) => topic.length > limits.maxNameLength);
  if (long !== undefined) throw bad(`A topic has ${long.length} characters.`, 'Shorten it.');
  return [...topics];
}

function checkedTls(tls: ZeekTls, url: string): ZeekTls {
  if ((tls.cert === undefined) !== (tls.key === undefined))
    throw bad('Of tls.cert and tls.key of Zeek one is missing.', 'Give both, or neither.');
  const isGiven = [tls.ca, tls.cert, tls.servername].some((value) => value !== undefined);
  if (isGiven && url.startsWith('ws:'))
    throw bad(
      'Certificates are given for an address of Zeek without TLS.',
      'Dial it as wss://, or leave tls out.',
    );
  return tls;
}

/** Checks the options of a client. @throws TablecastError `OPTION_INVALID` */
export function clientSettings(options: ZeekClientOptions): ZeekClientSettings {
  const applicationName = options.applicationName ?? 'tablecast';
  if (!/^[-/_.=:*@a-zA-Z0-9]{1,200}$/.test(applicationName)) {
    throw bad(
      `Zeek would refuse the application name ${JSON.stringify(applicationName.slice(0, 60))}.`,
      'Use letters, digits and -/_.=:*@ only.',
    );
  }
  const limits = zeekLimits(options.limits);
  const url = checkedUrl(options.url);
  return {
    url,
    topics: checkedTopics(options.topics, limits),
    applicationName,
    tls: checkedTls(options.tls ?? {}, url),
    limits,
    timings: { ...defaultTimings, ...options.timings },
    environment: options.environment,
  };
}
