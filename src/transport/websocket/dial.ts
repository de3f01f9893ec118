import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import type { CredentialOptions } from '../../access/rights.ts';
import { dialledHolder } from './admission.ts';
import { certificateNames } from './certificate-names.ts';
import type { Holder, FrameConnection } from '../frame-connection.ts';
import { defaultPath, subprotocol } from './protocol.ts';
import { dialError, refusedByStatus, unreachable } from './dial-errors.ts';
import { nodeConnection, socketOptions } from './node-socket.ts';
import { type DialTls, type WebSocketLimits, type WebSocketOptions, pem } from './options.ts';
import type { ReadTurns } from './read-turns.ts';
import { SOCKET_SCHEME } from './socket-path.ts';

/** The context is what every dial of a transport shares. */
export interface DialContext {
  readonly options: WebSocketOptions;
  readonly limits: WebSocketLimits;
  readonly turns: ReadTurns;
  /** Is what is trusted and shown at present. */
  readonly tls: DialTls;
  /** Those of the moment: they may be replaced while it dials, or is connected. */
  credentials(): readonly CredentialOptions[] | undefined;
}

/**
 * Returns one attempt to open a WebSocket to `url`. Rejects with `PEER_UNREACHABLE` or `PEER_REFUSED` and
 * leaves no socket behind.
 */
export async function dialNode(
  url: URL,
  context: DialContext,
  signal: AbortSignal,
): Promise<FrameConnection> {
  const address = url.href;
  if (signal.aborted) throw aborted(address);
  const ws = newSocket(url, context);
  return new Promise((resolve, reject) => {
    let socket: Socket | undefined;
    const fail = (error: Error): void => {
      settle();
      // The error ws reports because of this very call is not news.
      ws.on('error', () => undefined);
      ws.terminate();
      reject(error);
    };
    const onAbort = (): void => fail(aborted(address));
    const onError = (error: Error): void => fail(dialError(address, error));
    const onTimeout = (): void => {
      const why = `no answer within ${context.limits.handshakeTimeoutMs} ms`;
      fail(unreachable(address, why, { hint: 'Check the address, and that no firewall drops the packets.' }));
    };
    const timer = setTimeout(onTimeout, context.limits.handshakeTimeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      ws.removeListener('error', onError);
    };
    signal.addEventListener('abort', onAbort);
    ws.on('error', onError);
    ws.on('unexpected-response', (_request, response) =>
      fail(refusedByStatus(address, response.statusCode ?? 0)),
    );
    ws.on('upgrade', (response) => (socket = response.socket));
    ws.on('open', () => {
      if (socket === undefined) return;
      settle();
      const names = socket instanceof TLSSocket ? certificateNames(socket) : [];
      const holder = (): Holder => dialledHolder(context.credentials(), names);
      const { limits, turns } = context;
      const facts = { direction: 'dialled', remote: address, limits, turns, holder } as const;
      resolve(nodeConnection(ws, socket, { ...facts, ...holder() }));
    });
  });
}

function newSocket(url: URL, { options, limits, tls }: DialContext): WebSocket {
  const token = options.auth?.dialToken ?? options.auth?.token;
  const { ca, cert, key } = tls;
  try {
    return new WebSocket(socketAddress(url), [subprotocol], {
      ...socketOptions(limits),
      followRedirects: false,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      ...(ca === undefined ? {} : { ca: pem(ca) }),
      ...(cert === undefined ? {} : { cert: pem(cert) }),
      ...(key === undefined ? {} : { key: pem(key) }),
      ...(token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } }),
    });
  } catch (error) {
    throw dialError(url.href, error);
  }
}

/** Returns what `ws` dials: behind the path of a socket, and a colon, it wants that of the request. */
function socketAddress(url: URL): URL | string {
  return url.protocol === `${SOCKET_SCHEME}:` ? `${url.href}:${defaultPath}` : url;
}

function aborted(address: string): Error {
  return unreachable(address, 'the dial was aborted', { hint: 'Dial again.' });
}
