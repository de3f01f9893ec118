import type { PeerCertificate, TLSSocket } from 'node:tls';

/** Longest name a credential may be bound to, in UTF-16 units. */
const MAX_NAME = 256;
const MAX_NAMES = 64;

/**
 * The names in the certificate of the other side, whose chain TLS has checked: common name, then DNS
 * names and URIs. Empty without one, and when the common name could not be shown to people.
 */
export function certificateNames(socket: TLSSocket): readonly string[] {
  if (!socket.authorized) return [];
  const certificate: Partial<PeerCertificate> | undefined = socket.getPeerCertificate();
  const common: unknown = certificate?.subject?.CN;
  if (common !== undefined && usableName(common) === undefined) return [];
  const names = [common, ...alternativeNames(certificate?.subjectaltname ?? '')];
  return names.map(usableName).filter((name) => name !== undefined);
}

/** Returns a text that may name a holder; undefined for anything else. */
function usableName(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME) return undefined;
  return /\p{C}/u.test(name) ? undefined : name;
}

/**
 * Reads `DNS:a, URI:b, …`. An entry with unusual characters is quoted there, and might hold the text of
 * another one: reading ends with it.
 */
function alternativeNames(text: string): string[] {
  const names: string[] = [];
  for (const entry of text.slice(0, MAX_NAMES * MAX_NAME).split(', ')) {
    if (entry.includes('"') || names.length >= MAX_NAMES) break;
    const value = /^(?:DNS|URI):(.+)$/.exec(entry)?.[1];
    if (value !== undefined) names.push(value);
  }
  return names;
}
