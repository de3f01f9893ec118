import type { SecureContextOptions } from 'node:tls';
import { TablecastError } from '../../errors.ts';
import { type ListenTls, type WebSocketOptions, pem, wantsCertificates } from './options.ts';

/** Says as `node:tls` takes it what a server shows and trusts. */
export function certificates(tls: ListenTls): SecureContextOptions {
  return {
    cert: pem(tls.cert),
    key: pem(tls.key),
    ...(tls.ca === undefined ? {} : { ca: pem(tls.ca) }),
    minVersion: 'TLSv1.2',
  };
}

/** Makes the options of a server over TLS that asks for certificates where credentials want them. */
export function serverTls(tls: ListenTls, options: WebSocketOptions, handshakeTimeoutMs: number): object {
  return {
    ...certificates(tls),
    requestCert: wantsCertificates(options),
    // Without a certificate only where a token will do; one that does not hold counts as none.
    rejectUnauthorized: tls.requireClientCertificate === true,
    handshakeTimeout: handshakeTimeoutMs,
  };
}

/** For certificates that cannot take the place of others. */
export function unusable(why: string, cause: unknown): TablecastError {
  return new TablecastError('OPTION_INVALID', `the new certificates cannot be used: ${why}`, {
    hint: 'Give certificate and key that belong together, as PEM. The present ones stay in use.',
    cause,
  });
}
