import ipaddr from 'ipaddr.js';
import { notA, textType, type AtomicType } from './atomic-type.ts';
import { Refusal } from './refusal.ts';

const addressHint = "Write an IPv4 address such as '10.0.0.1' or an IPv6 address such as '2001:db8::1'.";
const longestAddress = 47;
const dot = 46;
const zero = 48;

/** Returns true for four decimal numbers up to 255 without leading zeros: the canonical form of IPv4. */
function isPlainIpv4(text: string): boolean {
  if (text.length < 7 || text.length > 15) return false;
  let parts = 1;
  let number = -1;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === dot) {
      if (number < 0) return false;
      parts++;
      number = -1;
    } else {
      const digit = unit - zero;
      if (digit < 0 || digit > 9 || number === 0) return false;
      number = number < 0 ? digit : number * 10 + digit;
      if (number > 255) return false;
    }
  }
  return parts === 4 && number >= 0;
}

/**
 * Returns the same IPv6 text with a dotted end such as `::1.2.3.4` as two groups; undefined when that end is
 * no IPv4.
 */
function withoutDots(text: string): string | undefined {
  const colon = text.lastIndexOf(':');
  const dotted = text.slice(colon + 1);
  if (!dotted.includes('.')) return text;
  if (!isPlainIpv4(dotted)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number);
  return `${text.slice(0, colon + 1)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** Returns the eight groups of an IPv6 text, undefined when it is none. */
function ipv6Groups(text: string): number[] | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  // The parser of ipaddr.js accepts more (zones, doubled separators), so it sees only this alphabet.
  if (bare.length > longestAddress || !/^[0-9a-fA-F:.]+$/.test(bare) || !bare.includes(':')) return undefined;
  const groups = withoutDots(bare);
  if (groups === undefined) return undefined;
  try {
    return ipaddr.IPv6.parse(groups).parts;
  } catch {
    return undefined;
  }
}

function isMapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.every((group, index) => index >= 5 || group === 0);
}

function ipv4Text(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

function ipv6Text(groups: number[]): string {
  return new ipaddr.IPv6(groups).toRFC5952String();
}

function canonicalAddress(value: unknown): string {
  if (typeof value === 'string') {
    if (isPlainIpv4(value)) return value;
    const groups = ipv6Groups(value);
    if (groups !== undefined) {
      return isMapped(groups) ? ipv4Text(groups[6] ?? 0, groups[7] ?? 0) : ipv6Text(groups);
    }
    if (value.includes('%')) {
      throw notA(
        'an address without a zone',
        value,
        'Leave out the % and what follows: zones mean nothing elsewhere.',
      );
    }
  }
  throw notA('an IP address', value, addressHint);
}

/** IPv4 dotted; IPv6 as RFC 5952 says, IPv4-mapped as IPv4. Brackets are accepted, zones and octal are not. */
export const addrType: AtomicType = textType('addr', canonicalAddress);

const subnetHint = "Write an address and a prefix length, such as '10.0.0.0/8' or '2001:db8::/32'.";

function maskedGroups(groups: readonly number[], bits: number): number[] {
  return groups.map((group, index) => {
    const kept = Math.min(16, Math.max(0, bits - index * 16));
    return group & (0xffff << (16 - kept)) & 0xffff;
  });
}

function canonicalIpv4Subnet(address: string, bits: number): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  const [high = 0, low = 0] = maskedGroups([a * 256 + b, c * 256 + d], bits);
  return `${ipv4Text(high, low)}/${bits}`;
}

function canonicalIpv6Subnet(groups: readonly number[], bits: number): string {
  const masked = maskedGroups(groups, bits);
  // Below 96 bits the mask cuts into the mark of mapped addresses, so nothing mapped is left.
  if (isMapped(masked)) return `${ipv4Text(masked[6] ?? 0, masked[7] ?? 0)}/${bits - 96}`;
  return `${ipv6Text(masked)}/${bits}`;
}

function atMost(bits: number, most: number): number {
  if (bits <= most) return bits;
  throw new Refusal(`has a prefix length beyond ${most}`, subnetHint);
}

function canonicalSubnet(value: unknown): string {
  if (typeof value !== 'string') throw notA('a subnet', value, subnetHint);
  const slash = value.lastIndexOf('/');
  const address = value.slice(0, Math.max(0, slash));
  const width = value.slice(slash + 1);
  if (!/^(0|[1-9]\d*)$/.test(width)) throw notA('a subnet', value, subnetHint);
  const bits = Number(width);
  if (isPlainIpv4(address)) return canonicalIpv4Subnet(address, atMost(bits, 32));
  const groups = ipv6Groups(address);
  if (groups !== undefined) return canonicalIpv6Subnet(groups, atMost(bits, 128));
  throw notA('a subnet', value, subnetHint);
}

/** Address and prefix length; bits beyond the prefix are cleared, IPv4-mapped subnets are IPv4. */
export const subnetType: AtomicType = textType('subnet', canonicalSubnet);
