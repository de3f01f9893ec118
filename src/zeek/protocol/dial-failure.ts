/** Reasons why a connection to Zeek does not come about, in words, and what to do. */
import { Buffer } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import type { ZeekTls } from './client-options.ts';

/** A failure says what is wrong and what to do. */
export interface DialFailure {
  readonly what: string;
  readonly hint: string;
}

const LISTENS = 'Check that a Zeek node runs Cluster::listen_websocket there';
const CLIENT = 'issued by an authority in ca_file of its WebSocketTLSOptions';

const wanted: DialFailure = {
  what: 'it wants a client certificate, and was shown none',
  hint: `Give tls.cert and tls.key, ${CLIENT}.`,
};
const distrusted: DialFailure = {
  what: 'it does not trust the client certificate',
  hint: `Give a certificate and key as tls.cert and tls.key, ${CLIENT}.`,
};
const expired: DialFailure = {
  what: 'the client certificate has expired',
  hint: 'Renew the certificate of tls.cert, and attach again.',
};

/** The numbers of TLS alerts (RFC 8446, 6.2) with which servers refuse a client's certificate. */
const alerts: ReadonlyMap<number, DialFailure> = new Map([
  [40, wanted],
  [42, distrusted],
  [43, distrusted],
  [44, distrusted],
  [45, expired],
  [46, distrusted],
  [48, distrusted],
  [49, distrusted],
  [116, wanted],
]);

const codes: ReadonlyMap<string, DialFailure> = new Map([
  ['ECONNREFUSED', { what: 'nothing listens there', hint: `${LISTENS}, and the port.` }],
  ['ENOTFOUND', { what: 'the host name is unknown', hint: 'Check the spelling of the host name.' }],
  [
    'CERT_HAS_EXPIRED',
    { what: "Zeek's certificate has expired", hint: 'Renew cert_file of its WebSocketTLSOptions.' },
  ],
  [
    'ERR_TLS_CERT_ALTNAME_INVALID',
    {
      what: "Zeek's certificate is for another name",
      hint: 'Dial it by a name in its certificate, or give that name as tls.servername.',
    },
  ],
  [
    'ERR_OSSL_X509_KEY_VALUES_MISMATCH',
    { what: 'tls.key is not the key of tls.cert', hint: 'Give the key that the certificate was made for.' },
  ],
]);

/** The client certificate as it was given. */
interface Shown {
  readonly isTls: boolean;
  readonly tls: ZeekTls;
  readonly now: number;
}

/** Returns why dialling failed; undefined where only the socket's own words say it. */
export function dialFailure(error: Error, shown: Shown): DialFailure | undefined {
  const code = 'code' in error ? String(error.code) : '';
  const [, alert] = /SSL alert number (\d+)/.exec(error.message) ?? [];
  if (alert !== undefined) return ofAlert(Number(alert), shown);
  const known = codes.get(code);
  if (known !== undefined) return known;
  if (code.startsWith('ERR_OSSL_'))
    return {
      what: 'tls.cert or tls.key cannot be read',
      hint: 'Give both as PEM, the key without a password.',
    };
  if (/WRONG_VERSION_NUMBER|wrong version number|packet length too long/.test(code + error.message))
    return { what: 'no TLS is spoken there', hint: 'Use ws:// for a server without tls_options.' };
  if (/CERT|SIGNATURE|ISSUER/.test(code))
    return {
      what: `Zeek's certificate is not trusted (${code})`,
      hint: 'Give the certificate of its authority as tls.ca. Checking cannot be turned off.',
    };
  return code === 'ECONNRESET' || /socket hang up/.test(error.message) ? brokenOff(shown) : undefined;
}

function ofAlert(alert: number, shown: Shown): DialFailure | undefined {
  const failure = alerts.get(alert);
  // Servers of before TLS 1.3 have one alert for a certificate that is missing and for much else.
  return alert === 40 && shown.tls.cert !== undefined ? distrusted : failure;
}

/** Returns why a server breaks off without a word, as far as what it was shown says. */
function brokenOff({ isTls, tls, now }: Shown): DialFailure {
  if (!isTls) {
    return {
      what: 'it broke the connection during the handshake',
      hint: `${LISTENS}; use wss:// where it has tls_options.`,
    };
  }
  if (tls.cert === undefined)
    return { what: 'it broke off the TLS handshake; it may want a client certificate', hint: wanted.hint };
  if (isOver(tls.cert, now)) return expired;
  return {
    what: 'it broke off the TLS handshake; it may not trust the client certificate',
    hint: distrusted.hint,
  };
}

function isOver(pem: string | Buffer, now: number): boolean {
  try {
    return Date.parse(new X509Certificate(pem).validTo) < now;
  } catch {
    return false;
  }
}
