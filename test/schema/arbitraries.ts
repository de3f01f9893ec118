import * as fc from 'fast-check';
import { compileSchema, type Schema, type TypeName } from '../../src/schema/index.ts';

const identifier = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);
const ipv4 = fc.ipV4();
const ipv6 = fc.ipV6();
const address = fc.oneof(ipv4, ipv6);
/** Text in which U+0000 and U+0001 are frequent, as composite keys give them a meaning. */
export const nulText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: fc.constantFrom('\u0000', '\u0001', 'a'), maxLength: 8 }),
);

/** Values users may give for each atomic type, canonical and not. */
export const atoms: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  count: fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  int: fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constant(-0)),
  double: fc.double({ noNaN: true }),
  string: nulText,
  addr: address,
  subnet: fc.oneof(
    fc.tuple(ipv4, fc.nat(32)).map(([ip, bits]) => `${ip}/${bits}`),
    fc.tuple(ipv6, fc.nat(128)).map(([ip, bits]) => `${ip}/${bits}`),
  ),
  port: fc
    .tuple(fc.nat(65_535), fc.constantFrom('tcp', 'udp', 'icmp', 'unknown'), fc.boolean())
    .map(([port, protocol, asText]) => (asText ? `${port}/${protocol}` : { port, protocol })),
  time: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.date({ min: new Date('1700-01-01'), max: new Date('2200-01-01'), noInvalidDate: true }),
  ),
  interval: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc
      .tuple(fc.nat(999), fc.constantFrom('ns', 'us', 'ms', 's', 'm', 'h', 'd'))
      .map(([n, unit]) => `${n}${unit}`),
  ),
  enum: fc.array(identifier, { minLength: 1, maxLength: 3 }).map((names) => names.join('::')),
  pattern: fc
    .tuple(
      fc.string({ unit: fc.constantFrom('a', '/', '\\/', '\\\\', '.', '\u0000', 'é'), maxLength: 8 }),
      fc.constantFrom('', 'i', 's', 'is', 'si'),
    )
    .map(([body, flags]) => `/${body}/${flags}`),
};

export const atomicNames: readonly TypeName[] = Object.keys(atoms) as TypeName[];

/** A schema of the table `t`. */
export function schemaOf(key: TypeName | readonly TypeName[], value?: TypeName): Schema {
  return compileSchema('t', { key, value, complexValues: true });
}

/** A list of types, and keys of those types. */
export const compositeKeys: fc.Arbitrary<{ types: TypeName[]; keys: [unknown[], unknown[]] }> = fc
  .array(fc.constantFrom(...atomicNames), { minLength: 1, maxLength: 4 })
  .chain((types) => {
    const key = fc.tuple(...types.map((type) => atoms[type] as fc.Arbitrary<unknown>));
    return fc.record({ types: fc.constant(types), keys: fc.tuple(key, key) });
  });
