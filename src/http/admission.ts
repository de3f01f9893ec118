import type { IncomingMessage } from 'node:http';
import { sameCredential } from '../access/changes.ts';
import { EVERYTHING, type Grant, grantOf } from '../access/grant.ts';
import { type Admission, type Admitted, Gate, factsOf } from '../transport/websocket/admission.ts';
import { type WebSocketOptions, checkAuth } from '../transport/websocket/options.ts';
import { HEAD_MS } from './limits.ts';
import type { HttpOptions } from './options.ts';
import { Problem, unauthorized } from './problem.ts';

/** A viewer is who asks, with what it may do. */
export interface Viewer {
  /** Names the holder whose credential was shown; undefined where none is needed, or the shared token was. */
  readonly holder: string | undefined;
  readonly readsAll: boolean;
  /** The same for all who may read the same tables. */
  readonly readKey: string;
  readonly grant: Grant;
  /** Returns whether the credential still gives the same rights. */
  isHeld(): boolean;
}

/** The options are what a doorkeeper goes by. */
export interface DoorOptions {
  readonly http: HttpOptions;
  readonly auth: WebSocketOptions['auth'];
  warn(this: void, text: string): void;
}

/** Decides who may ask, by the rules of the WebSocket listener: Host, Origin, credential. */
export class Doorkeeper {
  readonly #options: DoorOptions;
  #gate: Gate;
  /** Viewers by their holders, which a gate knows by the same object each time. */
  readonly #viewers = new WeakMap<Admitted['holder'], Viewer>();

  /** Throws `OPTION_INVALID` for listening that nothing protects. */
  constructor(options: DoorOptions) {
    this.#options = options;
    this.#gate = this.#gateFor(options.auth);
  }

  /** Gives what makes it judge by other credentials; `auth.verify` stays. Throws `OPTION_INVALID`. */
  reloading(auth: WebSocketOptions['auth']): () => void {
    const gate = this.#gateFor({ ...auth, verify: this.#options.auth?.verify });
    return () => void (this.#gate = gate);
  }

  #gateFor(auth: WebSocketOptions['auth']): Gate {
    const { http, warn } = this.#options;
    const { port, host, tls, hosts, origins } = http;
    const options = { listen: { port, host, tls, hosts }, auth, origins, onWarning: warn };
    checkAuth(options);
    return new Gate(options, HEAD_MS);
  }

  /** Returns who asks; at once, unless `auth.verify` is asked. Throws or rejects with a problem. */
  admit(request: IncomingMessage): Viewer | Promise<Viewer> {
    const facts = factsOf(request);
    const { 'sec-fetch-site': site } = request.headers;
    // A page elsewhere can ask without saying its Origin, for images and the like.
    if (site === 'cross-site' && facts.origin === undefined) throw foreign('A page of another site asks.');
    const gate = this.#gate;
    const isOwn = facts.origin !== undefined && isSameOrigin(request);
    const judged = gate.judge(isOwn ? { ...facts, origin: undefined } : facts);
    return judged instanceof Promise
      ? judged.then((admission) => this.#admitted(gate, admission))
      : this.#admitted(gate, judged);
  }

  #admitted(gate: Gate, judged: Admission): Viewer {
    if (judged.admitted) return this.#known(gate, judged);
    if (judged.status !== 401)
      throw foreign(`${judged.line.charAt(0).toUpperCase()}${judged.line.slice(1)}.`);
    throw unauthorized();
  }

  /** As {@link admit}; undefined for somebody without a credential that is known. */
  async recognised(request: IncomingMessage): Promise<Viewer | undefined> {
    try {
      return await this.admit(request);
    } catch (error) {
      if (error instanceof Problem && error.code === 'UNAUTHORIZED') return undefined;
      throw error;
    }
  }

  #known(gate: Gate, admitted: Admitted): Viewer {
    const { holder, shown } = admitted;
    const known = this.#viewers.get(holder);
    if (known !== undefined) return known;
    const viewer = this.#viewer(gate, admitted);
    if (shown.certificateNames.length === 0) this.#viewers.set(holder, viewer);
    return viewer;
  }

  #viewer(gate: Gate, admitted: Admitted): Viewer {
    const { rights } = admitted.holder;
    const read = rights?.read ?? ['*'];
    const grant = rights === undefined ? EVERYTHING : grantOf(rights);
    return {
      holder: rights?.name,
      readsAll: read.includes('*'),
      get readKey() {
        return JSON.stringify(read);
      },
      grant,
      isHeld: () => gate === this.#gate || this.#isSame(admitted),
    };
  }

  #isSame({ holder, shown }: Admitted): boolean {
    if (this.#options.auth?.verify !== undefined) return true;
    const now = this.#gate.recognise(shown);
    return (
      now !== undefined && now.credential === holder.credential && sameCredential(now.rights, holder.rights)
    );
  }
}

/** Returns whether the page that asks came from this port. */
function isSameOrigin({ headers, socket }: IncomingMessage): boolean {
  const scheme = 'encrypted' in socket ? 'https' : 'http';
  return headers.origin?.toLowerCase() === `${scheme}://${headers.host?.toLowerCase()}`;
}

function foreign(message: string): Problem {
  return new Problem('FORBIDDEN', message, {
    hint: 'Name the host in http.hosts, and a page of another site by its Origin in http.origins.',
  });
}
