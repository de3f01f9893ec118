import type { IncomingMessage, Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { CredentialChange } from '../access/rights.ts';
import { certificates, requireUsable, unusable } from '../transport/websocket/certificates.ts';
import { closed } from '../transport/websocket/listening.ts';
import type { ListenTls } from '../transport/websocket/options.ts';
import { Sockets } from '../transport/websocket/sockets.ts';
import { type DoorOptions, Doorkeeper, type Viewer } from './admission.ts';
import type { Answer, Asked, Handler, Handlers } from './asked.ts';
import { jsonOf } from './body.ts';
import { preflight, withOrigin } from './cross-origin.ts';
import { HealthPaths } from './health-paths.ts';
import type { HttpHost } from './host.ts';
import { type HttpLimits, httpLimits } from './limits.ts';
import { newServer, openOn } from './listening.ts';
import { allowedMethods } from './methods.ts';
import { Listings } from './listing/listings.ts';
import { Observation } from './observation.ts';
import { PageFiles } from './page-files.ts';
import { packageVersion } from './package-root.ts';
import { openApiDocument } from './openapi/document.ts';
import { OPERATIONS, type OperationSpec } from './openapi/operations.ts';
import { Problem, problemAnswer } from './problem.ts';
import { RequestBudget } from './request-budget.ts';
import { routesOf } from './routes/index.ts';
import { Census } from './past/census.ts';
import { PastRoutes } from './routes/past.ts';
import { StreamRoutes } from './routes/streams.ts';
import { StreamSet } from './streams/stream-set.ts';

/** Is asked and never changed. */
const NO_QUERY = new URLSearchParams();
const JSON_TYPE = 'application/json; charset=utf-8';

/** The parts are what an HTTP server is made of. */
export interface HttpServerParts extends DoorOptions {
  readonly host: HttpHost;
}

/** Answers about one node over HTTP, with the rights of whoever asks. */
export class HttpServer {
  readonly #parts: HttpServerParts;
  readonly #limits: HttpLimits;
  readonly #door: Doorkeeper;
  readonly #sockets: Sockets;
  readonly #budget: RequestBudget;
  readonly #viewers = new WeakMap<IncomingMessage, Viewer>();
  #server: Server | undefined;
  readonly #app: FastifyInstance;
  readonly #streams: StreamSet;
  readonly #following: StreamRoutes;
  readonly #observation: Observation;
  readonly #listings: Listings;
  readonly #past: PastRoutes;
  readonly #health: HealthPaths | undefined;
  #page: PageFiles | undefined;

  /** Throws `OPTION_INVALID` for listening that nothing protects. */
  constructor(parts: HttpServerParts) {
    this.#parts = parts;
    this.#limits = httpLimits(parts.http.limits);
    this.#door = new Doorkeeper(parts);
    this.#sockets = new Sockets(this.#limits.maxSockets, 'all');
    this.#budget = new RequestBudget(this.#limits);
    this.#app = this.#newApp();
    this.#streams = new StreamSet(this.#limits, this.#sockets);
    this.#following = new StreamRoutes({ host: parts.host, streams: this.#streams });
    this.#observation = new Observation(parts.host.observed);
    if (parts.http.health === true) this.#health = new HealthPaths(this.#observation.health);
    const { host } = parts;
    this.#listings = new Listings({
      originText: (origin) => host.originText(origin),
      position: () => host.observed.position,
    });
    const census = new Census(host);
    this.#past = new PastRoutes(host, census);
    this.#route(
      routesOf({
        host,
        observation: this.#observation,
        document: openApiDocument(packageVersion()),
        open: this.#streams,
        listings: this.#listings,
        past: this.#past,
        census,
        streams: this.#following,
      }),
    );
  }

  #newApp(): FastifyInstance {
    const app = fastify({
      bodyLimit: this.#limits.maxBodyBytes,
      exposeHeadRoutes: false,
      rewriteUrl: ({ url = '/' }) => pathOf(url),
      forceCloseConnections: true,
      routerOptions: { maxParamLength: 16_384, querystringParser: () => ({}) },
      frameworkErrors: (error, _request, reply) => void refuse(reply, error),
      serverFactory: (answer) => {
        const server = newServer(this.#parts.http, this.#parts.auth, answer);
        server.on('connection', (socket) => this.#sockets.enter(socket));
        this.#server = server;
        return server;
      },
    });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
      try {
        done(null, body.length === 0 ? undefined : jsonOf(body));
      } catch (error) {
        done(error as Error);
      }
    });
    app.addHook('onRequest', (request, reply) => this.#admit(request, reply));
    app.setErrorHandler((error, _request, reply) => refuse(reply, error));
    app.setNotFoundHandler((request, reply) => refuse(reply, notFound(request.raw)));
    return app;
  }

  #route(handlers: Handlers): void {
    for (const operation of OPERATIONS) {
      const handler = handlers[operation.id];
      if (handler === undefined) throw new Error(`No route answers ${operation.id}.`);
      this.#answer(operation, handler);
    }
  }

  #answer({ method, path }: OperationSpec, handler: Handler): void {
    this.#app.route({
      method: method === 'GET' ? ['GET', 'HEAD'] : method,
      url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
      handler: async (request, reply) => {
        const asked = this.#asked(request, reply);
        if (method === 'GET') this.#budget.read(asked.viewer);
        else this.#budget.write(asked.viewer, operationsIn(asked.body));
        const answer = await handler(asked);
        if (answer === undefined) return reply.hijack();
        return send(reply, answer);
      },
    });
  }

  /** Resolves with the URL; rejects with `LISTEN_FAILED`. */
  async open(): Promise<string> {
    this.#page = await PageFiles.read();
    await this.#app.ready();
    return openOn(this.#server as Server, this.#parts.http);
  }

  /** Gives what makes it judge by other credentials from now on. Throws `OPTION_INVALID`. */
  reloading(change: CredentialChange): () => void {
    const reload = this.#door.reloading(change);
    return () => {
      reload();
      this.#streams.endRevoked();
    };
  }

  /** Gives what makes it show another certificate from now on. Throws `OPTION_INVALID`. */
  certifying(change: Pick<ListenTls, 'cert' | 'key' | 'ca'>): () => void {
    const { tls } = this.#parts.http;
    if (tls === undefined) throw unusable('HTTP is answered without TLS', undefined);
    requireUsable(change);
    return () => (this.#server as TlsServer).setSecureContext(certificates({ ...tls, ...change }));
  }

  /** Ends every request and stream. Idempotent. */
  async close(): Promise<void> {
    const over = closed(this.#server as Server);
    this.#observation.stop();
    this.#listings.close();
    this.#past.close();
    this.#following.close();
    this.#streams.close();
    this.#sockets.endAll();
    await over;
    await this.#app.close();
  }

  async #admit(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const { origins } = this.#parts.http;
    void reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    const { origin } = request.headers;
    if (origin !== undefined) void reply.headers(withOrigin(origin, origins));
    if (request.method === 'OPTIONS') return send(reply, preflight(request.raw, origins));
    const open = this.#openTo(request);
    if (open !== undefined) return open(reply);
    const viewer = await this.#door.admit(request.raw);
    this.#viewers.set(request.raw, viewer);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      this.#budget.enter(viewer, request.raw, reply.raw);
    const { phase } = this.#parts.host.observed;
    if (phase === 'open') return undefined;
    throw new Problem('NOT_OPEN', `The node is ${phase}.`, {
      hint: 'Ask again in a moment.',
      retryable: true,
      headers: { 'retry-after': '1' },
    });
  }

  /**
   * Finds what is answered to whoever asks: a file of the page, none of which tells anything of the node, and health, also
   * while the node is recovering. Undefined for everything else.
   */
  #openTo({ method, raw }: FastifyRequest): ((reply: FastifyReply) => Promise<FastifyReply>) | undefined {
    if (method !== 'GET' && method !== 'HEAD') return undefined;
    const path = (raw.url ?? '').split('?', 1)[0] ?? '';
    const page = this.#page?.at(path, raw.headers['accept-encoding']?.toString());
    if (page !== undefined) return async (reply) => reply.headers(page.headers).send(await page.bytes());
    const health = this.#health?.at(path);
    if (health === undefined) return undefined;
    return async (reply) => {
      const { status, type, text } = await health(await this.#door.recognised(raw));
      return send(reply, { status, headers: { 'content-type': type }, text });
    };
  }

  #asked({ raw, body }: FastifyRequest, reply: FastifyReply): Asked {
    const [path = '', ...rest] = (raw.url ?? '').split('?');
    return {
      viewer: this.#viewers.get(raw) as Viewer,
      request: raw,
      response: reply.raw,
      segments: path.slice(1).split('/'),
      query: rest.length === 0 ? NO_QUERY : new URLSearchParams(rest.join('?')),
      body,
    };
  }
}

/** Takes scheme and host off, which a request as one to a proxy names (RFC 9112, 3.2.2). */
function pathOf(url: string): string {
  const path = /^https?:\/\/[^/?]*(.*)$/i.exec(url)?.[1];
  return path === undefined ? url : path.startsWith('/') ? path : `/${path}`;
}

/** Counts the operations that a request would write. */
function operationsIn(body: unknown): number {
  const operations = (body as { readonly operations?: unknown } | undefined)?.operations;
  return Array.isArray(operations) ? Math.max(1, operations.length) : 1;
}

function send(reply: FastifyReply, { status = 200, headers = {}, text }: Answer): FastifyReply {
  void reply.code(status).headers(headers);
  if (text === undefined) return reply.send();
  if (reply.getHeader('content-type') === undefined) void reply.type(JSON_TYPE);
  return reply.send(text);
}

function refuse(reply: FastifyReply, error: unknown): FastifyReply {
  const { status, headers, text } = problemAnswer(error);
  return reply.code(status).headers(headers).type('application/problem+json').send(text);
}

function notFound({ method, url }: IncomingMessage): Problem {
  const path = (url ?? '').split('?', 1)[0] ?? '';
  const allowed = allowedMethods(path);
  if (allowed.length === 0) {
    return new Problem('NOT_FOUND', `Nothing is at ${path.slice(0, 200)}.`, {
      hint: 'GET /v1/openapi.json lists what there is.',
    });
  }
  return new Problem('METHOD_NOT_ALLOWED', `${method ?? ''} is not answered at ${path.slice(0, 200)}.`, {
    hint: `Use ${allowed.join(', ')}.`,
    headers: { allow: allowed.join(', ') },
  });
}
