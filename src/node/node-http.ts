import type { CredentialChange } from '../access/rights.ts';
import type { NodeEvent } from '../events.ts';
import { type HttpHostParts, LocalHttpHost } from './hosts/http-host.ts';
import type { HttpServer } from '../http/http-server.ts';
import { unusable } from '../transport/websocket/certificates.ts';
import type { CertificateChange, NodeOptions } from './options.ts';

/** A node's HTTP interface; nothing, and nothing loaded, unless it is asked for. */
export class NodeHttp {
  readonly #options: NodeOptions;
  readonly #host: LocalHttpHost | undefined;
  readonly #report: (event: NodeEvent) => void;
  #server: HttpServer | undefined;
  /** Is where it answers. */
  address: string | undefined;

  constructor(options: NodeOptions, parts: HttpHostParts, report: (event: NodeEvent) => void) {
    this.#options = options;
    this.#report = report;
    this.#host = options.http === undefined ? undefined : new LocalHttpHost(parts);
  }

  /** Rejects with `OPTION_INVALID` for listening that nothing protects, and with `LISTEN_FAILED`. */
  async listen(): Promise<void> {
    const { http, auth } = this.#options;
    if (http === undefined || this.#host === undefined) return;
    const { HttpServer } = await import('../http/http-server.ts');
    const warn = (message: string): void =>
      this.#report({ code: 'transport-warning', severity: 'warning', message });
    this.#server = new HttpServer({ host: this.#host, http, auth, warn });
    this.address = await this.#server.open();
  }

  /** More of the log became durable. */
  advanced(): void {
    this.#host?.advanced();
  }

  /**
   * Gives what makes it judge by other credentials, and ends streams that they do not let in. Throws
   * `OPTION_INVALID` for none where they are needed.
   */
  reloading(change: CredentialChange): () => void {
    return this.#server?.reloading(change) ?? (() => undefined);
  }

  /** Gives what makes it show another certificate. Throws `OPTION_INVALID` for one that cannot be used. */
  certifying(change: CertificateChange['http']): () => void {
    if (change === undefined) return () => undefined;
    if (this.#server === undefined) throw unusable('nothing is answered over HTTP', undefined);
    return this.#server.certifying(change);
  }

  async close(): Promise<void> {
    this.#host?.close();
    await this.#server?.close();
  }
}
