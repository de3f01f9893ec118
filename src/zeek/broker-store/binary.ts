/**
 * Broker's binary form of a value: one byte for the type, then the payload, numbers big-endian,
 * lengths in groups of seven bits, lowest first.
 */
import { TablecastError } from '../../errors.ts';
import { holdsBytes, textOfBytes } from '../../schema/byte-strings.ts';
import { addressText, protocols, subnetText } from '../protocol/data/network-text.ts';
import { none, type ZeekData, type ZeekEntry } from '../protocol/data/zeek-data.ts';

/** Bounds on one stored value. */
export interface BinaryLimits {
  readonly maxDepth: number;
  readonly maxItems: number;
}

/** Enough for every value a Zeek script holds; a hostile file reaches them early. */
const defaultBinaryLimits: BinaryLimits = { maxDepth: 64, maxItems: 1_000_000 };

const addressLength = 16;
const mappedPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const;

class BinaryReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #limits: BinaryLimits;
  #at = 0;
  #items = 0;
  escaped = false;

  constructor(bytes: Uint8Array, limits: BinaryLimits) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
  }

  whole(): ZeekData {
    const value = this.#value(0);
    if (this.#at !== this.#bytes.length) throw damaged('bytes after the end of a value');
    return value;
  }

  #value(depth: number): ZeekData {
    if (depth > this.#limits.maxDepth) throw damaged(`values nested more than ${this.#limits.maxDepth} deep`);
    const type = this.#byte();
    switch (type) {
      case 0:
        return none;
      case 1:
        return { type: 'boolean', data: this.#flag() };
      case 2:
        return { type: 'count', data: this.#view.getBigUint64(this.#skip(8)) };
      case 3:
        return { type: 'integer', data: this.#signed() };
      case 4:
        return { type: 'real', data: this.#view.getFloat64(this.#skip(8)) };
      case 5:
        return { type: 'string', data: this.#text() };
      case 6:
        return { type: 'address', data: addressText(this.#address()) };
      case 7:
        return { type: 'subnet', data: this.#subnet() };
      case 8:
        return { type: 'port', data: this.#port() };
      case 9:
        return { type: 'timestamp', data: this.#signed() };
      case 10:
        return { type: 'timespan', data: this.#signed() };
      case 11:
        return { type: 'enum-value', data: this.#text() };
      case 12:
        return { type: 'set', data: this.#list(() => this.#value(depth + 1)) };
      case 13:
        return { type: 'table', data: this.#list(() => this.#entry(depth + 1)) };
      case 14:
        return { type: 'vector', data: this.#list(() => this.#value(depth + 1)) };
      default:
        throw damaged(`the unknown type ${type}`);
    }
  }

  #skip(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw damaged('a value that ends too early');
    this.#at = start + length;
    return start;
  }

  #byte(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  #flag(): boolean {
    const byte = this.#byte();
    if (byte > 1) throw damaged(`a boolean of ${byte}`);
    return byte === 1;
  }

  #signed(): bigint {
    return this.#view.getBigInt64(this.#skip(8));
  }

  #length(): number {
    let length = 0;
    for (let shift = 1; shift <= 2 ** 28; shift *= 128) {
      const byte = this.#byte();
      length += (byte & 0x7f) * shift;
      if (byte < 128) return length;
    }
    throw damaged('a length that never ends');
  }

  #text(): string {
    const length = this.#length();
    const start = this.#skip(length);
    const text = textOfBytes(this.#bytes.subarray(start, start + length));
    this.escaped ||= holdsBytes(text);
    return text;
  }

  #address(): readonly number[] {
    const start = this.#skip(addressLength);
    return [...this.#bytes.subarray(start, start + addressLength)];
  }

  #subnet(): string {
    const bytes = this.#address();
    const length = this.#byte();
    const mapped = length >= 96 && mappedPrefix.every((byte, at) => bytes[at] === byte);
    const text = mapped ? subnetText(bytes.slice(12), length - 96) : subnetText(bytes, length);
    if (text === undefined) throw damaged(`a subnet of length ${length}`);
    return text;
  }

  #port(): string {
    const number = this.#view.getUint16(this.#skip(2));
    const protocol = protocols[this.#byte()];
    if (protocol === undefined) throw damaged('a port of an unknown protocol');
    return `${number}/${protocol}`;
  }

  #entry(depth: number): ZeekEntry {
    return { key: this.#value(depth), value: this.#value(depth) };
  }

  #list<T>(read: () => T): readonly T[] {
    const length = this.#length();
    this.#items += length;
    if (this.#items > this.#limits.maxItems)
      throw damaged(`more than ${this.#limits.maxItems} items in one value`);
    // Every item takes a byte, so a length beyond the rest is a lie and reserves nothing.
    if (length > this.#bytes.length - this.#at) throw damaged('a list that ends too early');
    return Array.from({ length }, read);
  }
}

function damaged(what: string): TablecastError {
  return new TablecastError('IMPORT_INVALID', `A row of the Broker store has ${what}.`, {
    hint: 'The file is damaged or not from a Broker of version 2. Try a copy made while Zeek was stopped.',
  });
}

/**
 * Reads one stored value.
 *
 * @throws TablecastError `IMPORT_INVALID` for bytes that Broker does not write
 */
export function readBinary(
  bytes: Uint8Array,
  limits: BinaryLimits = defaultBinaryLimits,
): { readonly data: ZeekData; readonly escaped: boolean } {
  const reader = new BinaryReader(bytes, limits);
  const data = reader.whole();
  return { data, escaped: reader.escaped };
}
