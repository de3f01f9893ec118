import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { schemaOf } from './arbitraries.ts';
import { isAccepted } from './refusals.ts';

const addresses = schemaOf('addr');
const subnets = schemaOf('subnet');
const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });

/** What the engine's URL parser, an implementation of its own, makes of an IPv6 address. */
function asUrlHost(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

function isMapped(parts: readonly number[]): boolean {
  return parts.slice(0, 5).every((part) => part === 0) && parts[5] === 0xffff;
}

describe('addresses', () => {
  test('every way to write the groups of an address gives the same text', () => {
    fc.assert(
      fc.property(groups, fc.boolean(), fc.boolean(), (parts, upper, padded) => {
        const plain = parts.map((part) => part.toString(16)).join(':');
        const other = parts.map((part) => part.toString(16).padStart(padded ? 4 : 1, '0')).join(':');
        const canonical = addresses.keyText(plain);
        expect(addresses.keyText(upper ? other.toUpperCase() : other)).toBe(canonical);
        expect(addresses.keyText(`[${asUrlHost(plain)}]`)).toBe(canonical);
        expect(isMapped(parts) ? asUrlHost(`::ffff:${canonical}`) : canonical).toBe(asUrlHost(plain));
      }),
    );
  });

  test('a dotted end means the same as its two groups', () => {
    fc.assert(
      fc.property(groups, fc.ipV4(), (parts, ipv4) => {
        const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
        const start = parts
          .slice(0, 6)
          .map((part) => part.toString(16))
          .join(':');
        const hex = `${start}:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
        expect(addresses.keyText(`${start}:${ipv4}`)).toBe(addresses.keyText(hex));
      }),
    );
  });

  test('an IPv4-mapped address is the IPv4 address', () => {
    fc.assert(
      fc.property(fc.ipV4(), (ipv4) => {
        expect(addresses.keyText(`::ffff:${ipv4}`)).toBe(ipv4);
      }),
    );
  });

  test('exactly what the platform calls an address is accepted', () => {
    const unit = fc.constantFrom('0', '1', '9', '25', 'f', 'ff', ':', '::', '.', '.1.', 'g', '%', ' ');
    const texts = fc.oneof(fc.string({ unit, maxLength: 16 }), fc.ipV4Extended(), fc.ipV6());
    fc.assert(
      fc.property(texts, (text) => {
        const accepted = isAccepted(() => addresses.keyText(text), 'KEY_INVALID');
        expect([text, accepted]).toEqual([text, isIP(text) !== 0 && !text.includes('%')]);
      }),
      { numRuns: 5_000 },
    );
  });
});

test('addresses that share a prefix give one subnet, with nothing beyond it set', () => {
  fc.assert(
    fc.property(groups, groups, fc.nat(128), (left, right, bits) => {
      const mixed = left.map((part, index) => {
        const mask = (0xffff << Math.max(0, 16 - Math.max(0, bits - index * 16))) & 0xffff;
        return (part & mask) | ((right[index] ?? 0) & ~mask);
      });
      const write = (parts: readonly number[]): string =>
        `${parts.map((part) => part.toString(16)).join(':')}/${bits}`;
      const canonical = subnets.keyText(write(left));
      expect(subnets.keyText(write(mixed))).toBe(canonical);
      subnets.checkKeyText(canonical);
    }),
  );
});
