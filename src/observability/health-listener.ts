import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { closed, listenOn, urlOf } from '../transport/websocket/listening.ts';
import { isLoopback } from '../transport/websocket/options.ts';
import { answerInTurns } from '../transport/websocket/request-turns.ts';
import type { Answer } from './health-answers.ts';

/** The limits bound what strangers can take up: sockets, and milliseconds for a request and between two. */
export interface ListenerLimits {
  readonly maxConnections: number;
  readonly requestMs: number;
  readonly idleMs: number;
}

const LIMITS: ListenerLimits = { maxConnections: 32, requestMs: 5000, idleMs: 5000 };
const MAX_HEADER_BYTES = 8192;
const MAX_REQUESTS_PER_SOCKET = 1000;

/** Answers by path. */
export type Answers = ReadonlyMap<string, () => Answer | Promise<Answer>>;

/** The options say where to answer. */
export interface HealthOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default 127.0.0.1. Everybody who can reach another address can read the answers there. */
  readonly host?: string | undefined;
}

/** A small HTTP server that answers GET of a few paths, and nothing else. */
export class HealthListener {
  readonly #host: string;
  readonly #answers: Answers;
  readonly #server: Server;

  constructor(host: string, answers: Answers, limits: ListenerLimits = LIMITS) {
    this.#host = host;
    this.#answers = answers;
    this.#server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: limits.requestMs / 5,
    });
    answerInTurns(this.#server, (request, response) => void this.#answer(request, response));
    this.#server.maxConnections = limits.maxConnections;
    this.#server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
    // Answering questions is no reason to stay alive.
    this.#server.unref();
  }

  /** Resolves with the URL of it; rejects with `LISTEN_FAILED`. */
  async open(port: number): Promise<string> {
    const bound = await listenOn(this.#server, { option: 'health', port, host: this.#host });
    return urlOf('http', bound.address, bound.port);
  }

  /** Ends every connection. Idempotent. */
  async close(): Promise<void> {
    const over = closed(this.#server);
    this.#server.closeAllConnections();
    await over;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#answerTo(request);
    if (response.destroyed) return;
    response.writeHead(answer.status, {
      'content-type': answer.type,
      'content-length': Buffer.byteLength(answer.text),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(answer.status === 405 ? { allow: 'GET, HEAD' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : answer.text);
  }

  async #answerTo(request: IncomingMessage): Promise<Answer> {
    // A page that resolves its own name to this machine still sends that name as Host.
    if (isLoopback(this.#host) && !isLoopbackName(request.headers.host))
      return plain(403, 'this Host is not allowed');
    if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'only GET');
    const path = /^[^?#]*/.exec(request.url ?? '')?.[0] ?? '';
    const give = this.#answers.get(path);
    if (give === undefined) return plain(404, `paths are ${[...this.#answers.keys()].join(', ')}`);
    try {
      return await give();
    } catch {
      return plain(500, 'no answer could be made');
    }
  }
}

function isLoopbackName(host: string | undefined): boolean {
  const name = /^(\[[0-9a-fA-F:.]{2,45}\]|[^:]{1,255})(?::\d{1,5})?$/.exec(host ?? '')?.[1];
  return name !== undefined && isLoopback(name);
}

function plain(status: number, text: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', text: `${text}\n` };
}
