import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { checkCredential } from '../../access/check.ts';
import type { AccessRequest, Credential, CredentialOptions, Verifier } from '../../access/rights.ts';
import { certificateNames } from './certificate-names.ts';
import type { Holder } from '../frame-connection.ts';
import { addressOf } from './sockets.ts';
import { defaultPath, subprotocol, tokenSubprotocolPrefix } from './protocol.ts';
import { type WebSocketOptions, isLoopback } from './options.ts';

/**
 * Shown is what a node showed of itself, kept for as long as it is connected: to be looked at again by other
 * credentials.
 */
export interface Shown {
  readonly tokenHash: Buffer | undefined;
  readonly certificateNames: readonly string[];
}

/** Let in, as whose, and by what. */
export interface Admitted {
  readonly admitted: true;
  readonly holder: Holder;
  readonly shown: Shown;
}

/** Let in as a holder, or refused with an HTTP status and a line for people. */
export type Admission = Admitted | Refusal;

/** Refused, with what is said to who asked, and what is known beside. */
export interface Refusal {
  readonly admitted: false;
  readonly status: number;
  readonly line: string;
  /** Says what the operator hears beside, who may know more than a stranger. */
  readonly told?: string | undefined;
}

interface KnownToken {
  readonly hash: Buffer;
  readonly credential: CredentialOptions | undefined;
  /** Its holder, where nothing but the token was shown. */
  readonly holder: Holder;
}

/** Decides on upgrade requests, in this order: path, Host, Origin, credential, subprotocol. */
export class Gate {
  readonly #options: WebSocketOptions;
  readonly #timeoutMs: number;
  readonly #host: string;
  readonly #hosts: ReadonlySet<string> | undefined;
  readonly #origins: ReadonlySet<string>;
  readonly #tokens: readonly KnownToken[];
  /** The holder of nothing, where nothing is asked for. */
  readonly #anybody: Holder = { credential: undefined };
  /** The Host that was allowed last: most who ask say the same. */
  #lastHost: string | undefined;

  constructor(options: WebSocketOptions, timeoutMs: number) {
    this.#options = options;
    this.#timeoutMs = timeoutMs;
    const { listen, auth, origins } = options;
    this.#host = (listen?.host ?? '127.0.0.1').toLowerCase();
    this.#hosts = listen?.hosts && new Set(listen.hosts.map((host) => host.toLowerCase()));
    this.#origins = new Set(origins?.map((origin) => origin.toLowerCase()));
    const known = auth?.credentials?.filter(({ token }) => token !== undefined) ?? [];
    this.#tokens = [
      ...known.map((credential) => ({
        hash: sha256(credential.token as string),
        credential,
        holder: holderOf(credential),
      })),
      ...(auth?.token === undefined
        ? []
        : [{ hash: sha256(auth.token), credential: undefined, holder: { credential: 'token' } }]),
    ];
  }

  /** Never rejects: what `verify` throws is a refusal. */
  async admit(request: IncomingMessage): Promise<Admission> {
    if (pathOf(request) !== defaultPath) return refusal(404, `the path is ${defaultPath}`);
    const judged = await this.judge(factsOf(request));
    if (!judged.admitted || protocolsOf(request).includes(subprotocol)) return judged;
    return refusal(426, `the subprotocol is ${subprotocol}`);
  }

  /**
   * Decides by Host, Origin and credential alone; at once, unless `auth.verify` is asked. Never rejects. Who showed the
   * same token and no certificate, or nothing, has the same holder each time.
   */
  judge(facts: AccessRequest): Admission | Promise<Admission> {
    if (!this.#isOurHost(facts.host)) return refusal(403, 'this Host is not allowed');
    if (facts.origin !== undefined && !this.#origins.has(facts.origin.toLowerCase())) {
      return refusal(403, 'this Origin is not allowed');
    }
    const { token, certificateNames: names } = facts;
    const shown = { tokenHash: token === undefined ? undefined : sha256(token), certificateNames: names };
    const { verify } = this.#options.auth ?? {};
    if (verify === undefined) return admission(this.recognise(shown), shown);
    return this.#verified(verify, facts).then((holder) => admission(holder, shown));
  }

  /** Finds whose that is by token and certificate; undefined for nobody's. */
  recognise({ tokenHash, certificateNames: names }: Shown): Holder | undefined {
    const { auth, listen } = this.#options;
    if (listen?.tls?.requireClientCertificate === true && names.length === 0) return undefined;
    if (tokenHash !== undefined && this.#tokens.length > 0) return this.#byToken(tokenHash, names);
    const certified = certifiedHolder(auth?.credentials, names);
    if (certified !== undefined) return certified;
    const isOpen = this.#tokens.length === 0 && (auth?.credentials ?? []).length === 0;
    if (!isOpen) return undefined;
    return tokenHash === undefined && names.length === 0 ? this.#anybody : { credential: names[0] };
  }

  /** A page that resolves its own name to this machine still sends that name as Host. */
  #isOurHost(host: string | undefined): boolean {
    // No page reaches a socket of the file system.
    if (this.#options.listen?.path !== undefined) return true;
    if (this.#hosts === undefined && !isLoopback(this.#host)) return true;
    if (host !== undefined && host === this.#lastHost) return true;
    if (!this.#isAllowed(host)) return false;
    this.#lastHost = host;
    return true;
  }

  #isAllowed(host: string | undefined): boolean {
    const name = /^(\[[0-9a-fA-F:.]{2,45}\]|[^:]{1,255})(?::\d{1,5})?$/.exec(host ?? '')?.[1]?.toLowerCase();
    if (name === undefined) return false;
    if (this.#hosts?.has(name) === true || name === this.#host) return true;
    return isLoopback(this.#host) && isLoopback(name);
  }

  /** Looks at every token, so that the time taken does not tell which one came near. */
  #byToken(hash: Buffer, names: readonly string[]): Holder | undefined {
    let found: KnownToken | undefined;
    for (const known of this.#tokens) {
      if (timingSafeEqual(hash, known.hash)) found ??= known;
    }
    if (found === undefined) return undefined;
    const certificate = found.credential?.certificate;
    if (certificate !== undefined && !names.includes(certificate)) return undefined;
    if (names.length === 0) return found.holder;
    return found.credential === undefined ? { credential: names[0] } : holderOf(found.credential);
  }

  async #verified(verify: Verifier, request: AccessRequest): Promise<Holder | undefined> {
    const { tls } = this.#options.listen ?? {};
    if (tls?.requireClientCertificate === true && request.certificateNames.length === 0) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('it took too long')), this.#timeoutMs);
    });
    try {
      const given = await Promise.race([verify(request), late]);
      return given === undefined ? undefined : holderOf(checkCredential(given, 'what it gave'));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.onWarning?.(`auth.verify failed, so a node was refused: ${reason}`);
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Returns the holder of a credential that is recognised by one of these names alone. */
function certifiedHolder(
  credentials: readonly CredentialOptions[] | undefined,
  names: readonly string[],
): Holder | undefined {
  const credential = credentials?.find(({ token, certificate }) => {
    return token === undefined && certificate !== undefined && names.includes(certificate);
  });
  return credential && holderOf(credential);
}

/** Finds whose a dialled node is, by the names in its certificate. */
export function dialledHolder(
  credentials: readonly CredentialOptions[] | undefined,
  names: readonly string[],
): Holder {
  return certifiedHolder(credentials, names) ?? { credential: names[0] };
}

function holderOf({ name, nodes, read, write, origins }: Credential): Holder {
  return { credential: name, rights: { name, nodes, read, write, origins } };
}

/** Returns what is known of who asks. */
export function factsOf(request: IncomingMessage): AccessRequest {
  const { headers, socket } = request;
  return {
    remoteAddress: addressOf(socket),
    token: tokenOf(request),
    certificateNames: socket instanceof TLSSocket ? certificateNames(socket) : [],
    origin: headers.origin,
    host: headers.host,
  };
}

function tokenOf(request: IncomingMessage): string | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) return /^Bearer ([\x21-\x7e]{1,1024})$/i.exec(authorization)?.[1];
  if (request.headers['sec-websocket-protocol'] === undefined) return undefined;
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

function admission(holder: Holder | undefined, shown: Shown): Admission {
  if (holder === undefined) return refusal(401, 'a valid credential is required', whatWasShown(shown));
  return { admitted: true, holder, shown };
}

function refusal(status: number, line: string, told?: string): Refusal {
  return { admitted: false, status, line, told };
}

function whatWasShown({ tokenHash, certificateNames: names }: Shown): string {
  const token = tokenHash === undefined ? undefined : 'a token that is not taken here';
  const certificate = names.length === 0 ? undefined : `a certificate for ${names[0]?.slice(0, 64)}`;
  return `it showed ${[token, certificate].filter((shown) => shown !== undefined).join(' and ') || 'none'}`;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
