import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TablecastError } from '../errors.ts';
import { isLoopback } from '../transport/websocket/options.ts';

/** The limits bound what strangers can take up: sockets, and milliseconds for a request and between two. */
export interface ListenerLimits {
  readonly maxConnections: number;
  readonly requestMs: number;
  readonly idleMs: number;
}

const LIMITS: ListenerLimits = { maxConnections: 32, requestMs: 5000, idleMs: 5000 };
const MAX_HEADER_BYTES = 8192;
const MAX_REQUESTS_PER_SOCKET = 1000;

/** An answer is what one path answers. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

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
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: limits.requestMs,
        requestTimeout: limits.requestMs,
        keepAliveTimeout: limits.idleMs,
        connectionsCheckingInterval: limits.requestMs / 5,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = limits.maxConnections;
    this.#server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
    // A socket that cannot be accepted, for want of descriptors, is no reason to end the node.
    this.#server.on('error', () => undefined);
    // Answering questions is no reason to stay alive.
    this.#server.unref();
  }

  /** Resolves with the URL of it; rejects with `LISTEN_FAILED`. */
  async open(port: number): Promise<string> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen(port, this.#host, resolve);
      });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : error;
      throw new TablecastError('LISTEN_FAILED', `cannot answer on ${this.#host}:${port}: ${String(code)}`, {
        hint: 'Give health another port, or 0 for a free one; and a host of this machine.',
        retryable: code === 'EADDRINUSE',
        cause: error,
      });
    }
    const { address, port: taken, family } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`;
  }

  /** Ends every connection. Idempotent. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
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
