import { TablecastError } from '../../errors.ts';
import { SOCKET_SCHEME, socketUrl, wrongSocketPath } from './socket-path.ts';
import { defaultPath, subprotocol } from './protocol.ts';

/** Longest address; longer ones are refused before they are parsed. */
const maxAddressLength = 2048;

/** Schemes that a page dials. */
const NETWORK_SCHEMES = ['ws', 'wss'];

/**
 * Returns the URL to dial: `ws://` or `wss://`, with the default path where none is named; in Node.js also `ws+unix://` and the
 * path of a socket. Throws `PEER_UNREACHABLE`, not retryable, for anything else; credentials in a URL are refused, since
 * URLs end up in logs.
 */
export function dialUrl(address: string, schemes: readonly string[] = NETWORK_SCHEMES): URL {
  const url = address.length <= maxAddressLength ? parseUrl(address) : undefined;
  if (url === undefined || !schemes.includes(url.protocol.slice(0, -1))) {
    throw unreachable('that address', `it is no URL of ${schemes.map((one) => `${one}://`).join(' or ')}`, {
      hint: `Give an address like ws://127.0.0.1:4747${defaultPath}.`,
      retryable: false,
    });
  }
  if (url.username !== '' || url.password !== '' || url.hash !== '' || url.search !== '') {
    throw unreachable(url.host, 'the address carries credentials, a query or a fragment', {
      hint: 'Give the token as option auth.token and nothing but host, port and path in the address.',
      retryable: false,
    });
  }
  if (url.protocol === `${SOCKET_SCHEME}:`) return checkedSocket(url);
  if (url.pathname === '/') url.pathname = defaultPath;
  return url;
}

function checkedSocket(url: URL): URL {
  if (url.host !== '') {
    throw unreachable('that address', 'a socket of the file system has no host', {
      hint: `Give three slashes before the path: ${socketUrl('/run/tablecast/hub.sock')}.`,
      retryable: false,
    });
  }
  const wrong = wrongSocketPath(url.pathname);
  if (wrong === undefined) return url;
  throw unreachable('that address', `the path of its socket ${wrong}`, {
    hint: `Give an address like ${socketUrl('/run/tablecast/hub.sock')}.`,
    retryable: false,
  });
}

function parseUrl(address: string): URL | undefined {
  return URL.canParse(address) ? new URL(address) : undefined;
}

interface Why {
  readonly hint: string;
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** `PEER_UNREACHABLE`, retryable unless said otherwise. */
export function unreachable(address: string, why: string, more: Why): TablecastError {
  return new TablecastError('PEER_UNREACHABLE', `cannot reach ${address}: ${why}`, {
    hint: more.hint,
    details: { address },
    retryable: more.retryable ?? true,
    cause: more.cause,
  });
}

/** `PEER_REFUSED`, not retryable unless said otherwise. */
function refused(address: string, why: string, more: Why): TablecastError {
  return new TablecastError('PEER_REFUSED', `${address} refused the connection: ${why}`, {
    hint: more.hint,
    details: { address },
    retryable: more.retryable ?? false,
    cause: more.cause,
  });
}

const statusMeanings: ReadonlyMap<number, readonly [why: string, hint: string]> = new Map([
  [
    401,
    [
      'it wants a valid credential (401)',
      'Give the token of that node as option auth.token, or a client certificate it trusts.',
    ],
  ],
  [
    403,
    [
      'this host or origin is not allowed (403)',
      'Dial it by the name it was configured with, or add this origin to its option origins.',
    ],
  ],
  [404, ['nothing is served at that path (404)', `Use the path ${defaultPath}.`]],
  [
    426,
    [
      'it speaks another version of the protocol (426)',
      `This node speaks ${subprotocol}; run the same version on both sides.`,
    ],
  ],
  [
    503,
    [
      'it has as many connections as it allows (503)',
      'Try again later, or raise limits.maxConnections there.',
    ],
  ],
]);

/** Says what an HTTP answer other than an upgrade means. Redirects are not followed. */
export function refusedByStatus(address: string, status: number): TablecastError {
  const [why, hint] = statusMeanings.get(status) ?? [
    status >= 300 && status < 400
      ? `it redirects (${status}); redirects are not followed`
      : `HTTP status ${status}`,
    'Check that the address is that of a Tablecast node and not of a proxy or another server.',
  ];
  return refused(address, why, { hint, retryable: status === 503 });
}

const networkMeanings: ReadonlyMap<string, readonly [why: string, hint: string]> = new Map([
  ['ECONNREFUSED', ['nothing listens there', 'Start that node first, and check host and port.']],
  ['ENOENT', ['there is no such socket', 'Start that node first, and check the path of its socket.']],
  [
    'EACCES',
    [
      'this user may not open it',
      'Run as the user of that node, or give its socket another mode: socket.mode.',
    ],
  ],
  ['ENOTFOUND', ['the host name is unknown', 'Check the spelling of the host name.']],
  ['EAI_AGAIN', ['the host name could not be looked up now', 'Check the name service, then try again.']],
  ['ETIMEDOUT', ['no answer in time', 'Check that no firewall drops the packets.']],
  ['EHOSTUNREACH', ['there is no route to the host', 'Check the network.']],
  ['ENETUNREACH', ['there is no route to the network', 'Check the network.']],
  [
    'ECONNRESET',
    [
      'it broke the connection during the handshake',
      'Check that it is a Tablecast node, whether it wants TLS (wss://), and whether it trusts our certificate.',
    ],
  ],
  ['EPROTO', ['no TLS is spoken there', 'Use ws:// for a node without TLS.']],
  [
    'ERR_TLS_CERT_ALTNAME_INVALID',
    ['its certificate is for another name', 'Dial it by a name in its certificate.'],
  ],
  ['CERT_HAS_EXPIRED', ['its certificate has expired', 'Renew the certificate of that node.']],
]);

/** Words and a hint for an error of the socket, of TLS or of the handshake. */
export function dialError(address: string, error: unknown): TablecastError {
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : '';
  if (/ subprotocol/.test(text)) {
    const hint = `Both sides have to speak ${subprotocol}; check the address and the version there.`;
    return refused(address, 'it does not speak our subprotocol', { hint, cause: error });
  }
  if (code.startsWith('HPE_')) {
    const hint = 'Check the port: another program listens there.';
    return unreachable(address, 'no HTTP is spoken there', { hint, cause: error });
  }
  if (/^ERR_SSL_.*ALERT/.test(code)) {
    const hint = 'Give a certificate and key that node trusts as option dial.tls.';
    return refused(address, `it ended the TLS handshake (${code})`, { hint, cause: error });
  }
  const known =
    networkMeanings.get(code) ?? (isWrongVersion(code) ? networkMeanings.get('EPROTO') : undefined);
  if (known !== undefined) return unreachable(address, known[0], { hint: known[1], cause: error });
  if (/CERT|SIGNATURE|ISSUER/.test(code)) {
    const hint =
      'Give the certificate of its authority as option dial.tls.ca. Checking cannot be turned off.';
    return unreachable(address, `its certificate is not trusted (${code})`, { hint, cause: error });
  }
  const hint = 'Check that the address is that of a Tablecast node.';
  return unreachable(address, code === '' ? text || 'the handshake failed' : code, { hint, cause: error });
}

function isWrongVersion(code: string): boolean {
  return code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG';
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
