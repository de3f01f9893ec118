import type { Cell, ColumnType } from '../../schema/schema.ts';
import { type ByteReader, type ByteWriter, malformed, widthOf } from './bytes.ts';

/** Numbers a layout of a column; numbers, because they are stored. Never renumber. */
const NONE = 0;
const FLOAT64 = 1;
const UNSIGNED = 2;
const ZIGZAG = 3;
const INT64 = 4;
const UINT64 = 5;
const TEXT = 6;
const BOOL = 7;

/** Longest single text in a column, in bytes; values beyond it are refused at the write. */
const MAX_TEXT_BYTES: number = 1 << 20;

/** Below this many bytes a call into the platform costs more than it saves. */
const SHORT_BYTES = 64;

type IsAscii = (bytes: Uint8Array) => boolean;

interface Platform {
  readonly process?: {
    getBuiltinModule?(name: string): { readonly isAscii?: IsAscii } | undefined;
  };
}

/** The platform's own; a browser has none. */
const nativeIsAscii: IsAscii | undefined = (globalThis as Platform).process?.getBuiltinModule?.(
  'node:buffer',
)?.isAscii;

type AsciiSlice = (this: Uint8Array, start: number, end: number) => string;
const nodeBuffer = (globalThis as { Buffer?: { prototype: { latin1Slice?: AsciiSlice } } }).Buffer;
const latin1Slice: AsciiSlice | undefined = nodeBuffer?.prototype.latin1Slice;

/** Writes texts as their UTF-8 lengths (none if all are equal), a flag for pure ASCII, and the bytes. */
export function writeTexts(writer: ByteWriter, texts: readonly unknown[], count: number): void {
  if (texts.length === count && writeAsciiTexts(writer, texts as readonly string[])) return;
  const lengths = new Uint32Array(count);
  const start = writer.length;
  let ascii = 1;
  let longest = 0;
  let equal = true;
  // The lengths come first in the layout but are known last: write the bytes, then move them behind.
  for (let index = 0; index < count; index++) {
    const text = texts[index] as string;
    const length = writer.textBytes(text);
    if (length !== text.length) ascii = 0;
    if (index > 0 && length !== lengths[0]) equal = false;
    if (length > longest) longest = length;
    lengths[index] = length;
  }
  const bytes = writer.view(start).slice();
  writer.length = start;
  writer.byte(ascii);
  writeLengths(writer, lengths, equal ? undefined : longest);
  writer.raw(bytes);
}

/** The short way: one text made of all of them is encoded several times faster than each by itself. */
function writeAsciiTexts(writer: ByteWriter, texts: readonly string[]): boolean {
  const start = writer.length;
  const lengths = new Uint32Array(texts.length);
  let longest = 0;
  let equal = true;
  for (let index = 0; index < texts.length; index++) {
    const { length } = texts[index] as string;
    if (length !== lengths[0] && index > 0) equal = false;
    if (length > longest) longest = length;
    lengths[index] = length;
  }
  writer.byte(1);
  writeLengths(writer, lengths, equal ? undefined : longest);
  if (writer.asciiBytes(texts.join(''))) return true;
  writer.length = start;
  return false;
}

/** The lengths of texts, the longest of which is given unless all are equal. */
function writeLengths(writer: ByteWriter, lengths: Uint32Array, longest: number | undefined): void {
  if (longest === undefined) {
    writer.byte(0);
    writer.varint(lengths[0] ?? 0);
  } else {
    const width = widthOf(longest);
    writer.byte(width);
    writer.fixedWidth(lengths, lengths.length, width);
  }
}

/** Reads what {@link writeTexts} wrote. Each text is a string of its own, so that keeping one keeps no other alive. */
export function readTexts(reader: ByteReader, count: number): string[] {
  const ascii = reader.byte() === 1;
  const width = reader.byte();
  const common = width === 0 ? reader.varint() : 0;
  if (common > MAX_TEXT_BYTES) throw malformed(`a text of ${common} bytes`);
  const lengths = width === 0 ? undefined : reader.fixedWidth(count, width);
  if (ascii && latin1Slice !== undefined) return readAscii(reader, latin1Slice, { count, common, lengths });
  const texts: string[] = [];
  for (let index = 0; index < count; index++) {
    const length = lengths === undefined ? common : (lengths[index] as number);
    if (length > MAX_TEXT_BYTES) throw malformed(`a text of ${length} bytes`);
    texts.push(reader.textBytes(length));
  }
  return texts;
}

function isAscii(bytes: Uint8Array): boolean {
  if (nativeIsAscii !== undefined && bytes.length >= SHORT_BYTES) return nativeIsAscii(bytes);
  for (let index = 0; index < bytes.length; index++) if ((bytes[index] as number) >= 0x80) return false;
  return true;
}

function readAscii(
  reader: ByteReader,
  slice: AsciiSlice,
  of: { readonly count: number; readonly common: number; readonly lengths: Uint32Array | undefined },
): string[] {
  const { count, common, lengths } = of;
  let total = lengths === undefined ? count * common : 0;
  for (const length of lengths ?? []) {
    if (length > MAX_TEXT_BYTES) throw malformed(`a text of ${length} bytes`);
    total += length;
  }
  const bytes = reader.raw(total);
  if (!isAscii(bytes)) throw malformed('a text said to be ASCII that is not');
  const texts: string[] = [];
  for (let index = 0, at = 0; index < count; index++) {
    const end = at + (lengths === undefined ? common : (lengths[index] as number));
    texts.push(slice.call(bytes, at, end));
    at = end;
  }
  return texts;
}

/** Writes numbers in the smallest layout that holds them all exactly, -0, NaN and infinities included. */
export function writeNumbers(writer: ByteWriter, values: Float64Array, count: number): void {
  let integers = true;
  let smallest = 0;
  let largest = 0;
  for (let index = 0; index < count; index++) {
    const value = values[index] as number;
    if (!Number.isSafeInteger(value) || (value === 0 && 1 / value < 0)) {
      integers = false;
      break;
    }
    if (value > largest) largest = value;
    if (value < smallest) smallest = value;
  }
  if (!integers) {
    writer.byte(FLOAT64);
    writer.float64s(values, count);
  } else if (smallest === 0 && largest < 0x100000000) {
    const width = widthOf(largest);
    writer.byte(UNSIGNED);
    writer.byte(width);
    writer.fixedWidth(values, count, width);
  } else if (largest <= 0x0fffffffffffff && smallest >= -0x0fffffffffffff) {
    writer.byte(ZIGZAG);
    for (let index = 0; index < count; index++) {
      const value = values[index] as number;
      writer.varint(value < 0 ? -value * 2 - 1 : value * 2);
    }
  } else {
    writer.byte(FLOAT64);
    writer.float64s(values, count);
  }
}

/** Writes `count` cells of one column type. */
export function writeCells(writer: ByteWriter, cells: readonly Cell[], count: number): void {
  const sample = cells[0];
  if (count === 0) {
    writer.byte(NONE);
  } else if (typeof sample === 'string') {
    writer.byte(TEXT);
    writeTexts(writer, cells, count);
  } else if (typeof sample === 'boolean') {
    writer.byte(BOOL);
    for (let index = 0; index < count; index++) writer.byte(cells[index] === true ? 1 : 0);
  } else {
    writeIntegers(writer, cells, count);
  }
}

function writeIntegers(writer: ByteWriter, cells: readonly Cell[], count: number): void {
  if (cells.every((cell) => typeof cell === 'number')) {
    writeNumbers(writer, Float64Array.from(cells), count);
    return;
  }
  const values = cells.map((cell) => BigInt(cell));
  const signed = values.some((value) => value < 0n);
  writer.byte(signed ? INT64 : UINT64);
  for (const value of values) writer.uint64(value);
}

/** A decoded column: `numbers` when all cells are plain numbers, otherwise `cells`. */
export interface Column {
  readonly numbers: Float64Array | Uint32Array | undefined;
  readonly cells: readonly Cell[] | undefined;
}

const EMPTY: Column = { numbers: undefined, cells: [] };

/**
 * Reads `count` cells of a table whose values travel as `type`; a layout of another type is malformed.
 * Doubles go to the front part of `into` if that is given.
 */
export function readColumn(reader: ByteReader, count: number, type: ColumnType, into?: Float64Array): Column {
  const layout = reader.byte();
  if (count === 0 || type === 'none') {
    if (layout !== NONE) throw malformed('values where none belong');
    return EMPTY;
  }
  switch (type) {
    case 'double':
    case 'integer':
      if (layout === FLOAT64) return { numbers: reader.float64s(count, into), cells: undefined };
      return readNumbers(reader, count, layout, type === 'integer');
    case 'bigint':
      return { numbers: undefined, cells: readBigints(reader, count, layout) };
    case 'bool':
      if (layout !== BOOL) break;
      return { numbers: undefined, cells: Array.from(reader.raw(count), (byte) => byte === 1) };
    case 'text':
      if (layout !== TEXT) break;
      return { numbers: undefined, cells: readTexts(reader, count) };
  }
  throw malformed(`values in layout ${layout}`);
}

function readNumbers(reader: ByteReader, count: number, layout: number, bigints: boolean): Column {
  if (layout === UNSIGNED) return { numbers: reader.fixedWidth(count, reader.byte()), cells: undefined };
  if (layout === ZIGZAG) {
    const numbers = new Float64Array(count);
    for (let index = 0; index < count; index++) {
      const coded = reader.varint();
      numbers[index] = coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2;
    }
    return { numbers, cells: undefined };
  }
  if (!bigints || (layout !== INT64 && layout !== UINT64)) throw malformed(`numbers in layout ${layout}`);
  const cells: Cell[] = [];
  for (let index = 0; index < count; index++) {
    const value = layout === INT64 ? reader.int64() : reader.uint64();
    const number = Number(value);
    cells.push(Number.isSafeInteger(number) ? number : value);
  }
  return { numbers: undefined, cells };
}

function readBigints(reader: ByteReader, count: number, layout: number): bigint[] {
  const cells: bigint[] = [];
  if (layout === INT64 || layout === UINT64) {
    for (let index = 0; index < count; index++)
      cells.push(layout === INT64 ? reader.int64() : reader.uint64());
    return cells;
  }
  throw malformed(`integers in layout ${layout}`);
}
