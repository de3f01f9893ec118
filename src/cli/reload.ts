import { isDeepStrictEqual } from 'node:util';
import {
  type CertificateChange,
  type CredentialChange,
  type NodeOptions,
  type TableNode,
  isTablecastError,
} from '../index.ts';
import type { LogEvent } from './event-log.ts';
import { type RunConfig, type RunFlags, nodeOptions, rereadConfig, withoutValues } from './run-config.ts';

/** Lists what takes effect only when a node starts. */
const AT_START = [
  'id',
  'directory',
  'durability',
  'failureMode',
  'listen',
  'socket',
  'peers',
  'health',
  'http',
  'sql',
  'retention',
  'limits',
  'zeek',
  'tables',
] as const;

/** Reads certificates and credentials of a running node again, where it read them at its start. */
export class Reloading {
  readonly #flags: RunFlags;
  readonly #config: RunConfig;
  #certificates: CertificateChange;

  /** Reloads a node that was opened with these options, made of this configuration. */
  constructor(flags: RunFlags, config: RunConfig, options: NodeOptions) {
    this.#flags = flags;
    this.#config = config;
    this.#certificates = certificatesIn(options);
  }

  /** Uses what flags, file and the files they name say now, all of it or nothing; returns what came of it. */
  apply(node: TableNode): LogEvent {
    try {
      const config = rereadConfig(this.#flags, this.#config);
      const options = nodeOptions(config);
      const { listen, http } = this.#certificates;
      // What began without TLS stays without.
      const certificates = {
        ...certificatesIn(options),
        ...(listen === undefined && { listen }),
        ...(http === undefined && { http }),
      };
      this.#use(node, certificates, credentialsIn(options));
      return this.#reloaded(config);
    } catch (error) {
      return this.#failed(withoutValues(error, this.#config));
    }
  }

  #use(node: TableNode, certificates: CertificateChange, credentials: CredentialChange): void {
    node.reloadCertificates(certificates);
    try {
      node.reloadCredentials(credentials);
    } catch (error) {
      // Nobody connected meanwhile.
      node.reloadCertificates(this.#certificates);
      throw error;
    }
    const { listen, http } = this.#certificates;
    this.#certificates = {
      ...certificates,
      listen: certificates.listen ?? listen,
      http: certificates.http ?? http,
    };
  }

  #reloaded(config: RunConfig): LogEvent {
    const later = AT_START.filter((member) => {
      return !isDeepStrictEqual(lasting(config, member), lasting(this.#config, member));
    });
    const rest =
      later.length === 0 ? '' : ` What else changed takes effect at the next start: ${later.join(', ')}.`;
    return {
      code: 'reloaded',
      severity: later.length === 0 ? 'info' : 'warning',
      message: `Certificates and credentials were read again and are in use.${rest}`,
      details: { source: config.source, later },
    };
  }

  #failed(error: unknown): LogEvent {
    const reason = (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
    const { source } = this.#config;
    const known = isTablecastError(error) ? { code: error.code, hint: error.hint } : undefined;
    const where = source === undefined ? 'Nothing' : `Of ${source} nothing`;
    return {
      code: 'reload-failed',
      severity: 'error',
      message: `${where} was taken over; what is in use stays: ${reason}. ${known?.hint ?? ''}`.trim(),
      details: { source, ...known },
    };
  }
}

/** Picks what a node shows and trusts; for one that listens without TLS nothing of its listening. */
function certificatesIn({ listen, http, auth }: NodeOptions): CertificateChange {
  return {
    listen: shownBy(listen?.tls),
    http: shownBy(http?.tls),
    dial: { ca: auth?.ca, cert: auth?.cert, key: auth?.key },
  };
}

type Listening = NonNullable<NodeOptions['listen']>;

function shownBy(tls: Listening['tls']): CertificateChange['listen'] {
  return tls && { cert: tls.cert, key: tls.key, ca: tls.ca };
}

function credentialsIn({ auth }: NodeOptions): CredentialChange {
  return { token: auth?.token, dialToken: auth?.dialToken, credentials: auth?.credentials };
}

/** Returns a member as far as it stays until the next start: of TLS, whether it is there. */
function lasting(config: RunConfig, member: (typeof AT_START)[number]): unknown {
  if (member !== 'listen' && member !== 'http') return config[member];
  const place = config[member];
  if (place === undefined || place === false || place.tls === undefined) return place;
  return { ...place, tls: place.tls.requireClientCertificate === true };
}
