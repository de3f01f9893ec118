import { TablecastError } from '../../errors.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Texts up to this length are written character by character, which is faster than TextEncoder. */
const SHORT_TEXT = 48;

/**
 * Says whether this machine keeps numbers in memory as they are written: then a column of them is copied as a
 * whole.
 */
const littleEndian: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** A buffer larger than this is not kept for later. */
const MAX_KEPT_BYTES: number = 1024 * 1024;

/** Appends little-endian numbers and texts to a buffer that grows by doubling. */
export class ByteWriter {
  #bytes: Uint8Array;
  /** Made when it is needed first: most writers of short messages never do. */
  #view: DataView | undefined;
  length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get #numbers(): DataView {
    return (this.#view ??= new DataView(this.#bytes.buffer));
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
    this.#view = undefined;
  }

  byte(value: number): void {
    this.reserve(1);
    this.#bytes[this.length++] = value;
  }

  uint32(value: number): void {
    this.reserve(4);
    this.#numbers.setUint32(this.length, value, true);
    this.length += 4;
  }

  float64(value: number): void {
    this.reserve(8);
    this.#numbers.setFloat64(this.length, value, true);
    this.length += 8;
  }

  uint64(value: bigint): void {
    this.reserve(8);
    this.#numbers.setBigUint64(this.length, BigInt.asUintN(64, value), true);
    this.length += 8;
  }

  float64s(values: Float64Array, count: number): void {
    this.reserve(count * 8);
    if (littleEndian) {
      this.#bytes.set(new Uint8Array(values.buffer, values.byteOffset, count * 8), this.length);
      this.length += count * 8;
    } else {
      for (let index = 0; index < count; index++) this.float64(values[index] as number);
    }
  }

  /** A non-negative safe integer, 7 bits a byte, least significant first. */
  varint(value: number): void {
    this.reserve(8);
    const bytes = this.#bytes;
    let at = this.length;
    let rest = value;
    while (rest >= 0x80) {
      bytes[at++] = (rest % 0x80) | 0x80;
      rest = rest < 0x80000000 ? rest >>> 7 : Math.floor(rest / 0x80);
    }
    bytes[at++] = rest;
    this.length = at;
  }

  /** `count` unsigned integers of `width` bytes each (1 to 4). */
  fixedWidth(values: ArrayLike<number>, count: number, width: number): void {
    this.reserve(count * width);
    const bytes = this.#bytes;
    let at = this.length;
    for (let i = 0; i < count; i++) {
      let value = values[i] as number;
      bytes[at++] = value & 0xff;
      for (let more = 1; more < width; more++) {
        value >>>= 8;
        bytes[at++] = value & 0xff;
      }
    }
    this.length = at;
  }

  raw(source: Uint8Array): void {
    this.reserve(source.length);
    this.#bytes.set(source, this.length);
    this.length += source.length;
  }

  /** A text as its UTF-8 length and bytes. */
  text(value: string): void {
    const start = this.length;
    this.reserve(value.length * 3 + 8);
    if (value.length <= SHORT_TEXT && this.#ascii(value)) return;
    this.length = start;
    const encoded = encoder.encode(value);
    this.varint(encoded.length);
    this.raw(encoded);
  }

  /** UTF-8 bytes of a text without its length; returns how many. */
  textBytes(value: string): number {
    this.reserve(value.length * 3);
    if (value.length <= SHORT_TEXT) {
      const bytes = this.#bytes;
      let at = this.length;
      let index = 0;
      for (; index < value.length; index++) {
        const code = value.charCodeAt(index);
        if (code >= 0x80) break;
        bytes[at++] = code;
      }
      if (index === value.length) {
        this.length = at;
        return value.length;
      }
    }
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(this.length));
    this.length += written;
    return written;
  }

  /** The bytes of a text, without its length, if all of it is ASCII; else false, and nothing is written. */
  asciiBytes(value: string): boolean {
    this.reserve(value.length);
    const { read, written } = encoder.encodeInto(value, this.#bytes.subarray(this.length));
    if (read !== value.length || written !== value.length) return false;
    this.length += written;
    return true;
  }

  /** Begins anew, with the same buffer unless it has become very large. */
  restart(): void {
    this.length = 0;
    if (this.#bytes.length <= MAX_KEPT_BYTES) return;
    this.#bytes = new Uint8Array(256);
    this.#view = undefined;
  }

  /**
   * Returns what was written, without a copy where little room is left over; the writer must not be used any
   * more.
   */
  finish(): Uint8Array {
    return this.#bytes.length - this.length <= this.length / 8 ? this.view() : this.copy();
  }

  /** Returns what was written so far, as a view that the next write may change. */
  view(from = 0): Uint8Array {
    return this.#bytes.subarray(from, this.length);
  }

  /** Returns what was written so far, as bytes of their own. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  #ascii(value: string): boolean {
    const bytes = this.#bytes;
    let at = this.length;
    bytes[at++] = value.length;
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) return false;
      bytes[at++] = code;
    }
    this.length = at;
    return true;
  }
}

/** Makes the error for bytes that do not say what they should. */
export function malformed(what: string): TablecastError {
  return new TablecastError('OPERATION_INVALID', `Malformed bytes: ${what}.`, {
    hint: 'The sender or the file is damaged or speaks another format; the bytes were not used.',
  });
}

/** Reads what {@link ByteWriter} wrote. Every read beyond the end throws `OPERATION_INVALID`. */
export class ByteReader {
  readonly bytes: Uint8Array;
  #view: DataView | undefined;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get #numbers(): DataView {
    return (this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength));
  }

  get remaining(): number {
    return this.end - this.at;
  }

  #take(count: number): number {
    const start = this.at;
    if (count > this.end - start)
      throw malformed(`${count} bytes expected at ${start}, ${this.end - start} left`);
    this.at = start + count;
    return start;
  }

  byte(): number {
    return this.bytes[this.#take(1)] as number;
  }

  uint32(): number {
    return this.#numbers.getUint32(this.#take(4), true);
  }

  float64(): number {
    return this.#numbers.getFloat64(this.#take(8), true);
  }

  uint64(): bigint {
    return this.#numbers.getBigUint64(this.#take(8), true);
  }

  int64(): bigint {
    return this.#numbers.getBigInt64(this.#take(8), true);
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let index = 0; index < 8; index++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 0x80;
    }
    throw malformed('a number beyond 2^53');
  }

  /** Returns a varint that counts things of at least `unit` bytes each, so that it cannot exceed what is left. */
  count(what: string, limit: number, unit = 1): number {
    const count = this.varint();
    if (count > limit || count * unit > this.remaining) throw malformed(`${count} ${what}`);
    return count;
  }

  /** `count` unsigned integers of `width` bytes each, in the front part of `into` if that is given. */
  fixedWidth(count: number, width: number, into?: Uint32Array): Uint32Array {
    if (width < 1 || width > 4) throw malformed(`integers of ${width} bytes`);
    let at = this.#take(count * width);
    const { bytes } = this;
    const values = into?.subarray(0, count) ?? new Uint32Array(count);
    if (width === 1) for (let i = 0; i < count; i++) values[i] = bytes[at++] as number;
    else if (width === 2)
      for (let i = 0; i < count; i++, at += 2)
        values[i] = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    else if (width === 3)
      for (let i = 0; i < count; i++, at += 3)
        values[i] =
          (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    else {
      const view = this.#numbers;
      for (let i = 0; i < count; i++, at += 4) values[i] = view.getUint32(at, true);
    }
    return values;
  }

  /** `count` doubles, in the front part of `into` if that is given. */
  float64s(count: number, into?: Float64Array): Float64Array {
    let at = this.#take(count * 8);
    const values = into?.subarray(0, count) ?? new Float64Array(count);
    if (littleEndian) {
      new Uint8Array(values.buffer, values.byteOffset).set(this.bytes.subarray(at, at + count * 8));
      return values;
    }
    const view = this.#numbers;
    for (let i = 0; i < count; i++, at += 8) values[i] = view.getFloat64(at, true);
    return values;
  }

  raw(count: number): Uint8Array {
    const start = this.#take(count);
    return this.bytes.subarray(start, start + count);
  }

  text(maxBytes: number): string {
    const length = this.count('bytes of text', maxBytes);
    return this.textBytes(length);
  }

  textBytes(length: number): string {
    const bytes = this.raw(length);
    try {
      return decoder.decode(bytes);
    } catch {
      throw malformed('text that is not UTF-8');
    }
  }
}

/** Counts the bytes an unsigned integer needs, 1 to 4. */
export function widthOf(largest: number): number {
  if (largest < 0x100) return 1;
  if (largest < 0x10000) return 2;
  if (largest < 0x1000000) return 3;
  return 4;
}
