import ipaddr from 'ipaddr.js';

/** Zeek's protocols in the order of the Broker format. */
export const protocols = ['unknown', 'tcp', 'udp', 'icmp'] as const;

const portPattern = /^([0-9]{1,5})(?:\/(tcp|udp|icmp|unknown|\?))?$/;

/** Canonical text of an address: IPv4 dotted, IPv6 compressed, IPv4-mapped as IPv4. */
export function parseAddress(text: string): string | undefined {
  if (text.length > 45 || text.includes('%') || !isAddress(text)) return undefined;
  return shortest(ipaddr.process(text));
}

function isAddress(text: string): boolean {
  return text.includes(':') ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text);
}

/** Canonical text of a subnet, host bits cleared. */
export function parseSubnet(text: string): string | undefined {
  const slash = text.lastIndexOf('/');
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^[0-9]{1,3}$/.test(length)) return undefined;
  return subnetText(ipaddr.parse(address).toByteArray(), Number(length));
}

/** Canonical text of 4 or 16 bytes and a prefix length; undefined if the length is too long. */
export function subnetText(bytes: readonly number[], prefixLength: number): string | undefined {
  if (prefixLength > bytes.length * 8) return undefined;
  const masked = bytes.map((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefixLength - index * 8));
    return byte & (0xff00 >> kept) & 0xff;
  });
  return `${shortest(ipaddr.fromByteArray(masked))}/${prefixLength}`;
}

/** Canonical text of 16 bytes, the form in which Broker stores every address. */
export function addressText(bytes: readonly number[]): string {
  return shortest(ipaddr.process(ipaddr.fromByteArray([...bytes]).toString()));
}

/** Canonical text of a port: `443/tcp`; Zeek writes an unknown protocol as `99/?` and takes none for tcp. */
export function parsePort(text: string): string | undefined {
  const match = portPattern.exec(text);
  if (match === null || Number(match[1]) > 65_535) return undefined;
  const protocol = match[2] === '?' ? 'unknown' : (match[2] ?? 'tcp');
  return `${Number(match[1])}/${protocol}`;
}

function shortest(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}
