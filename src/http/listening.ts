import { type Server, type ServerOptions, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { serverTls } from '../transport/websocket/certificates.ts';
import { listenOn, urlOf } from '../transport/websocket/listening.ts';
import type { WebSocketOptions } from '../transport/websocket/options.ts';
import { type AnswerRequest, answerInTurns } from '../transport/websocket/request-turns.ts';
import { HEAD_MS, IDLE_MS, MAX_HEAD_BYTES, MAX_REQUESTS_PER_SOCKET, REQUEST_MS } from './limits.ts';
import type { HttpOptions } from './options.ts';
import { Problem, type ProblemAnswer, problemAnswer } from './problem.ts';

/** Node's server with the limits of ours, over TLS if that is asked for. */
export function newServer(http: HttpOptions, auth: WebSocketOptions['auth'], answer: AnswerRequest): Server {
  const options: ServerOptions = {
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: HEAD_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: IDLE_MS,
    connectionsCheckingInterval: HEAD_MS / 5,
    noDelay: true,
  };
  const server =
    http.tls === undefined
      ? createServer(options)
      : createTlsServer({ ...options, ...serverTls(http.tls, { listen: http, auth }, HEAD_MS) });
  answerInTurns(server, answer);
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
  server.on('clientError', refuseBytes);
  return server;
}

/** Resolves with the URL; rejects with `LISTEN_FAILED`. */
export async function openOn(
  server: Server,
  { port, host = '127.0.0.1', tls }: HttpOptions,
): Promise<string> {
  const bound = await listenOn(server, { option: 'http', port, host });
  return urlOf(tls === undefined ? 'http' : 'https', bound.address, bound.port);
}

/** Answers what is no request, or none that may be this long or slow. */
function refuseBytes(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const { status, text } = answerTo(error.code);
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

function answerTo(code: string | undefined): ProblemAnswer {
  const [message, hint] =
    code === 'HPE_HEADER_OVERFLOW'
      ? [
          `The head of the request is longer than ${MAX_HEAD_BYTES} bytes.`,
          'Shorten its path and its headers.',
        ]
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['The request did not come in time.', 'Send it at once, and its body without a pause.']
        : ['This is no HTTP request.', 'See docs/http.md for how to ask.'];
  return problemAnswer(new Problem('REQUEST_INVALID', message, { hint }));
}
