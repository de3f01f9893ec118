/**
 * Strings of Zeek are bytes, strings of a table are text. A byte that belongs to no UTF-8 stands in a
 * text as the code point U+F0000 + byte, as in Zeek's own JSON (`JSON::STRING_ESCAPE_POLICY_PUA`).
 */
import { isWellFormed } from './text.ts';

const BASE = 0xf0000;
/** The first half of every code point that stands for a byte. */
const HIGH_SURROGATE = '\udb80';
const STANDS_FOR_BYTE = /[\u{f0080}-\u{f00ff}]/u;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf8 = new TextEncoder();

/** Returns true for text with a code point that stands for a byte. */
export function holdsBytes(text: string): boolean {
  return text.includes(HIGH_SURROGATE) && STANDS_FOR_BYTE.test(text);
}

/** Returns the code point that stands for a byte from 0x80 on. */
function textOfByte(byte: number): string {
  return String.fromCodePoint(BASE + byte);
}

/**
 * Returns the text of a byte string: UTF-8 as it is, every other byte as U+F0000 + byte (U+F0080 to U+F00FF).
 * Bytes that are UTF-8 of these code points are written byte by byte, so that two byte strings never have one
 * text. {@link bytesOfText} gives the bytes back.
 */
export function textOfBytes(bytes: Uint8Array): string {
  const whole = strictText(bytes);
  if (whole !== undefined && !holdsBytes(whole)) return whole;
  let text = '';
  let from = 0;
  for (let at = 0; at < bytes.length;) {
    const size = sequenceSize(bytes, at);
    if (size > 0) {
      at += size;
      continue;
    }
    text += strictUtf8.decode(bytes.subarray(from, at)) + textOfByte(bytes[at] as number);
    from = ++at;
  }
  return text + strictUtf8.decode(bytes.subarray(from));
}

/**
 * Returns the byte string of a text. Returns undefined for a text that {@link textOfBytes} never gives: with
 * half a surrogate pair, or with code points for bytes that together are UTF-8 and so have another text.
 */
export function bytesOfText(text: string): Uint8Array | undefined {
  if (!isWellFormed(text)) return undefined;
  const encoded = utf8.encode(text);
  if (!holdsBytes(text)) return encoded;
  const bytes = withoutStandIns(encoded);
  return textOfBytes(bytes) === text ? bytes : undefined;
}

function strictText(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Returns true where U+F0080 to U+F00FF begins: F3 B0 82 80 to F3 B0 83 BF. */
function isStandIn(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xf3 && bytes[at + 1] === 0xb0 && ((bytes[at + 2] ?? 0) & 0xfe) === 0x82;
}

function withoutStandIns(encoded: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(encoded.length);
  let length = 0;
  for (let at = 0; at < encoded.length; at++) {
    if (isStandIn(encoded, at)) {
      const upperHalf = encoded[at + 2] === 0x83 ? 0x40 : 0;
      bytes[length++] = (encoded[at + 3] as number) + upperHalf;
      at += 3;
    } else {
      bytes[length++] = encoded[at] as number;
    }
  }
  return bytes.subarray(0, length);
}

/**
 * Counts the bytes of the well-formed UTF-8 sequence that begins here; 0 if there is none, or one that stands
 * for a byte.
 */
function sequenceSize(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  if (lead < 0x80) return 1;
  const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (lead < 0xc2 || lead > 0xf4 || isStandIn(bytes, at)) return 0;
  const [least, most] = secondByte(lead);
  const second = bytes[at + 1] ?? 0;
  if (second < least || second > most) return 0;
  for (let next = at + 2; next < at + size; next++) {
    if (((bytes[next] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return size;
}

/**
 * Says what may follow a lead: neither longer forms than needed, nor halves of surrogate pairs, nor beyond
 * U+10FFFF.
 */
function secondByte(lead: number): readonly [least: number, most: number] {
  if (lead === 0xe0) return [0xa0, 0xbf];
  if (lead === 0xed) return [0x80, 0x9f];
  if (lead === 0xf0) return [0x90, 0xbf];
  return lead === 0xf4 ? [0x80, 0x8f] : [0x80, 0xbf];
}
