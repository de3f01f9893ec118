import { isIPv4 } from 'node:net';
import { checkCredentials, checkToken } from '../../access/check.ts';
import type { CredentialOptions, Verifier } from '../../access/rights.ts';
import { TablecastError } from '../../errors.ts';
import type { Stranger } from '../transport.ts';
import { type ListenUnix, checkSocketPath } from './socket-path.ts';
import { type FrameLimitOptions, type FrameLimits, countOption, frameLimits } from '../limits.ts';

/** A PEM is given as text or as bytes. */
export type Pem = string | Uint8Array;

/** Certificate and key of this node, and the authority whose certificates it trusts. */
export interface ListenTls {
  readonly cert: Pem;
  readonly key: Pem;
  readonly ca?: Pem | undefined;
  /** Only accept nodes that show a certificate signed by `ca`; its name becomes their credential. */
  readonly requireClientCertificate?: boolean | undefined;
}

/** The certificates are what this node trusts and shows when it dials `wss://`. */
export interface DialTls {
  /** Default: the authorities Node.js trusts. */
  readonly ca?: Pem | undefined;
  readonly cert?: Pem | undefined;
  readonly key?: Pem | undefined;
}

/** Limits of a WebSocket transport: those of a connection, and of all together. */
export interface WebSocketLimits extends FrameLimits {
  /** Accepted connections at one time. Default 64. */
  readonly maxConnections: number;
  /** Sockets that have not finished their handshake, at one time. Default 32. */
  readonly maxHandshakes: number;
  /** Time for a handshake, TLS and authentication included, in milliseconds. Default 5,000. */
  readonly handshakeTimeoutMs: number;
  /** Time for what is queued and the closing handshake, in milliseconds. Default 2,000. */
  readonly closeTimeoutMs: number;
  /** Fragments of one frame. Default 64; Tablecast itself sends whole frames. */
  readonly maxFragments: number;
  /** Pieces, as read from the socket, of one frame. Default: one per 512 bytes of maxFrameBytes, at least 1,024. */
  readonly maxBufferedChunks: number;
}

/** Listens on a port of the network. */
export interface ListenTcp {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default 127.0.0.1. Anything beyond loopback requires authentication. */
  readonly host?: string | undefined;
  readonly tls?: ListenTls | undefined;
  /** Names that may stand in the Host header. Default: on loopback those of loopback, elsewhere any. */
  readonly hosts?: readonly string[] | undefined;
  readonly path?: undefined;
}

/** Options of {@link webSocketTransport}. */
export interface WebSocketOptions {
  /** Left out: this node only dials. */
  readonly listen?: ListenTcp | ListenUnix | undefined;
  readonly auth?:
    | {
        /** Shared secret, 1 to 1,024 printable ASCII characters: sent when dialling, asked for when listening. */
        readonly token?: string | undefined;
        /** Sent when dialling instead of `token`, and never taken when listening. */
        readonly dialToken?: string | undefined;
        /** Nodes known one by one, beside the shared token. */
        readonly credentials?: readonly CredentialOptions[] | undefined;
        /**
         * Decides when listening, instead of all of the above. What it throws refuses as well, and so
         * does taking longer than handshakeTimeoutMs.
         */
        readonly verify?: Verifier | undefined;
      }
    | undefined;
  readonly dial?: { readonly tls?: DialTls | undefined } | undefined;
  /** Values of the Origin header that may connect, such as `https://example.org`. Default none: nodes send no Origin. */
  readonly origins?: readonly string[] | undefined;
  readonly limits?:
    | (FrameLimitOptions & { readonly [Name in keyof WebSocketLimits]?: number | undefined })
    | undefined;
  /** Told, in one line, what works but is unwise. Must not throw. */
  readonly onWarning?: ((text: string) => void) | undefined;
  /** Told of everybody who is turned away while listening. Must not throw. */
  readonly onRefused?: ((stranger: Stranger) => void) | undefined;
}

/** Fills in defaults. Throws `OPTION_INVALID`. */
export function webSocketLimits(given: WebSocketOptions['limits'] = {}): WebSocketLimits {
  const frames = frameLimits(given);
  // Far peers deliver a frame in pieces of one network packet each, so the count follows the size.
  const chunks = Math.max(1_024, Math.ceil(frames.maxFrameBytes / 512));
  return {
    ...frames,
    maxConnections: countOption('maxConnections', given.maxConnections, 64),
    maxHandshakes: countOption('maxHandshakes', given.maxHandshakes, 32),
    handshakeTimeoutMs: countOption('handshakeTimeoutMs', given.handshakeTimeoutMs, 5_000),
    closeTimeoutMs: countOption('closeTimeoutMs', given.closeTimeoutMs, 2_000),
    maxFragments: countOption('maxFragments', given.maxFragments, 64),
    maxBufferedChunks: countOption('maxBufferedChunks', given.maxBufferedChunks, chunks),
  };
}

/** Throws `OPTION_INVALID` for a token no header can carry, and for listening that nothing protects. */
export function checkAuth(options: WebSocketOptions): void {
  const { listen, auth } = options;
  checkToken(auth?.token, 'auth.token');
  checkToken(auth?.dialToken, 'auth.dialToken');
  const credentials = checkCredentials(auth?.credentials ?? []);
  if (listen === undefined) return;
  if (listen.path !== undefined) {
    checkSocketPath(listen.path, 'listen.path');
    return;
  }
  if (wantsCertificates(options) && listen.tls?.ca === undefined) {
    throw invalid(
      'client certificates are asked for without listen.tls.ca',
      'Give the authority that signs the certificates of your nodes: without it anybody with a public certificate is let in.',
    );
  }
  const host = listen.host ?? '127.0.0.1';
  const known =
    auth?.token !== undefined ||
    auth?.verify !== undefined ||
    credentials.length > 0 ||
    listen.tls?.requireClientCertificate === true;
  if (!known && !isLoopback(host)) {
    throw invalid(
      `listening on ${host} would let anybody on the network in`,
      'Give auth.token, auth.credentials, auth.verify, or listen.tls with requireClientCertificate and ca; or listen on 127.0.0.1.',
    );
  }
}

/** Returns whether nodes that connect are asked for a certificate. */
export function wantsCertificates({ listen, auth }: WebSocketOptions): boolean {
  if (listen?.tls?.requireClientCertificate === true) return true;
  return auth?.credentials?.some(({ certificate }) => certificate !== undefined) === true;
}

/** Returns true for names and addresses that only this machine can use. */
export function isLoopback(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true;
  const address = name.startsWith('::ffff:') ? name.slice(7) : name;
  return isIPv4(address) && address.startsWith('127.');
}

function invalid(message: string, hint: string): TablecastError {
  return new TablecastError('OPTION_INVALID', message, { hint });
}

/** PEM as `node:tls` takes it. */
export function pem(given: string | Uint8Array): string | Buffer {
  return typeof given === 'string' ? given : Buffer.from(given);
}
