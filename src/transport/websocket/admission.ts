import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { defaultPath, subprotocol, tokenSubprotocolPrefix } from './connection.ts';
import { type WebSocketOptions, isLoopback } from './options.ts';

/** What is known of a node that asks to connect, before anything it sends is believed. */
export interface RequestFacts {
  readonly remoteAddress: string;
  /** From the Authorization header, or the subprotocol a browser gives it in. Not checked yet. */
  readonly token: string | undefined;
  /** Common name, else first DNS name, of a client certificate whose chain was checked. */
  readonly certificateName: string | undefined;
  readonly origin: string | undefined;
  readonly host: string | undefined;
}

/** Let in with a credential, or refused with an HTTP status and a line for people. */
export type Admission =
  | { readonly admitted: true; readonly credential: string | undefined }
  | { readonly admitted: false; readonly status: number; readonly line: string };

/** Longest name a credential may be bound to, in UTF-16 units. */
const maxCredentialLength = 256;

/** Decides on upgrade requests, in this order: path, Host, Origin, credential, subprotocol. */
export class Gate {
  readonly #options: WebSocketOptions;
  readonly #host: string;
  readonly #origins: ReadonlySet<string>;
  readonly #tokenHash: Buffer | undefined;

  constructor(options: WebSocketOptions) {
    this.#options = options;
    this.#host = (options.listen?.host ?? '127.0.0.1').toLowerCase();
    this.#origins = new Set(options.origins?.map((origin) => origin.toLowerCase()));
    this.#tokenHash = options.auth?.token === undefined ? undefined : sha256(options.auth.token);
  }

  /** Never rejects: what `verify` throws is a refusal. */
  async admit(request: IncomingMessage): Promise<Admission> {
    const facts = factsOf(request, this.#options.listen?.tls?.requestCert === true);
    if (pathOf(request) !== defaultPath) return refusal(404, `the path is ${defaultPath}`);
    if (!this.#isOurHost(facts.host)) return refusal(403, 'this Host is not allowed');
    if (facts.origin !== undefined && !this.#origins.has(facts.origin.toLowerCase())) {
      return refusal(403, 'this Origin is not allowed');
    }
    const credential = await this.#credentialOf(facts);
    if (credential === refusedCredential) return refusal(401, 'a valid credential is required');
    if (!protocolsOf(request).includes(subprotocol)) return refusal(426, `the subprotocol is ${subprotocol}`);
    return { admitted: true, credential };
  }

  /** A page that resolves its own name to this machine still sends that name as Host. */
  #isOurHost(host: string | undefined): boolean {
    if (!isLoopback(this.#host)) return true;
    const name = /^(\[[0-9a-fA-F:.]{2,45}\]|[^:]{1,255})(?::\d{1,5})?$/.exec(host ?? '')?.[1];
    return name !== undefined && (isLoopback(name) || name.toLowerCase() === this.#host);
  }

  async #credentialOf(facts: RequestFacts): Promise<string | undefined | typeof refusedCredential> {
    const verify = this.#options.auth?.verify;
    const wantsCertificate = this.#options.listen?.tls?.requestCert === true;
    if (wantsCertificate && facts.certificateName === undefined) return refusedCredential;
    if (verify !== undefined) return this.#verified(verify, facts);
    if (this.#tokenHash !== undefined) {
      if (facts.token === undefined || !timingSafeEqual(sha256(facts.token), this.#tokenHash))
        return refusedCredential;
      return facts.certificateName ?? 'token';
    }
    return facts.certificateName;
  }

  async #verified(
    verify: (facts: RequestFacts) => string | undefined | Promise<string | undefined>,
    facts: RequestFacts,
  ): Promise<string | typeof refusedCredential> {
    try {
      return usableName(await verify(facts)) ?? refusedCredential;
    } catch (error) {
      this.#options.onWarning?.(`auth.verify threw, so a node was refused: ${String(error)}`);
      return refusedCredential;
    }
  }
}

const refusedCredential = Symbol('refused');

/** The name in the certificate of the other side, whose chain TLS has checked; undefined without one. */
export function certificateName(socket: TLSSocket): string | undefined {
  const certificate: Partial<PeerCertificate> | undefined = socket.getPeerCertificate();
  const common: unknown = certificate?.subject?.CN;
  if (typeof common === 'string') return usableName(common);
  const alternative = /(?:^|, )DNS:([a-zA-Z0-9.*-]{1,253})/.exec(certificate?.subjectaltname ?? '');
  return usableName(alternative?.[1]);
}

function factsOf(request: IncomingMessage, hasCertificate: boolean): RequestFacts {
  const { headers, socket } = request;
  return {
    remoteAddress: socket.remoteAddress ?? '',
    token: tokenOf(request),
    certificateName: hasCertificate ? certificateName(socket as TLSSocket) : undefined,
    origin: headers.origin,
    host: headers.host,
  };
}

function tokenOf(request: IncomingMessage): string | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) return /^Bearer ([\x21-\x7e]{1,1024})$/i.exec(authorization)?.[1];
  const given = protocolsOf(request).find((protocol) => protocol.startsWith(tokenSubprotocolPrefix));
  if (given === undefined) return undefined;
  return Buffer.from(given.slice(tokenSubprotocolPrefix.length), 'base64url').toString('utf8');
}

function protocolsOf(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

function usableName(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '' || name.length > maxCredentialLength) return undefined;
  return /\p{C}/u.test(name) ? undefined : name;
}

function refusal(status: number, line: string): Admission {
  return { admitted: false, status, line };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
