import type Database from 'better-sqlite3';
import ipaddr from 'ipaddr.js';

/** An address is an IPv4 or IPv6 one. */
type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Adds what SQL lacks for addresses and subnets. Each gives NULL for what is neither. */
export function addAddressFunctions(database: Database.Database): void {
  const options = { deterministic: true };
  database.function('addr_in', options, (subnet: unknown, addr: unknown) => isIn(subnet, addr));
  database.function('addr_mask', options, (addr: unknown, bits: unknown) => masked(addr, bits));
  database.function('addr_order', options, (addr: unknown) => orderOf(addr));
}

/** A subnet as it is compared with. */
interface Known {
  readonly text: string;
  readonly subnet: readonly [Address, number] | undefined;
  /** The first address of a subnet of IPv4 as a number, and what of that counts. */
  readonly plain: { readonly first: number; readonly mask: number } | undefined;
}

/** The subnet asked for last: mostly it is one for all rows. */
let known: Known | undefined;

function knownSubnet(text: string): Known {
  if (known?.text !== text) {
    const subnet = subnetOf(text);
    known = { text, subnet, plain: subnet && plainSubnet(...subnet) };
  }
  return known;
}

function plainSubnet(network: Address, prefix: number): Known['plain'] {
  const first = plainNumber(network.toString());
  return first < 0 ? undefined : { first, mask: plainMask(prefix) };
}

/** The first bits of an IPv4 address. */
function plainMask(bits: number): number {
  return bits === 0 ? 0 : -1 << (32 - bits);
}

const DOT = 46;
const ZERO = 48;

/** The number of an IPv4 address as tables hold it: four numbers without leading zeros; -1 for any other text. */
function plainNumber(text: string): number {
  let [whole, part, dots] = [0, -1, 0];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === DOT && part >= 0) {
      whole = whole * 256 + part;
      part = -1;
      dots++;
    } else {
      const digit = unit - ZERO;
      if (digit < 0 || digit > 9 || part === 0) return -1;
      part = part < 0 ? digit : part * 10 + digit;
      if (part > 255) return -1;
    }
  }
  return dots === 3 && part >= 0 ? whole * 256 + part : -1;
}

/** 1 where an address, or all of a subnet, lies in a subnet. */
function isIn(subnet: unknown, addr: unknown): number | null {
  if (typeof subnet !== 'string' || typeof addr !== 'string') return null;
  const { subnet: found, plain } = knownSubnet(subnet);
  const number = plain === undefined ? -1 : plainNumber(addr);
  if (plain !== undefined && number >= 0) return ((number ^ plain.first) & plain.mask) === 0 ? 1 : 0;
  return isInAny(found, addr);
}

/** As {@link isIn}, of any two. */
function isInAny(subnet: Known['subnet'], addr: string): number | null {
  const [network, prefix] = subnet ?? [];
  const [address, length] = subnetOf(addr) ?? [];
  if (network === undefined || prefix === undefined || address === undefined || length === undefined)
    return null;
  if (network.kind() !== address.kind() || length < prefix) return 0;
  return sameStart(network, address, prefix) ? 1 : 0;
}

/** The IPv4 subnet given last: keys that stand beside each other mostly lie in one. */
let given = { first: -1, length: -1, text: '' };

/** The subnet of so many bits that an address lies in. */
function masked(addr: unknown, bits: unknown): string | null {
  const length = bits === null ? NaN : Number(bits);
  const number = typeof addr === 'string' && length >= 0 && length <= 32 ? plainNumber(addr) : -1;
  return number < 0 || !Number.isInteger(length) ? maskedAny(addr, length) : plainMasked(number, length);
}

function plainMasked(number: number, length: number): string {
  const first = (number & plainMask(length)) >>> 0;
  if (first !== given.first || length !== given.length) {
    const parts = [first >>> 24, (first >>> 16) & 255, (first >>> 8) & 255, first & 255];
    given = { first, length, text: `${parts.join('.')}/${length}` };
  }
  return given.text;
}

/** As {@link masked}, of an address of any kind. */
function maskedAny(addr: unknown, length: number): string | null {
  const address = addressOf(addr);
  if (address === undefined || !Number.isInteger(length) || length < 0) return null;
  const bytes = address.toByteArray();
  if (length > 8 * bytes.length) return null;
  const kept = bytes.map(
    (byte, index) => byte & (0xff << (8 - Math.min(8, Math.max(0, length - 8 * index)))) & 0xff,
  );
  return `${ipaddr.fromByteArray(kept).toString()}/${length}`;
}

/** Bytes that sort as addresses do, IPv4 before IPv6. */
function orderOf(addr: unknown): Buffer | null {
  const address = addressOf(addr);
  return address === undefined
    ? null
    : Buffer.from([address.kind() === 'ipv4' ? 4 : 6, ...address.toByteArray()]);
}

function sameStart(one: Address, other: Address, bits: number): boolean {
  const [left, right] = [one.toByteArray(), other.toByteArray()];
  for (let index = 0; 8 * index < bits; index++) {
    const differing =
      ((left[index] ?? 0) ^ (right[index] ?? 0)) & (0xff << Math.max(0, 8 * (index + 1) - bits));
    if (differing !== 0) return false;
  }
  return true;
}

function addressOf(text: unknown): Address | undefined {
  return typeof text === 'string' && ipaddr.isValid(text) ? ipaddr.parse(text) : undefined;
}

/** A subnet, or an address as the subnet that has it alone. */
function subnetOf(text: unknown): readonly [Address, number] | undefined {
  if (typeof text !== 'string') return undefined;
  if (text.includes('/')) return ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : undefined;
  const address = addressOf(text);
  return address === undefined ? undefined : [address, 8 * address.toByteArray().length];
}
