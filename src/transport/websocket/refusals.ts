/** First byte of a TLS handshake. */
const TLS_HANDSHAKE = 0x16;

const hints: ReadonlyMap<number, string> = new Map([
  [
    401,
    'If it is a node of yours, give it the token or certificate of one of auth.credentials, or auth.token.',
  ],
  [403, 'If it is yours, list its Origin in listen.origins, or the name it dials in listen.hosts.'],
  [404, 'Dial the address that the node said when it started.'],
  [426, 'Run the same version of tablecast on both sides.'],
  [503, 'Raise limits.maxPeers if these are nodes of yours.'],
]);

/** Says what the operator of a listener does about a node that was turned away with a status. */
export function hintFor(status: number): string {
  return (
    hints.get(status) ?? 'Find out what runs at that address: if it is a node, compare ws:// and wss://.'
  );
}

/** Says why bytes are no request, in words of a bounded number. */
export function brokenBy({
  code,
  rawPacket,
}: {
  readonly code?: unknown;
  readonly rawPacket?: Buffer;
}): string {
  if (code === 'ERR_SSL_HTTP_REQUEST') return 'it speaks no TLS, and this port does';
  if (rawPacket?.[0] === TLS_HANDSHAKE) return 'it speaks TLS, and this port does not';
  const known = typeof code === 'string' && /^[A-Z0-9_]{3,64}$/.test(code) ? ` (${code})` : '';
  return known.includes('SSL') || known.includes('TLS')
    ? `the TLS handshake failed${known}`
    : `it speaks another protocol${known}`;
}
