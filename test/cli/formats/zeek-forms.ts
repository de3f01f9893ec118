import fc from 'fast-check';
import { textOfBytes } from 'tablecast';
import type { TypeName } from '../../../src/index.ts';

/** A value as it stands in a table, and as Zeek and other programs write it. */
export interface Formed {
  readonly value: unknown;
  /** The field of a tab-separated log. */
  readonly zeek: string;
  /** JSON, in one of the forms that Zeek can be told to write. */
  readonly json: string;
  readonly csv: string;
  /** Broker's binary form: a tag, then the content. */
  readonly broker: readonly number[];
}

const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;

/** The characters of bytes, and the bytes that belong to no UTF-8, with each its escape. */
function escapedBytes(bytes: Uint8Array, escape: (byte: number) => string): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = [1, 2, 3, 4].find(
      (length) => at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)),
    );
    const sequence = bytes.subarray(at, at + (size ?? 1));
    const text = size === undefined ? undefined : Buffer.from(sequence).toString('utf8');
    parts.push(text === undefined ? escape(bytes[at] as number) : text);
    at += size ?? 1;
  }
  return parts.join('');
}

function isUtf8(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).equals(Buffer.from(Buffer.from(bytes).toString('utf8')));
}

function zeekString(bytes: Uint8Array): string {
  if (bytes.length === 0) return '(empty)';
  const plain = escapedBytes(bytes, (byte) => `\u0001${byte.toString(16).padStart(2, '0')}`);
  // eslint-disable-next-line no-control-regex
  const escaped = plain.replace(/\u0001(\w\w)|[\u0000-\u001f\u007f\\]/g, (found, code?: string) => {
    if (code !== undefined) return `\\x${code}`;
    return found === '\\' ? '\\\\' : hex(found.charCodeAt(0));
  });
  const first = escaped === '-' || escaped === '(empty)' || escaped.startsWith('#');
  return first ? hex(escaped.charCodeAt(0)) + escaped.slice(1) : escaped;
}

const csvCell = (text: string): string => `"${text.replaceAll('"', '""')}"`;

function big(value: bigint): readonly number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  return [...bytes];
}

const compact = (value: bigint): number | bigint =>
  value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
const simple = (value: unknown, text: string, broker: readonly number[]): Formed => ({
  value,
  zeek: text,
  json: /^-?\d+(?:\.\d+)?$/.test(text) ? text : JSON.stringify(text),
  csv: csvCell(text),
  broker,
});

/** Bytes of which some are no UTF-8; without the mark that {@link zeekString} uses. */
const bytes = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 3 }).map((text) => Buffer.from(text)),
      fc.uint8Array({ min: 0x80, max: 0xff, maxLength: 2 }).map((raw) => Buffer.from(raw)),
      fc
        .constantFrom('', '\\', '\\xff', '-', '(empty)', ',', '\t', '"', '\u0000', '#', '\u{f00ff}')
        .map((text) => Buffer.from(text)),
    ),
    { maxLength: 4 },
  )
  .map((pieces) => Buffer.concat(pieces))
  .filter((whole) => !whole.includes(1));

const strings = bytes.map((raw): Formed => {
  const value = textOfBytes(raw);
  return {
    value,
    zeek: zeekString(raw),
    json: JSON.stringify(value),
    csv: csvCell(value),
    broker: brokerText(raw),
  };
});

function brokerText(raw: Uint8Array): readonly number[] {
  return [5, ...(raw.length < 128 ? [raw.length] : [(raw.length & 127) | 128, raw.length >> 7]), ...raw];
}

const counts = fc
  .bigInt({ min: 0n, max: 2n ** 64n - 1n })
  .map((n) => simple(compact(n), String(n), [2, ...big(n)]));
const ints = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .map((n) => simple(compact(n), String(n), [3, ...big(n)]));
const doubles = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value): Formed => {
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(value);
  const text = Object.is(value, -0) ? '-0' : String(value);
  return { value, zeek: text, json: text, csv: text, broker: [4, ...bits] };
});
const bools = fc.boolean().map((value): Formed => ({
  value,
  zeek: value ? 'T' : 'F',
  json: String(value),
  csv: value ? 'True' : 'false',
  broker: [1, value ? 1 : 0],
}));
const addresses = fc.ipV4().map((text) => {
  const parts = text.split('.').map(Number);
  return simple(text, text, [6, ...Array<number>(10).fill(0), 0xff, 0xff, ...parts]);
});
const ports = fc
  .tuple(
    fc.nat(65_535),
    fc.constantFrom(['unknown', '?'], ['unknown', 'unknown_transport'], ['tcp', 'TCP'], ['udp', 'udp']),
  )
  .map(([number, [name, spelled]]) => {
    const code = ['unknown', 'tcp', 'udp'].indexOf(name);
    return simple(`${number}/${name}`, `${number}/${spelled}`, [8, number >> 8, number & 255, code]);
  });

const decimal = (nanoseconds: bigint): string => {
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = String(size % 1_000_000_000n).padStart(9, '0');
  return `${nanoseconds < 0n ? '-' : ''}${size / 1_000_000_000n}.${fraction}`;
};

export type TimeForm = 'epoch' | 'millis' | 'unsigned' | 'iso';

/** Times that every form of Zeek's JSON can say: whole milliseconds, 2001 and later or before 1938. */
function times(form: TimeForm): fc.Arbitrary<Formed> {
  const milliseconds = fc.bigInt({ min: 10n ** 12n, max: 9_223_372_036_854n });
  return fc.tuple(milliseconds, fc.boolean()).map(([size, before]) => {
    const ms = before && form !== 'iso' ? -size : size;
    const value = ms * 1_000_000n;
    const json = {
      epoch: decimal(value),
      millis: String(ms),
      unsigned: String(BigInt.asUintN(64, ms)),
      iso: `"${new Date(Number(ms)).toISOString().slice(0, -1)}000Z"`,
    }[form];
    return { value, zeek: decimal(value), json, csv: json, broker: [9, ...big(value)] };
  });
}

const intervals = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value): Formed => {
  const text = decimal(value);
  return { value, zeek: text, json: text, csv: `${value}ns`, broker: [10, ...big(value)] };
});
const enums = fc
  .constantFrom('Demo::RED', 'tcp', '_x')
  .map((name) => simple(name, name, [11, name.length, ...Buffer.from(name)]));

/** Values of each type with the forms they have; times in the given one. */
export function formsOf(form: TimeForm): Readonly<Partial<Record<TypeName, fc.Arbitrary<Formed>>>> {
  return {
    bool: bools,
    count: counts,
    int: ints,
    double: doubles,
    string: strings,
    addr: addresses,
    port: ports,
    time: times(form),
    interval: intervals,
    enum: enums,
  };
}
