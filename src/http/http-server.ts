import type { IncomingMessage, Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { CredentialChange } from '../access/rights.ts';
import { certificates, unusable } from '../transport/websocket/certificates.ts';
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
import { UndoRoutes } from './routes/undo.ts';
import { StreamRoutes } from './routes/streams.ts';
import { StreamSet } from './streams/stream-set.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Is undefined before it is known who asks. */
    viewer: Viewer | undefined;
  }
}

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
  #server: Server | undefined;
  readonly #app: FastifyInstance;
  readonly #streams: StreamSet;
  readonly #following: StreamRoutes;
  readonly #observation: Observation;
  readonly #listings: Listings;
  readonly #past: PastRoutes;
  readonly #undos: UndoRoutes;
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
    this.#undos = new UndoRoutes(host);
    this.#route(
      routesOf({
        host,
        observation: this.#observation,
        document: openApiDocument(packageVersion()),
        open: this.#streams,
        listings: this.#listings,
        past: this.#past,
        undos: this.#undos,
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
    app.decorateRequest('viewer', undefined);
    app.addHook('onRequest', (request, reply, done) => this.#admit(request, reply, done));
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
      // What is known at once is answered at once: a promise for each request costs more than a row does.
      handler: (request, reply) => {
        const asked = this.#askedOf(request, reply);
        if (method === 'GET') this.#budget.read(asked.viewer);
        else this.#budget.write(asked.viewer, operationsIn(asked.body));
        const answer = handler(asked);
        if (answer instanceof Promise) return answer.then((found) => respond(reply, found));
        return respond(reply, answer);
      },
    });
  }

  #askedOf({ raw, body, viewer: admitted }: FastifyRequest, reply: FastifyReply): Asked {
    const { url = '' } = raw;
    const mark = url.indexOf('?');
    const viewer = admitted as Viewer;
    return {
      viewer,
      request: raw,
      response: reply.raw,
      segments: (mark < 0 ? url : url.slice(0, mark)).slice(1).split('/'),
      query: mark < 0 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1)),
      body,
      wrote: (operations) => this.#budget.owe(viewer, operations),
    };
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
    return () => (this.#server as TlsServer).setSecureContext(certificates({ ...tls, ...change }));
  }

  /** Ends every request and stream. Idempotent. */
  async close(): Promise<void> {
    const over = closed(this.#server as Server);
    this.#observation.stop();
    this.#listings.close();
    this.#past.close();
    this.#undos.close();
    this.#following.close();
    this.#streams.close();
    this.#sockets.endAll();
    await over;
    await this.#app.close();
  }

  #admit(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
    const { origins } = this.#parts.http;
    void reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    const { origin } = request.raw.headers;
    if (origin !== undefined) void reply.headers(withOrigin(origin, origins));
    if (request.method === 'OPTIONS') return send(reply, preflight(request.raw, origins));
    const open = this.#openTo(request);
    if (open !== undefined) return void settled(open(reply), () => undefined, done);
    const viewer = this.#door.admit(request.raw);
    if (viewer instanceof Promise) {
      const enter = (found: Viewer): void => {
        this.#enter(found, request, reply);
        done();
      };
      return void settled(viewer, enter, done);
    }
    this.#enter(viewer, request, reply);
    done();
  }

  /** Throws a problem for what is not answered at present. */
  #enter(viewer: Viewer, request: FastifyRequest, reply: FastifyReply): void {
    request.viewer = viewer;
    if (request.method !== 'GET' && request.method !== 'HEAD')
      this.#budget.enter(viewer, request.raw, reply.raw);
    const { phase } = this.#parts.host.observed;
    if (phase === 'open') return;
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
  #openTo({ method, raw }: FastifyRequest): ((reply: FastifyReply) => Promise<unknown>) | undefined {
    const { url = '' } = raw;
    if (url.startsWith('/v1/') || (method !== 'GET' && method !== 'HEAD')) return undefined;
    const path = url.split('?', 1)[0] ?? '';
    const page = this.#page?.at(path, raw.headers['accept-encoding']?.toString());
    if (page !== undefined) return async (reply) => reply.headers(page.headers).send(await page.bytes());
    const health = this.#health?.at(path);
    if (health === undefined) return undefined;
    return async (reply) => {
      const { status, type, text } = await health(await this.#door.recognised(raw));
      return send(reply, { status, headers: { 'content-type': type }, text });
    };
  }
}

/** Takes what a promise gives on, or why it fails. Never rejects. */
async function settled<T>(
  promise: Promise<T>,
  take: (found: T) => void,
  failed: (error: Error) => void,
): Promise<void> {
  try {
    take(await promise);
  } catch (error) {
    failed(error as Error);
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

/** Sends an answer; without one, a handler has taken the response over. */
function respond(reply: FastifyReply, answer: Answer | undefined): void {
  if (answer === undefined) reply.hijack();
  else send(reply, answer);
}

function send(reply: FastifyReply, { status, headers, text }: Answer): void {
  if (status !== undefined) void reply.code(status);
  if (text !== undefined) void reply.type(JSON_TYPE);
  if (headers !== undefined) void reply.headers(headers);
  void reply.send(text);
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
